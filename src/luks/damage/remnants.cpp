// SPDX-License-Identifier: Apache-2.0
#include "remnants.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "header/copy.hpp"
#include "header/reading.hpp"

namespace efface::luks {

namespace {

/// Ranges of the former region whose edges are looked at.
constexpr std::size_t kRangesMax = 128;
/// Where a header can begin on any medium.
constexpr std::size_t kScanStep = 512;
/// Two headers of the largest size: up to here any text of a JSON area counts, also where its first
/// sectors are gone. Further on only the beginning of one does: files may speak of keyslots, too.
constexpr std::uint64_t kTextBytesMax = 2 * kHeaderBytesMax;
/// The smallest JSON area: marks closer than this belong to one text.
constexpr std::uint64_t kTextBytesMin = 0x4000 - kBinaryHeaderBytes;
/// What any text of a JSON area has; what a key needs to be unlocked is in the second and
/// third.
constexpr std::array<std::string_view, 4> kTextMarks = {"\"keyslots\"", "\"kdf\":{", "\"af\":{",
                                                        "\"digests\""};
constexpr std::size_t kMarkBytesMax = 16;
constexpr std::string_view kTextBegin = "{\"";

const char* describe(Sign sign) {
    switch (sign) {
        case Sign::none:
            break;
        case Sign::primary:
            return "LUKS magic";
        case Sign::secondary:
            return "magic of a second LUKS2 header";
        case Sign::reencrypted:
            return "LUKS header marked by cryptsetup-reencrypt";
        case Sign::wiped:
            return "LUKS header without its magic";
    }
    return "key slots of a LUKS1 header without its beginning";  // no sign, but a slot table
}

/// The table of LUKS1 with the salts, behind a beginning that is gone. What says whether a slot is
/// in use can be put back by hand, so a table is one without it, too: by where its areas lie.
bool has_slot_table(ByteView place) {
    constexpr std::size_t kSlots = 8;
    constexpr std::uint32_t kStripes = 4000;
    constexpr std::uint32_t kAreaSectorMax = 1U << 24U;
    unsigned in_order = 0;
    std::uint32_t last_area = 0;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
        const std::size_t at = 208 + 48 * slot;
        if (at + 48 > place.size()) {
            break;
        }
        if (read_be<std::uint32_t>(place, at + 44) != kStripes) {
            continue;
        }
        const auto state = read_be<std::uint32_t>(place, at);
        if (state == 0x00AC71F3 || state == 0x0000DEAD) {
            return true;
        }
        const auto area = read_be<std::uint32_t>(place, at + 40);
        in_order += area > last_area && area < kAreaSectorMax ? 1 : 0;
        last_area = std::max(last_area, area);
    }
    return in_order >= 2;
}

/// A JSON area from its first byte on, whatever the order of its members.
bool begins_text(std::string_view sector) {
    return sector.starts_with(kTextBegin) &&
           std::any_of(kTextMarks.begin(), kTextMarks.end(), [&](std::string_view mark) {
               return sector.find(mark) != std::string_view::npos;
           });
}

class Finder final {
  public:
    explicit Finder(device::BlockTarget& target) : target_(target) {}

    void look_at_place(std::uint64_t offset) {
        Bytes bytes(kLookBytes, 0);
        const std::size_t length = clipped(offset, bytes.size());
        if (!read(offset, MutableByteView(bytes).first(length))) {
            return;
        }
        take_sector(offset, ByteView(bytes).first(kPlaceBytes));
        take_marks(offset, ByteView(bytes).first(length));
    }

    /// Every sector of [0, end), in pieces that overlap by more than the longest mark.
    void scan(std::uint64_t end) {
        Bytes bytes(kReadBytesMax + kScanStep, 0);
        for (std::uint64_t at = 0; at < end; at += kReadBytesMax) {
            std::fill(bytes.begin(), bytes.end(), std::uint8_t{0});
            const std::size_t length = clipped(at, bytes.size());
            if (!read(at, MutableByteView(bytes).first(length))) {
                continue;
            }
            const auto piece = static_cast<std::size_t>(
                std::min<std::uint64_t>({length, kReadBytesMax, end - at}));
            for (std::size_t sector = 0; sector < piece; sector += kScanStep) {
                take_sector(at + sector, ByteView(bytes).subspan(sector, kScanStep));
            }
            if (at < kTextBytesMax) {
                take_marks(at, ByteView(bytes).first(std::min(length, piece + kMarkBytesMax)));
            }
        }
    }

