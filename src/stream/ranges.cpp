// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "efface/stream/overwrite.hpp"

namespace efface::stream {

std::vector<Range> normalized(std::vector<Range> ranges) {
    std::erase_if(ranges, [](const Range& range) { return range.length == 0; });
    std::sort(ranges.begin(), ranges.end(),
              [](const Range& a, const Range& b) { return a.offset < b.offset; });
    std::vector<Range> joined;
    for (const Range& range : ranges) {
        EFFACE_ASSERT(range.length <= UINT64_MAX - range.offset);
        if (!joined.empty() && range.offset <= joined.back().end()) {
            Range& last = joined.back();
            last.length = std::max(last.end(), range.end()) - last.offset;
        } else {
            joined.push_back(range);
        }
    }
    return joined;
}

std::uint64_t total_bytes(const std::vector<Range>& ranges) noexcept {
    std::uint64_t total = 0;
    for (const Range& range : ranges) {
        total += range.length;
    }
    return total;
}

std::vector<Range> without(const std::vector<Range>& from, const std::vector<Range>& holes) {
    std::vector<Range> rest;
    for (const auto& range : from) {
        std::uint64_t at = range.offset;
        for (const auto& hole : holes) {
            if (hole.end() <= at || hole.offset >= range.end()) {
                continue;
            }
            if (hole.offset > at) {
                rest.push_back({at, hole.offset - at});
            }
            at = std::max(at, hole.end());
        }
        if (at < range.end()) {
            rest.push_back({at, range.end() - at});
        }
    }
    return rest;
}

}  // namespace efface::stream
