// SPDX-License-Identifier: Apache-2.0
// The plans below were derived by a Python program from the text of efface-certificate(5), with
// hashlib and integers of any size: "offset length\n" of each range, hashed.
#include "efface/base/digest.hpp"

#include "catch.hpp"
#include "pass/pass_support.hpp"

using namespace stream_test;

namespace {

struct Derived {
    std::uint64_t size;
    std::uint32_t block;
    std::size_t ranges;
    std::uint64_t bytes;
    const char* sha256;
};

constexpr Derived kDerived[] = {
    {10240000ULL, 512, 1930, 1024512ULL,
     "8372d307b63012dcb4178bfc30a9bcd582c4818b38ac8f09732f8845e375a2c7"},
    {10239999ULL, 512, 1930, 1024511ULL,
     "4588d5c95967a1380e574203c0e58ddfc0c97cb2e72a1560daac58d65f156c1d"},
    {10239488ULL, 512, 1, 10239488ULL,
     "b6ff5854a6974cb8e7f5a5fd28b51684a7f30ee4b51a7700b307124999d4fbfe"},
    {1099511627776ULL, 4096, 2002, 109953032192ULL,
     "9ba438b86eb7640d2a4d0eb87376a11e45786da58f25352de0de0682ec986fb1"},
    {8001563222016ULL, 512, 2002, 800156673024ULL,
     "5a6eb6d8f61da89885929e2dd88415a165fb3c9f3efa8402dfb1e4ca89cdd95d"},
    {1000204886017ULL, 512, 2002, 100021248513ULL,
     "9cf592c9a9df7469a95d6e9fd9de88a4c5f5a45ed65b014493fed5ab097cf0fe"},
    {9223372036854775807ULL, 512, 2002, 922337203686401023ULL,
     "50a3c2c79dabf42f3080b1408af24aedc0d6c8488567a93eae1ef24caa67ca8d"},
    {18446744073709547520ULL, 4096, 2002, 1844674407374856192ULL,
     "a3853c17015d1b6d38f3918cc7b303cca0d869c36a034790d4449cd63ac8f10e"},
};

Bytes counting_seed() {
    Bytes seed(32);
    for (std::size_t i = 0; i < seed.size(); ++i) {
        seed[i] = static_cast<std::uint8_t>(i);
    }
    return seed;
}

}  // namespace

TEST_CASE("the representative plan is the one that anyone can derive from the seed") {
    for (const Derived& derived : kDerived) {
        const std::vector<Range> ranges =
            efface::stream::representative_ranges(derived.size, derived.block, counting_seed());
        INFO(derived.size << " bytes");
        CHECK(ranges.size() == derived.ranges);
        CHECK(efface::stream::total_bytes(ranges) == derived.bytes);
        std::string text;
        for (const Range& range : ranges) {
            text += std::to_string(range.offset) + " " + std::to_string(range.length) + "\n";
        }
        CHECK(efface::sha256_hex(text) == derived.sha256);
    }
}

TEST_CASE("the representative plan has the first and the last block and a tenth of the medium") {
    const std::uint64_t size = GENERATE(as<std::uint64_t>(), 20000 * 512, 123456789 * 512ULL + 3);
    for (std::uint8_t fill = 0; fill < 20; ++fill) {
        const std::vector<Range> ranges =
            efface::stream::representative_ranges(size, 512, Bytes(32, fill));
        CHECK(ranges.front().offset == 0);
        CHECK(ranges.back().end() == size);
        CHECK(efface::stream::total_bytes(ranges) >= size / 10);
        CHECK(ranges == efface::stream::normalized(ranges));
    }
}

TEST_CASE("another seed is another plan") {
    CHECK(efface::stream::representative_ranges(1U << 30U, 512, Bytes(32, 1)) !=
          efface::stream::representative_ranges(1U << 30U, 512, Bytes(32, 2)));
}

TEST_CASE("a medium without bytes has an empty plan, a small one is read whole") {
    CHECK(efface::stream::representative_ranges(0, 512, counting_seed()).empty());
    CHECK(efface::stream::representative_ranges(1, 512, counting_seed()) ==
          std::vector<Range>{{0, 1}});
}
