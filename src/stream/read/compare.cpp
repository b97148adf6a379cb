// SPDX-License-Identifier: Apache-2.0
#include "compare.hpp"

#include <algorithm>
#include <cstring>

#include "efface/base/digest.hpp"

namespace efface::stream {

namespace {

/// Of data in which differences are looked for block by block, when there is one.
constexpr std::size_t kChunkBytes = std::size_t{64} << 10U;
/// Of each block, at its start: random data is there by chance once in 2^64 blocks.
constexpr std::size_t kSpoiledBytes = 8;
constexpr std::uint8_t kSpoiledByte = 0xa5;

}  // namespace

Comparer::Comparer(const Pattern& pattern, std::size_t unit_bytes)
    : source_(make_source(pattern)),
      unit_(unit_bytes),
      chunk_(std::max(kChunkBytes / unit_bytes, std::size_t{1}) * unit_bytes) {}

void Comparer::compare(std::uint64_t offset, ByteView data, Found& found) {
    while (!data.empty()) {
        const ByteView chunk = data.first(std::min(data.size(), chunk_));
        if (!source_->equals(offset, chunk)) {
            compare_blocks(offset, chunk, found);
        }
        offset += chunk.size();
        data = data.subspan(chunk.size());
    }
}

void Comparer::compare_blocks(std::uint64_t offset, ByteView data, Found& found) {
    while (!data.empty()) {
        const ByteView block = data.first(std::min(data.size(), unit_));
        if (!source_->equals(offset, block)) {
            add_different(offset, block, found);
        }
        offset += block.size();
        data = data.subspan(block.size());
    }
}

void Comparer::add_different(std::uint64_t offset, ByteView block, Found& found) {
    ++found.blocks_different;
    if (!found.different.empty() && found.different.back().end() == offset) {
        found.different.back().length += block.size();
    } else {
        found.different.push_back({offset, block.size()});
    }
    if (found.differences.size() < found.differences_max) {
        found.differences.push_back({offset, sha256_hex(block), all_zero(block)});
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
