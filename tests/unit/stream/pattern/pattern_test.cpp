// SPDX-License-Identifier: Apache-2.0
#include "catch.hpp"
#include "pass/pass_support.hpp"

using namespace stream_test;

namespace {
Bytes made(const Pattern& pattern, std::uint64_t offset, std::size_t length) {
    Bytes bytes(length, 0xee);
    efface::stream::make_source(pattern)->fill(offset, bytes);
    return bytes;
}
}  // namespace

TEST_CASE("a repeated pattern begins at address 0 and goes on at any other") {
    const Pattern pattern = repeating({0x92, 0x49, 0x24});
    CHECK(made(pattern, 0, 7) == Bytes{0x92, 0x49, 0x24, 0x92, 0x49, 0x24, 0x92});
    CHECK(made(pattern, 4, 5) == Bytes{0x49, 0x24, 0x92, 0x49, 0x24});
    // 2^63 % 3 == 2
    CHECK(made(pattern, std::uint64_t{1} << 63U, 4) == Bytes{0x24, 0x92, 0x49, 0x24});
    CHECK(made(pattern, 1, 0).empty());
}

TEST_CASE("any part of a pattern is that part of the whole") {
    const Pattern pattern = GENERATE(random_pattern(), repeating({0xaa}),
                                     repeating({1, 2, 3, 4, 5, 6, 7}), repeating(Bytes(64, 9)));
    const Bytes whole = expected_bytes(pattern, 200'000);
    for (const std::size_t offset : {0UL, 1UL, 15UL, 16UL, 63UL, 65'535UL, 131'072UL}) {
        for (const std::size_t length : {1UL, 16UL, 511UL, 16'384UL, 65'537UL}) {
            const auto begin = whole.begin() + static_cast<std::ptrdiff_t>(offset);
            CHECK(made(pattern, offset, length) ==
                  Bytes(begin, begin + static_cast<std::ptrdiff_t>(length)));
        }
    }
}

TEST_CASE("the random pattern is AES-256-CTR over the address") {
    // openssl enc -aes-256-ctr -K 0101... -iv 00000000000000000000000000000040 -in /dev/zero
    CHECK(efface::to_hex(made(random_pattern(), 1024, 16)) == "887f18b37370d3f9ecc21c49907453cc");
}
