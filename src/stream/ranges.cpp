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

}  // namespace efface::stream
