// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target over the files of a folder, so that every compiler and sanitizer meets what a
// fuzzer found once.
#include <cstdio>
#include <filesystem>

#include "efface/base/file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    constexpr std::size_t kInputBytesMax = std::size_t{16} << 20U;
    if (argc != 2) {
        std::fputs("usage: replay CORPUS\n", stderr);
        return 2;
    }
    std::size_t inputs = 0;
    for (const auto& file : std::filesystem::directory_iterator(argv[1])) {
        const auto bytes = efface::read_file(file.path(), kInputBytesMax);
        if (!bytes) {
            return 1;
        }
        (void)LLVMFuzzerTestOneInput(bytes->data(), bytes->size());
        ++inputs;
    }
    std::printf("%zu inputs\n", inputs);
    return inputs == 0 ? 1 : 0;  // an empty corpus tests nothing
}
