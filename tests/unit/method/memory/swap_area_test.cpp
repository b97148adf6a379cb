// SPDX-License-Identifier: Apache-2.0
// Which superblock says what a swap area is, when others were paged out into it.
#include "memory/devices/swap_area.hpp"

#include <fstream>

#include "catch.hpp"
#include "fake/scratch.hpp"

using namespace efface;

namespace {

constexpr std::size_t kSwapHeader = 1024;     // mkswap(8): version, last page
constexpr std::size_t kSwapMark = 4096 - 10;  // SWAPSPACE2, at the end of the first page
constexpr std::size_t kSkul = 0x8000;

struct Row {
    bool swap;
    std::size_t luks_at;  ///< 0: none; a LUKS mark of the right kind there
    bool luks_first;      ///< a first header at 0
    bool expected_swap;
};

std::string image(const Row& row) {
    std::string bytes(256U << 10U, '\0');
    if (row.swap) {
        bytes[kSwapHeader] = 1;
        bytes[kSwapHeader + 4] = 63;
        bytes.replace(kSwapMark, 10, "SWAPSPACE2");
    }
    const std::string version("\0\2", 2);
    if (row.luks_at != 0) {
        bytes.replace(row.luks_at, 8, "SKUL\xba\xbe" + version);
    }
    if (row.luks_first) {
        bytes.replace(0, 8, "LUKS\xba\xbe" + version);
    }
    return bytes;
}

}  // namespace

TEST_CASE("memory: a swap area is one by its first page, whatever was paged out behind it") {
    const auto row = GENERATE(Row{true, 0, false, true}, Row{true, 0x4000, false, true},
                              Row{true, kSkul, false, true},
                              Row{true, 0x40000 - 0x20000, false, true}, Row{true, 0, true, false},
                              Row{true, kSkul, true, false}, Row{false, kSkul, false, false},
                              Row{false, 0, true, false}, Row{false, 0, false, false});
    const fake::ScratchDirectory scratch;
    const auto file = scratch.path() / "area";
    std::ofstream(file, std::ios::binary) << image(row);
    const auto signature = method::swap_area_signature(file.string());
    CHECK(method::is_swap_signature(signature.type) == row.expected_swap);
}
