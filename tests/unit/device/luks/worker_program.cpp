// SPDX-License-Identifier: Apache-2.0
// Stands for the efface program where a test needs its child; `luks-request` is one child alone.
#include <string_view>

#include "efface/device/luks_library.hpp"

#include "linux/luks/worker.hpp"

int main(int argc, char** argv) {
    const std::string_view command = argc == 2 ? argv[1] : "";
    if (command == "luks-worker") {
        return efface::device::run_luks_server(0);
    }
    if (command == "luks-request") {
        return efface::device::answer_luks_request(0, 1);
    }
    return 2;
}
