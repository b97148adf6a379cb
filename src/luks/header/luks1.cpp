// SPDX-License-Identifier: Apache-2.0
// LUKS1 partition header: LUKS On-Disk Format Specification 1.2.3, figure 1.
#include <fmt/format.h>

#include "efface/base/digest.hpp"

#include "copy.hpp"
#include "damage/defects.hpp"
#include "reading.hpp"

namespace efface::luks {

namespace {

constexpr std::size_t kHeaderBytes = 1024;
constexpr std::size_t kSlots = 8;
constexpr std::size_t kSlotsOffset = 208;
constexpr std::size_t kSlotBytes = 48;
constexpr std::uint32_t kSlotEnabled = 0x00AC71F3;
constexpr std::uint32_t kSlotDisabled = 0x0000DEAD;
constexpr std::uint64_t kSectorBytes = 512;
/// LUKS_MAX_KEYSLOT_SIZE of cryptsetup.
constexpr std::uint64_t kAreaBytesMax = std::uint64_t{16} << 20U;
/// The longest key of any cipher that dm-crypt takes.
constexpr std::uint32_t kKeyBytesMax = 512;

Keyslot parse_slot(ByteView bytes, int index, std::uint32_t key_bytes, std::uint64_t target_bytes,
                   std::vector<std::string>& defects) {
    const std::size_t at = kSlotsOffset + static_cast<std::size_t>(index) * kSlotBytes;
    const auto active = read_be<std::uint32_t>(bytes, at);
    const std::uint64_t offset = read_be<std::uint32_t>(bytes, at + 40) * kSectorBytes;
    const std::uint64_t stripes = read_be<std::uint32_t>(bytes, at + 44);
    Keyslot slot;
    slot.index = index;
    slot.type = "luks1";
    slot.state = active == kSlotEnabled    ? SlotState::active
                 : active == kSlotDisabled ? SlotState::inactive
                                           : SlotState::unknown;
    slot.key_bytes = key_bytes;
    slot.encryption =
        clean(fmt::format("{}-{}", text_field(bytes, 8, 32), text_field(bytes, 40, 32)));
    slot.kdf = "pbkdf2";
    if (slot.state == SlotState::unknown) {
        add_defect(defects, fmt::format("key slot {} is neither enabled nor disabled", index));
    }
    // At most (2^32 - 1)^2, so neither this nor rounding up can wrap.
    const std::uint64_t material = stripes * key_bytes;
    const std::uint64_t length = (material + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
    if (length == 0 || length > kAreaBytesMax || offset < kHeaderBytes) {
        add_defect(defects, fmt::format("key slot {} names an impossible area: {} bytes at {}",
                                        index, length, offset));
        return slot;
    }
    slot.area = {offset, length};
    if (slot.area.end() > target_bytes) {
        add_defect(defects, fmt::format("the area of key slot {} ends at {}, beyond the target",
                                        index, slot.area.end()));
    }
    return slot;
}

KeyDigest parse_digest(ByteView bytes, const std::vector<Keyslot>& slots) {
    KeyDigest digest;
    digest.type = "pbkdf2";
    digest.segments = {0};
    for (const Keyslot& slot : slots) {
        if (slot.state == SlotState::active) {
            digest.keyslots.push_back(slot.index);
        }
    }
    digest.sha256 = sha256_hex(bytes.subspan(112, 20 + 32));  // mkDigest and mkDigestSalt
    return digest;
}

Segment parse_segment(ByteView bytes) {
    Segment segment;
    segment.type = "crypt";
    segment.offset = read_be<std::uint32_t>(bytes, 104) * kSectorBytes;
    segment.encryption =
        clean(fmt::format("{}-{}", text_field(bytes, 8, 32), text_field(bytes, 40, 32)));
    return segment;
}

}  // namespace

void parse_luks1(ByteView bytes, std::uint64_t target_bytes, CopyReading& reading) {
    EFFACE_ASSERT(bytes.size() >= kHeaderBytes);
    HeaderCopy& copy = reading.copy;
    Metadata& data = reading.metadata;
    copy.version = 1;
    copy.header_bytes = kHeaderBytes;
    copy.uuid = clean(text_field(bytes, 168, 40));
    copy.checksum_valid = true;
    copy.json_valid = true;
    copy.sha256 = sha256_hex(bytes.first(kHeaderBytes));

    const auto key_bytes = read_be<std::uint32_t>(bytes, 108);
    if (key_bytes == 0 || key_bytes > kKeyBytesMax) {
        add_defect(copy.defects, fmt::format("a volume key of {} bytes is impossible", key_bytes));
    }
    if (copy.uuid.empty() || text_field(bytes, 8, 32).empty()) {
        add_defect(copy.defects, "the header names no UUID or no cipher");
    }
    data.key_bytes = key_bytes;
    data.metadata_end = copy.offset + kHeaderBytes;
    for (int index = 0; index < static_cast<int>(kSlots); ++index) {
        data.keyslots.push_back(parse_slot(bytes, index, key_bytes, target_bytes, copy.defects));
        data.metadata_end = std::max(data.metadata_end, data.keyslots.back().area.end());
    }
    check_overlaps(data.keyslots, copy.defects);
    copy.areas = areas_of(data.keyslots);

    data.segments = {parse_segment(bytes)};
    data.data_offset = data.segments.front().offset;
    if (*data.data_offset != 0 && *data.data_offset < data.metadata_end) {
        add_defect(copy.defects, fmt::format("the payload begins at {}, within the key areas",
                                             *data.data_offset));
    }
    data.digests = {parse_digest(bytes, data.keyslots)};
}

}  // namespace efface::luks
