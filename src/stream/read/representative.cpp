// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/stream/pass.hpp"

namespace efface::stream {

namespace {

/// Each of the two reads of a subsection covers at least this part of it: together a tenth.
constexpr std::uint64_t kReadDivisor = 20;
constexpr std::size_t kSeedBytes = 32;

/// floor(index * blocks / kSubsections) without the product, which may not fit.
std::uint64_t subsection_start(std::uint64_t blocks, std::uint64_t index) {
    return index * (blocks / kSubsections) + index * (blocks % kSubsections) / kSubsections;
}

/// A number below `bound`: the first 8 bytes of SHA-256(seed || BE64(subsection) || BE64(read)),
/// as a big endian number, modulo `bound`.
std::uint64_t draw(ByteView seed, std::uint64_t subsection, std::uint64_t read,
                   std::uint64_t bound) {
    Bytes input(seed.begin(), seed.end());
    input.resize(kSeedBytes + 2 * sizeof(std::uint64_t));
    write_be<std::uint64_t>(input, kSeedBytes, subsection);
    write_be<std::uint64_t>(input, kSeedBytes + sizeof(std::uint64_t), read);
    return read_be<std::uint64_t>(sha256(ByteView(input)), 0) % bound;
}

}  // namespace

// The plan, for whoever derives it again (all divisions round down unless said otherwise):
//   N = blocks of the medium, a last incomplete one counted. N < 20000: everything is read.
//   Subsection i (0 to 999) is [i*N/1000, (i+1)*N/1000), n blocks. A read is r = n/20 blocks,
//   rounded up. x = draw(i, 0) and y = draw(i, 1), both below n - 2r + 1, with draw as above.
//   The reads begin min(x, y) and max(x, y) + r blocks behind the start of the subsection: any two
//   places that do not overlap can come out.
//   Block 0 and block N-1 are read as well.
std::vector<Range> representative_ranges(std::uint64_t size_bytes,
                                         std::uint32_t logical_block_bytes, ByteView seed) {
    EFFACE_ASSERT(seed.size() == kSeedBytes && logical_block_bytes > 0);
    const std::uint64_t block = logical_block_bytes;
    const std::uint64_t blocks = size_bytes / block + (size_bytes % block != 0 ? 1 : 0);
    if (blocks < kSubsections * kReadDivisor) {
        return normalized({{0, size_bytes}});
    }
    std::vector<Range> ranges;
    const auto add = [&](std::uint64_t first, std::uint64_t count) {
        const std::uint64_t offset = first * block;
        ranges.push_back({offset, std::min(count * block, size_bytes - offset)});
    };
    add(0, 1);
    for (std::uint64_t i = 0; i < kSubsections; ++i) {
        const std::uint64_t start = subsection_start(blocks, i);
        const std::uint64_t length = subsection_start(blocks, i + 1) - start;
        const std::uint64_t read = (length + kReadDivisor - 1) / kReadDivisor;
        const std::uint64_t bound = length - 2 * read + 1;
        const std::uint64_t x = draw(seed, i, 0, bound);
        const std::uint64_t y = draw(seed, i, 1, bound);
        add(start + std::min(x, y), read);
        add(start + std::max(x, y) + read, read);
    }
    add(blocks - 1, 1);
    return normalized(std::move(ranges));
}

}  // namespace efface::stream
