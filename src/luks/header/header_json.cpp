// SPDX-License-Identifier: Apache-2.0
#include "efface/luks/header.hpp"

namespace efface::luks {

namespace {

/// What RFC 8785 text can carry exactly; only a damaged header goes beyond.
constexpr std::uint64_t kExactMax = (std::uint64_t{1} << 53U) - 1;

Json number(std::uint64_t value) {
    return value <= kExactMax ? Json(value) : Json(std::to_string(value));
}

Json range(const Range& value) {
    return ObjectWriter()
        .add("offset", number(value.offset))
        .add("length", number(value.length))
        .take();
}

Json copy_json(const HeaderCopy& copy) {
    return ObjectWriter()
        .add("version", copy.version)
        .add("offset", number(copy.offset))
        .add("secondary", copy.secondary)
        .add("headerBytes", number(copy.header_bytes))
        .add("sequenceId", number(copy.sequence_id))
        .add("uuid", copy.uuid)
        .add("label", copy.label)
        .add("subsystem", copy.subsystem)
        .add("checksumValid", copy.checksum_valid)
        .add("jsonValid", copy.json_valid)
        .add("sha256", copy.sha256)
        .add("dataOffset", copy.data_offset ? number(*copy.data_offset) : Json(nullptr))
        .add("defects", copy.defects)
        .take();
}

Json keyslot_json(const Keyslot& slot) {
    return ObjectWriter()
        .add("index", slot.index)
        .add("type", slot.type)
        .add("state", to_string(slot.state))
        .add("area", range(slot.area))
        .add("keyBytes", number(slot.key_bytes))
        .add("encryption", slot.encryption)
        .add("kdf", slot.kdf)
        .add("detail", slot.detail)
        .take();
}

Json segment_json(const Segment& segment) {
    return ObjectWriter()
        .add("index", segment.index)
        .add("type", segment.type)
        .add("offset", number(segment.offset))
        .add("size", segment.size ? number(*segment.size) : Json("dynamic"))
        .add("encryption", segment.encryption)
        .add("sectorBytes", segment.sector_bytes)
        .add("integrity", segment.integrity)
        .add("flags", segment.flags)
        .take();
}

template <typename Item, typename Make>
Json list(const std::vector<Item>& items, Make make) {
    Json result = Json::array();
    for (const Item& item : items) {
        result.push_back(make(item));
    }
    return result;
}

}  // namespace

Json to_json(const Header& header) {
    return ObjectWriter()
        .add("version", header.version)
        .add("uuid", header.uuid)
        .add("copies", list(header.copies, copy_json))
        .add("keyslots", list(header.keyslots, keyslot_json))
        .add("segments", list(header.segments, segment_json))
        .add("tokens", list(header.tokens,
                            [](const Token& token) {
                                return ObjectWriter()
                                    .add("index", token.index)
                                    .add("type", token.type)
                                    .add("keyslots", token.keyslots)
                                    .take();
                            }))
        .add("digests", list(header.digests,
                             [](const KeyDigest& digest) {
                                 return ObjectWriter()
                                     .add("index", digest.index)
                                     .add("type", digest.type)
                                     .add("keyslots", digest.keyslots)
                                     .add("segments", digest.segments)
                                     .add("sha256", digest.sha256)
                                     .take();
                             }))
        .add("requirements", header.requirements)
        .add("keyBytes", number(header.key_bytes))
        .add("dataOffset", header.data_offset ? number(*header.data_offset) : Json(nullptr))
        .add("metadataEnd", number(header.metadata_end))
        .add("gap", range(header.gap))
        .add("gapHasLuksmeta", header.gap_has_luksmeta)
        .add("intact", header.intact)
        .add("defects", header.defects)
        .take();
}

}  // namespace efface::luks
