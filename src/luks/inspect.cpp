// SPDX-License-Identifier: Apache-2.0
// Finds every header copy of a target, chooses the one that an honest reader would use, and says
// whether the geometry is certain.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "damage/defects.hpp"
#include "header/copy.hpp"

namespace efface::luks {

namespace {

using Readings = std::vector<CopyReading>;

Readings find_copies(device::BlockTarget& target, Header& header) {
    Readings readings;
    const char* instead = nullptr;
    for (const std::uint64_t offset : kHeaderOffsets) {
        if (offset >= target.size_bytes()) {
            break;
        }
        const Place place = look_at(target, offset);
        if (!place.problem.empty()) {
            add_defect(header.defects, place.problem);
            ++header.unreadable_places;
        } else if (place.sign != Sign::none) {
            readings.push_back(read_copy(target, offset, place.sign));
        } else if (offset == 0) {
            instead = place.all_zero ? "there are zeros where the first header should be"
                                     : "there is other data where the first header should be";
        }
    }
    if (!readings.empty() && instead != nullptr) {
        add_defect(header.defects, instead);
    }
    return readings;
}

bool is_sound(const CopyReading& reading) {
    return reading.copy.version != 0 && reading.copy.checksum_valid && reading.copy.json_valid;
}

/// The second header that belongs to a LUKS2 copy at 0 (or the other way round).
bool are_pair(const CopyReading& first, const CopyReading& second) {
    return first.copy.version == 2 && second.copy.version == 2 && first.copy.offset == 0 &&
           second.copy.offset == first.copy.header_bytes;
}

/// What cryptsetup's own reader does: the header at 0, or its second one when that is newer;
/// without a sound one at 0 the first sound second header; after that, whatever says most.
const CopyReading& choose(const Readings& readings) {
    EFFACE_ASSERT(!readings.empty());
    const CopyReading& first = readings.front();
    if (first.copy.offset == 0 && is_sound(first)) {
        for (const CopyReading& other : readings) {
            if (are_pair(first, other) && is_sound(other) &&
                other.copy.sequence_id > first.copy.sequence_id) {
                return other;
            }
        }
        return first;
    }
    for (const CopyReading& reading : readings) {
        if (is_sound(reading) && reading.copy.secondary &&
            reading.stated_offset == reading.copy.offset) {
            return reading;
        }
    }
    const auto says_less = [](const CopyReading& a, const CopyReading& b) {
        const auto rank = [](const CopyReading& reading) {
            return std::make_tuple(reading.copy.json_valid, reading.copy.checksum_valid,
                                   reading.copy.version, reading.copy.sequence_id);
        };
        return rank(a) < rank(b);
    };
    return *std::max_element(readings.begin(), readings.end(), says_less);
}

bool agree(const CopyReading& a, const CopyReading& b) {
    return a.copy.sequence_id == b.copy.sequence_id && a.copy.uuid == b.copy.uuid &&
           a.copy.label == b.copy.label && a.copy.subsystem == b.copy.subsystem &&
           a.copy.header_bytes == b.copy.header_bytes && a.json_sha256 == b.json_sha256;
}

/// Fills header.defects with what only all copies together tell.
void compare_copies(const Readings& readings, Header& header) {
    const CopyReading& first = readings.front();
    const bool primary_is_luks1 = first.copy.offset == 0 && first.copy.version == 1;
    bool paired = false;
    for (std::size_t i = 1; i < readings.size(); ++i) {
        const CopyReading& other = readings[i];
        if (are_pair(first, other)) {
            paired = true;
            if (!agree(first, other)) {
                add_defect(header.defects, "the two headers differ");
            }
        } else if (first.copy.offset == 0) {
            add_defect(header.defects,
                       fmt::format("a LUKS header at {} belongs to no present layout: it is from "
                                   "an older one, or was planted",
                                   other.copy.offset));
        } else {
            add_defect(header.defects, fmt::format("there are second headers at {} and {}",
                                                   first.copy.offset, other.copy.offset));
        }
    }
    if (first.copy.offset == 0 && !primary_is_luks1 && !paired) {
        add_defect(header.defects, "the second header is missing");
    }
}

/// LUKS1: the smallest range that holds every non-zero byte between `begin` and `end`.
Range find_content(device::BlockTarget& target, std::uint64_t begin, std::uint64_t end,
                   std::vector<std::string>& defects) {
    Range content;
    Bytes piece(kReadBytesMax);
    for (std::uint64_t at = begin; at < end;) {
        const auto length =
            static_cast<std::size_t>(std::min<std::uint64_t>(kReadBytesMax, end - at));
        const MutableByteView view = MutableByteView(piece).first(length);
        const std::string problem = read_exactly(target, at, view);
        if (!problem.empty()) {
            add_defect(defects, problem);
            // What cannot be read may hold something.
            content = {content.length == 0 ? at : content.offset, 0};
            content.length = end - content.offset;
            return content;
        }
        if (!all_zero(view)) {
            const auto nonzero = [](std::uint8_t byte) { return byte != 0; };
            const auto first = std::find_if(view.begin(), view.end(), nonzero) - view.begin();
            const auto last = std::find_if(view.rbegin(), view.rend(), nonzero) - view.rbegin();
            if (content.length == 0) {
                content.offset = at + static_cast<std::uint64_t>(first);
            }
            content.length = at + length - static_cast<std::uint64_t>(last) - content.offset;
        }
        at += length;
    }
    return content;
}

/// luksmeta keeps its table at the first multiple of 4096 behind the last key area.
bool is_luksmeta_at(device::BlockTarget& target, std::uint64_t offset) {
    constexpr std::string_view kMagic = "LUKSMETA";
    std::array<std::uint8_t, kMagic.size()> bytes{};
    return read_exactly(target, offset, bytes).empty() && as_text(bytes) == kMagic;
}

void inspect_gap(device::BlockTarget& target, Header& header) {
    constexpr std::uint64_t kLuksmetaAlignment = 4096;
    const std::uint64_t begin = header.metadata_end;
    // A detached header has no payload to end the gap; its file is the gap's end.
    const std::uint64_t payload = header.data_offset.value_or(0);
    const std::uint64_t end = std::min(
        {payload == 0 ? target.size_bytes() : payload, target.size_bytes(), kMetadataBytesMax});
    if (begin >= end) {
        return;
    }
    header.gap = find_content(target, begin, end, header.defects);
    const std::uint64_t table =
        (begin + kLuksmetaAlignment - 1) / kLuksmetaAlignment * kLuksmetaAlignment;
    header.gap_has_luksmeta =
        header.gap.length != 0 && table < end && is_luksmeta_at(target, table);
}

bool judge_intact(const Header& header) {
    const std::size_t expected = header.version == 1 ? 1 : 2;
    return header.defects.empty() && header.copies.size() == expected &&
           std::all_of(header.copies.begin(), header.copies.end(), [&](const HeaderCopy& copy) {
               return copy.version == header.version && copy.defects.empty() &&
                      copy.checksum_valid && copy.json_valid;
           });
}

}  // namespace

HeaderCopies find_header_copies(device::BlockTarget& target) {
    Header header;
    HeaderCopies found;
    for (CopyReading& reading : find_copies(target, header)) {
        if (reading.stated_offset == reading.copy.offset || reading.copy.version == 1) {
            found.copies.push_back(std::move(reading.copy));
        }
    }
    found.unreadable_places = header.unreadable_places;
    return found;
}

Header inspect(device::BlockTarget& target) {
    Header header;
    Readings readings = find_copies(target, header);
    if (readings.empty()) {
        return header;
    }
    compare_copies(readings, header);
    const CopyReading& chosen = choose(readings);
    header.version = chosen.copy.version;
    header.uuid = chosen.copy.uuid;
    header.keyslots = chosen.metadata.keyslots;
    header.segments = chosen.metadata.segments;
    header.tokens = chosen.metadata.tokens;
    header.digests = chosen.metadata.digests;
    header.requirements = chosen.metadata.requirements;
    header.key_bytes = chosen.metadata.key_bytes;
    header.data_offset = chosen.metadata.data_offset;
    for (CopyReading& reading : readings) {
        reading.copy.data_offset = reading.metadata.data_offset;
        header.metadata_end = std::max(header.metadata_end, reading.metadata.metadata_end);
        header.copies.push_back(std::move(reading.copy));
    }
    if (header.version == 1) {
        inspect_gap(target, header);
    }
    header.intact = judge_intact(header);
    return header;
}

}  // namespace efface::luks
