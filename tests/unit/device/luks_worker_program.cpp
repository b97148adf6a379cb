// SPDX-License-Identifier: Apache-2.0
// Stands for the efface program where a test needs its child.
#include <string_view>

#include "efface/device/luks_library.hpp"

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "luks-worker") {
        return efface::device::run_luks_worker(0, 1);
    }
    return 2;
}
