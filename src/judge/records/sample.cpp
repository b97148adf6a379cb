// SPDX-License-Identifier: Apache-2.0
#include "sample.hpp"

#include <algorithm>
#include <vector>

#include "efface/base/digest.hpp"

namespace efface::judge {

namespace {

constexpr std::uint64_t kSubsections = 1000;
constexpr std::uint64_t kReadDivisor = 20;  // two reads: a tenth

/// A place below `bound`, as efface-certificate(5) says.
std::uint64_t draw(ByteView seed, std::uint64_t subsection, std::uint64_t read,
                   std::uint64_t bound) {
    Bytes input(seed.begin(), seed.end());
    input.resize(seed.size() + 2 * sizeof(std::uint64_t));
    write_be<std::uint64_t>(input, seed.size(), subsection);
    write_be<std::uint64_t>(input, seed.size() + sizeof(std::uint64_t), read);
    return read_be<std::uint64_t>(sha256(ByteView(input)), 0) % bound;
}

/// Bytes of both; each list is sorted and free of overlaps.
std::uint64_t common_bytes(const std::vector<Span>& one, const std::vector<Span>& other) {
    std::uint64_t bytes = 0;
    auto at = other.begin();
    for (const Span& span : one) {
        while (at != other.end() && at->end <= span.begin) {
            ++at;
        }
        for (auto next = at; next != other.end() && next->begin < span.end; ++next) {
            bytes += std::min(span.end, next->end) - std::max(span.begin, next->begin);
        }
    }
    return bytes;
}

std::vector<Span> without_overlaps(std::vector<Span> spans) {
    std::sort(spans.begin(), spans.end(),
              [](const Span& a, const Span& b) { return a.begin < b.begin; });
    std::vector<Span> joined;
    for (const Span& span : spans) {
        if (!joined.empty() && span.begin <= joined.back().end) {
            joined.back().end = std::max(joined.back().end, span.end);
        } else {
            joined.push_back(span);
        }
    }
    return joined;
}

std::vector<Span> sampled_blocks(std::uint64_t blocks, ByteView seed) {
    std::vector<Span> spans{{0, 1}, {blocks - 1, blocks}};
    const auto start_of = [blocks](std::uint64_t section) {  // without a product that may not fit
        return section * (blocks / kSubsections) + section * (blocks % kSubsections) / kSubsections;
    };
    for (std::uint64_t section = 0; section < kSubsections; ++section) {
        const std::uint64_t start = start_of(section);
        const std::uint64_t length = start_of(section + 1) - start;
        const std::uint64_t read = (length + kReadDivisor - 1) / kReadDivisor;
        const std::uint64_t bound = length - 2 * read + 1;
        const auto [first, second] =
            std::minmax({draw(seed, section, 0, bound), draw(seed, section, 1, bound)});
        spans.push_back({start + first, start + first + read});
        spans.push_back({start + second + read, start + second + 2 * read});
    }
    return spans;
}

}  // namespace

std::uint64_t sample_bytes(std::uint64_t size_bytes, std::uint64_t block_bytes, ByteView seed,
                           const std::vector<Span>& left_out) {
    EFFACE_ASSERT(block_bytes > 0 && block_bytes <= kSampleBlockBytesMax &&
                  size_bytes <= kSampleSizeBytesMax);
    const std::uint64_t blocks = size_bytes / block_bytes + (size_bytes % block_bytes != 0 ? 1 : 0);
    std::vector<Span> spans{{0, size_bytes}};
    if (blocks >= kSubsections * kReadDivisor) {
        spans = sampled_blocks(blocks, seed);
        for (Span& span : spans) {
            span.begin *= block_bytes;
            span.end = std::min(span.end * block_bytes, size_bytes);
        }
    }
    spans = without_overlaps(std::move(spans));
    std::uint64_t bytes = 0;
    for (const Span& span : spans) {
        bytes += span.end - span.begin;
    }
    return bytes - common_bytes(spans, without_overlaps(left_out));
}

}  // namespace efface::judge
