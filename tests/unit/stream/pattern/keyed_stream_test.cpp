// SPDX-License-Identifier: Apache-2.0
// Expected bytes: openssl enc -aes-256-ctr -K 000102..1f -iv <block number> < /dev/zero
#include "efface/stream/keyed_stream.hpp"

#include <numeric>

#include "efface/base/digest.hpp"

#include "catch.hpp"

using efface::Bytes;
using efface::to_hex;
using efface::stream::KeyedStream;

namespace {

Bytes key() {
    Bytes bytes(efface::stream::kStreamKeyBytes);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
    return bytes;
}

std::string pattern(std::uint64_t offset, std::size_t length) {
    KeyedStream stream(key());
    Bytes bytes(length, 0xa5);
    stream.fill(offset, bytes);
    return to_hex(bytes);
}

const std::string kFirstBlocks =
    "f29000b62a499fd0a9f39a6add2e7780f05d76ae4ab99fe5a6f69b3148c2363d"
    "0ebcb5deb52c83bd08a8a935182c9199d24356532881602f809eb383c5ff5d56";

}  // namespace

TEST_CASE("the pattern at offset 0 is AES-256-CTR from counter 0") {
    CHECK(pattern(0, 64) == kFirstBlocks);
}

TEST_CASE("the pattern at an unaligned offset is the same sequence from there") {
    CHECK(pattern(5, 40) == kFirstBlocks.substr(10, 80));
    CHECK(pattern(31, 2) == kFirstBlocks.substr(62, 4));
    CHECK(pattern(17, 1) == kFirstBlocks.substr(34, 2));
}

TEST_CASE("the counter carries across 2^32 blocks") {
    const std::uint64_t offset = 0xfffffffeULL * 16;
    CHECK(pattern(offset, 64) ==
          "fd9fa3f92c22eba19a686bb924f6e674b9c2739810cba157a9fe6a108c6e569e"
          "641d1a3a80becff6f0f38f9764fdcf96367ef8288831557408e102950a16e26a");
}

TEST_CASE("the low 64 bits of the counter are the offset divided by 16, big endian") {
    // 0x0123456789abcde is the largest such block number whose offset fits 64 bits.
    CHECK(pattern(0x0123456789abcdefULL * 16, 32) ==
          "2564ca0288004790aa1ac634717980f196ebdd46eb4a84909fdafe622943a5f5");
}

TEST_CASE("a large fill equals one call of the reference tool") {
    KeyedStream stream(key());
    Bytes bytes(std::size_t{1} << 20U);
    stream.fill(std::uint64_t{1} << 20U, bytes);
    CHECK(efface::sha256_hex(efface::ByteView(bytes)) ==
          "e53f169abe276c95a8ee7586ea1667b49b0b3a58c8e59bca4ad187180b24d329");
}

TEST_CASE("filling backwards gives the same bytes as filling forwards") {
    KeyedStream stream(key());
    Bytes bytes(64);
    stream.fill(32, efface::MutableByteView(bytes).subspan(32));
    stream.fill(0, efface::MutableByteView(bytes).first(32));
    CHECK(to_hex(bytes) == kFirstBlocks);
}

TEST_CASE("a moved stream goes on with its key") {
    KeyedStream stream(key());
    KeyedStream other = std::move(stream);
    Bytes bytes(16);
    other.fill(16, bytes);
    CHECK(to_hex(bytes) == kFirstBlocks.substr(32, 32));
}