    [[nodiscard]] RemnantReport report() && {
        report_.unreadable.assign(unreadable_.begin(), unreadable_.end());
        std::stable_sort(report_.remnants.begin(), report_.remnants.end(),
                         [](const Remnant& a, const Remnant& b) { return a.offset < b.offset; });
        return std::move(report_);
    }

  private:
    [[nodiscard]] std::size_t clipped(std::uint64_t offset, std::size_t bytes) const {
        return static_cast<std::size_t>(
            std::min<std::uint64_t>(bytes, target_.size_bytes() - offset));
    }

    bool read(std::uint64_t offset, MutableByteView into) {
        const bool readable = read_exactly(target_, offset, into).empty();
        if (!readable && unreadable_.size() < kRemnantsMax) {
            unreadable_.insert(offset);
        }
        return readable;
    }

    void take_sector(std::uint64_t offset, ByteView sector) {
        const Sign sign = sign_of(sector);
        if (sign == Sign::none && !has_slot_table(sector)) {
            if (begins_text(as_text(sector))) {
                take_text(offset);
            }
            return;
        }
        if (!headers_.insert(offset).second) {
            return;
        }
        Remnant remnant{offset, {}, fmt::format("{} at {}", describe(sign), offset)};
        if (sign != Sign::none && report_.remnants.size() < kRemnantsMax) {
            remnant.uuid = uuid_of(offset, sign);
        }
        add(std::move(remnant));
    }

    /// Only a copy that is whole says whose it is: a flipped bit makes another UUID.
    std::string uuid_of(std::uint64_t offset, Sign sign) {
        const HeaderCopy copy = read_copy(target_, offset, sign).copy;
        const bool whole = copy.version == 1
                               ? copy.defects.empty()
                               : copy.version == 2 && copy.checksum_valid && copy.json_valid;
        if (whole) {
            owned_.push_back({{offset, copy.header_bytes}, copy.uuid});
        }
        return whole ? copy.uuid : std::string();
    }

    void take_marks(std::uint64_t offset, ByteView bytes) {
        const std::string_view text = as_text(bytes);
        for (const std::string_view mark : kTextMarks) {
            for (std::size_t at = text.find(mark); at != std::string_view::npos;
                 at = text.find(mark, at + mark.size())) {
                take_text(offset + at);
            }
        }
    }

    void take_text(std::uint64_t offset) {
        const auto after = texts_.lower_bound(offset < kTextBytesMin ? 0 : offset - kTextBytesMin);
        if (after != texts_.end() && *after < offset + kTextBytesMin) {
            return;
        }
        texts_.insert(offset);
        Remnant remnant{offset, {}, fmt::format("LUKS2 JSON at {}", offset)};
        for (const Owned& owned : owned_) {
            if (owned.range.offset <= offset && offset < owned.range.end()) {
                remnant.uuid = owned.uuid;
            }
        }
        add(std::move(remnant));
    }

    void add(Remnant remnant) {
        if (report_.remnants.size() < kRemnantsMax) {
            report_.remnants.push_back(std::move(remnant));
        } else {
            ++report_.further;
        }
    }

    struct Owned {
        Range range;
        std::string uuid;
    };
    device::BlockTarget& target_;
    RemnantReport report_;
    std::set<std::uint64_t> unreadable_;
    std::set<std::uint64_t> headers_;
    std::set<std::uint64_t> texts_;
    std::vector<Owned> owned_;
};

}  // namespace

std::set<std::uint64_t> remnant_places(const std::vector<Range>& former_region,
                                       std::uint64_t target_bytes) {
    std::set<std::uint64_t> places(kHeaderOffsets.begin(), kHeaderOffsets.end());
    for (std::size_t i = 0; i < std::min(former_region.size(), kRangesMax); ++i) {
        places.insert(former_region[i].offset);
        places.insert(former_region[i].end());
    }
    if (!former_region.empty()) {
        for (const std::uint64_t offset : kHeaderOffsets) {
            places.insert(former_region.front().end() + offset);
        }
    }
    places.erase(places.lower_bound(target_bytes), places.end());
    return places;
}

RemnantReport look_for_remnants(device::BlockTarget& target, const std::set<std::uint64_t>& places,
                                std::uint64_t scanned_bytes) {
    Finder finder(target);
    for (const std::uint64_t offset : places) {
        finder.look_at_place(offset);
    }
    finder.scan(std::min(scanned_bytes, target.size_bytes()));
    return std::move(finder).report();
}

RemnantReport find_remnants(device::BlockTarget& target, const std::vector<Range>& former_region,
                            std::uint64_t scanned_bytes) {
    return look_for_remnants(target, remnant_places(former_region, target.size_bytes()),
                             scanned_bytes);
}

}  // namespace efface::luks
