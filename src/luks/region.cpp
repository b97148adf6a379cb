// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "efface/luks/header.hpp"

#include "defects.hpp"

namespace efface::luks {

namespace {

/// Requirements whose layout is known and at rest. During a reencryption segments and areas move,
/// so those are doubts; so is any name that is not listed.
constexpr std::array<std::string_view, 3> kKnownRequirements = {"opal", "opal-v2",
                                                                "inline-hw-tags"};

/// Everything that makes the geometry uncertain, in words. Empty = certain.
std::vector<std::string> doubts(const Header& header, std::uint64_t target_bytes) {
    std::vector<std::string> reasons;
    if (!header.found()) {
        add_defect(reasons, "no LUKS header was found");
    }
    for (const std::string& defect : header.defects) {
        add_defect(reasons, defect);
    }
    for (const HeaderCopy& copy : header.copies) {
        for (const std::string& defect : copy.defects) {
            add_defect(reasons, fmt::format("header at {}: {}", copy.offset, defect));
        }
    }
    for (const std::string& requirement : header.requirements) {
        if (std::find(kKnownRequirements.begin(), kKnownRequirements.end(), requirement) ==
            kKnownRequirements.end()) {
            add_defect(reasons, fmt::format("requirement \"{}\"", requirement));
        }
    }
    const std::uint64_t data_offset = header.data_offset.value_or(0);
    if (header.found() && data_offset == 0) {
        add_defect(reasons, "the header names no data offset");
    } else if (data_offset > target_bytes) {
        add_defect(reasons, fmt::format("the data offset {} lies beyond the target", data_offset));
    } else if (header.metadata_end > data_offset) {
        add_defect(reasons, fmt::format("metadata reaches {}, beyond the data offset {}",
                                        header.metadata_end, data_offset));
    }
    if (header.found() && !header.intact && reasons.empty()) {
        add_defect(reasons, "the header is not intact");
    }
    return reasons;
}

}  // namespace

MetadataRegion metadata_region(const Header& header, std::uint64_t target_bytes,
                               bool whole_target) {
    MetadataRegion region;
    if (whole_target) {
        region.ranges = stream::normalized({{0, target_bytes}});
        return region;
    }
    region.reasons = doubts(header, target_bytes);
    region.widened = !region.reasons.empty();
    const std::uint64_t certain = std::min(header.data_offset.value_or(0), kMetadataBytesMax);
    std::vector<Range> ranges = {
        {0, std::min(target_bytes, region.widened ? kMetadataBytesMax : certain)}};
    for (const HeaderCopy& copy : header.copies) {
        for (const Range& area : copy.areas) {
            if (area.offset < target_bytes) {
                ranges.push_back({area.offset, std::min(area.length, target_bytes - area.offset)});
            }
        }
    }
    region.ranges = stream::normalized(std::move(ranges));
    return region;
}

}  // namespace efface::luks
