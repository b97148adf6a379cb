// SPDX-License-Identifier: Apache-2.0
#include "compare.hpp"

#include <algorithm>
#include <cstring>

#include "efface/base/digest.hpp"

namespace efface::stream {

namespace {

/// Of the pattern, made and compared while it is in the first-level cache (48 KiB and more on
/// today's servers, 32 KiB on older ones).
constexpr std::size_t kChunkBytes = std::size_t{16} << 10U;
/// Of each block, at its start: random data is there by chance once in 2^64 blocks.
constexpr std::size_t kSpoiledBytes = 8;
constexpr std::uint8_t kSpoiledByte = 0xa5;

}  // namespace

Comparer::Comparer(const Pattern& pattern, std::size_t unit_bytes)
    : source_(make_source(pattern)),
      unit_(unit_bytes),
      expected_(std::max(kChunkBytes / unit_bytes, std::size_t{1}) * unit_bytes) {}

void Comparer::compare(std::uint64_t offset, ByteView data, Found& found) {
    while (!data.empty()) {
        const std::size_t length = std::min(data.size(), expected_.view().size());
        const MutableByteView expected = expected_.first(length);
        source_->fill(offset, expected);
        if (std::memcmp(expected.data(), data.data(), length) != 0) {
            compare_blocks(offset, data.first(length), expected, found);
        }
        offset += length;
        data = data.subspan(length);
    }
}

void Comparer::compare_blocks(std::uint64_t offset, ByteView data, ByteView expected,
                              Found& found) const {
    for (std::size_t done = 0; done < data.size(); done += unit_) {
        const std::size_t length = std::min(unit_, data.size() - done);
        const ByteView block = data.subspan(done, length);
        if (std::memcmp(block.data(), expected.data() + done, length) == 0) {
            continue;
        }
        ++found.blocks_different;
        const std::uint64_t at = offset + done;
        if (!found.different.empty() && found.different.back().end() == at) {
            found.different.back().length += length;
        } else {
            found.different.push_back({at, length});
        }
        if (found.differences.size() < found.differences_max) {
            found.differences.push_back({at, sha256_hex(block), all_zero(block)});
        }
    }
}

void spoil(const Pattern& pattern, std::uint64_t offset, MutableByteView buffer,
           std::size_t unit_bytes) {
    for (std::size_t done = 0; done < buffer.size(); done += unit_bytes) {
        const std::size_t length = std::min(kSpoiledBytes, buffer.size() - done);
        if (pattern.kind == Pattern::Kind::random) {
            std::memset(buffer.data() + done, kSpoiledByte, length);
            continue;
        }
        const Bytes& bytes = pattern.bytes;
        for (std::size_t i = 0; i < length; ++i) {
            const std::size_t phase = static_cast<std::size_t>((offset + done + i) % bytes.size());
            buffer[done + i] = static_cast<std::uint8_t>(~bytes[phase]);
        }
    }
}

}  // namespace efface::stream
