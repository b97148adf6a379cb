// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "efface/luks/header.hpp"

#include "damage/defects.hpp"
#include "damage/remnants.hpp"
#include "header/reading.hpp"

namespace efface::luks {

namespace {

/// Requirements whose layout is known and at rest. During a reencryption segments and areas move,
/// so those are doubts; so is any name that is not listed.
constexpr std::array<std::string_view, 3> kKnownRequirements = {"opal", "opal-v2",
                                                                "inline-hw-tags"};
/// Volumes in volumes that are followed; a deeper one is an objection.
constexpr unsigned kNestedMax = 4;
constexpr std::uint64_t kRangeAlignment = 4096;
/// A volume whose payload begins nobody knows where is overwritten as a whole up to this size.
constexpr std::uint64_t kUnboundedBytesMax = std::uint64_t{512} << 20U;
/// Of a larger one this much is looked at; the rest is named.
constexpr std::uint64_t kUnboundedScanBytes = std::uint64_t{1} << 30U;

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
        add_defect(reasons, fmt::format("the data offset {} is beyond the target", data_offset));
    } else if (header.metadata_end > data_offset) {
        add_defect(reasons, fmt::format("metadata reaches {}, beyond the data offset {}",
                                        header.metadata_end, data_offset));
    }
    if (header.found() && !header.intact && reasons.empty()) {
        add_defect(reasons, "the header is damaged");
    }
    return reasons;
}

/// Whether a copy that is whole says where the payload begins. LUKS1 has no checksum: its word is
/// taken, and looked at once more (scanned_bytes()).
bool bounded(const Header& header) {
    return std::any_of(header.copies.begin(), header.copies.end(), [](const HeaderCopy& copy) {
        return copy.checksum_valid && copy.data_offset.value_or(0) != 0;
    });
}

/// How far plan_region() looks at every sector. An intact LUKS2 header needs none of it.
std::uint64_t scanned_bytes(const Header& header, const MetadataRegion& region) {
    if (region.unbounded.length != 0) {
        return kUnboundedScanBytes;
    }
    const bool may_lie = std::any_of(header.copies.begin(), header.copies.end(),
                                     [](const HeaderCopy& copy) { return copy.version != 2; });
    return may_lie ? kMetadataBytesMax : 0;
}

/// 0: no copy says, or the payload is elsewhere.
std::uint64_t furthest_data_offset(const Header& header) {
    std::uint64_t furthest = header.data_offset.value_or(0);
    for (const HeaderCopy& copy : header.copies) {
        furthest = std::max(furthest, copy.data_offset.value_or(0));
    }
    return furthest;
}

bool holds(const std::vector<Range>& ranges, std::uint64_t offset) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
        return range.offset <= offset && offset < range.end();
    });
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
    const std::uint64_t payload = furthest_data_offset(header);
    std::uint64_t end =
        std::min(target_bytes, region.widened ? std::max(payload, kMetadataBytesMax) : payload);
    if (!bounded(header) && end < target_bytes) {
        if (target_bytes <= kUnboundedBytesMax) {
            end = target_bytes;
        } else {
            region.unbounded = {end, target_bytes - end};
        }
    }
    std::vector<Range> ranges = {{0, end}};
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

MetadataRegion plan_region(device::BlockTarget& target, const Header& header, bool whole_target) {
    const std::uint64_t size = target.size_bytes();
    MetadataRegion region = metadata_region(header, size, whole_target);
    const std::uint64_t scanned = whole_target ? 0 : scanned_bytes(header, region);
    for (unsigned round = 0; round < kNestedMax; ++round) {
        std::set<std::uint64_t> places = remnant_places(region.ranges, size);
        std::erase_if(places, [&](std::uint64_t place) { return holds(region.ranges, place); });
        const RemnantReport report = look_for_remnants(target, places, scanned);
        std::vector<Range> more;
        region.beyond.clear();
        const auto take = [&](std::uint64_t offset, std::uint64_t length, std::string words) {
            if (!holds(region.ranges, offset)) {
                const std::uint64_t begin = offset / kRangeAlignment * kRangeAlignment;
                more.push_back({begin, std::min(length, size - begin)});
                region.beyond.push_back(std::move(words));
            }
        };
        for (const Remnant& remnant : report.remnants) {
            take(remnant.offset, kMetadataBytesMax, remnant.words);
        }
        for (const std::uint64_t place : report.unreadable) {
            take(place, kLookBytes, fmt::format("the place at {} cannot be read", place));
        }
        if (more.empty()) {
            break;
        }
        for (const std::string& words : region.beyond) {
            add_defect(region.reasons, words + ", beyond what the header states");
        }
        region.widened = true;
        more.insert(more.end(), region.ranges.begin(), region.ranges.end());
        region.ranges = stream::normalized(std::move(more));
    }
    return region;
}

}  // namespace efface::luks
