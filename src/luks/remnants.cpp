// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "efface/luks/header.hpp"

#include "defects.hpp"
#include "reading.hpp"

namespace efface::luks {

namespace {

/// Ranges of the former region whose edges are looked at.
constexpr std::size_t kRangesMax = 128;
/// A binary header and the first page of the JSON area behind it.
constexpr std::size_t kLookBytes = 2 * kBinaryHeaderBytes;
constexpr std::string_view kJsonMark = "\"keyslots\"";

std::set<std::uint64_t> places_of(const std::vector<Range>& former_region,
                                  std::uint64_t target_bytes) {
    std::set<std::uint64_t> places(kHeaderOffsets.begin(), kHeaderOffsets.end());
    for (std::size_t i = 0; i < std::min(former_region.size(), kRangesMax); ++i) {
        places.insert(former_region[i].offset);
        places.insert(former_region[i].end());
    }
    places.erase(places.lower_bound(target_bytes), places.end());
    return places;
}

std::string describe(Sign sign, std::uint64_t offset) {
    switch (sign) {
        case Sign::none:
            break;
        case Sign::primary:
            return fmt::format("LUKS magic at {}", offset);
        case Sign::secondary:
            return fmt::format("magic of a second LUKS2 header at {}", offset);
        case Sign::reencrypted:
            return fmt::format("LUKS header marked by cryptsetup-reencrypt at {}", offset);
        case Sign::wiped:
            return fmt::format("LUKS header without its magic at {}", offset);
    }
    return {};
}

}  // namespace

RemnantReport find_remnants(device::BlockTarget& target, const std::vector<Range>& former_region) {
    RemnantReport report;
    std::set<std::uint64_t> json_places;  // neighbouring looks overlap; each text counts once
    for (const std::uint64_t offset : places_of(former_region, target.size_bytes())) {
        Bytes bytes(kLookBytes, 0);
        const auto length = static_cast<std::size_t>(
            std::min<std::uint64_t>(bytes.size(), target.size_bytes() - offset));
        if (!read_exactly(target, offset, MutableByteView(bytes).first(length)).empty()) {
            ++report.unreadable;
            continue;
        }
        if (std::string sign = describe(sign_of(bytes), offset); !sign.empty()) {
            report.remnants.push_back(std::move(sign));
        }
        const std::size_t json = as_text(bytes).find(kJsonMark);
        if (json != std::string_view::npos && json_places.insert(offset + json).second) {
            report.remnants.push_back(fmt::format("LUKS2 JSON at {}", offset + json));
        }
    }
    return report;
}

}  // namespace efface::luks
