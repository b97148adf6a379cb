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
    return {{"offset", number(value.offset)}, {"length", number(value.length)}};
}

Json copy_json(const HeaderCopy& copy) {
    return {{"version", copy.version},
            {"offset", number(copy.offset)},
            {"secondary", copy.secondary},
            {"headerBytes", number(copy.header_bytes)},
            {"sequenceId", number(copy.sequence_id)},
            {"uuid", copy.uuid},
            {"label", copy.label},
            {"subsystem", copy.subsystem},
            {"checksumValid", copy.checksum_valid},
            {"jsonValid", copy.json_valid},
            {"sha256", copy.sha256},
            {"defects", copy.defects}};
}

Json keyslot_json(const Keyslot& slot) {
    return {{"index", slot.index},
            {"type", slot.type},
            {"state", to_string(slot.state)},
            {"area", range(slot.area)},
            {"keyBytes", number(slot.key_bytes)},
            {"encryption", slot.encryption},
            {"kdf", slot.kdf},
            {"detail", slot.detail}};
}

Json segment_json(const Segment& segment) {
    return {{"index", segment.index},
            {"type", segment.type},
            {"offset", number(segment.offset)},
            {"size", segment.size ? number(*segment.size) : Json("dynamic")},
            {"encryption", segment.encryption},
            {"sectorBytes", segment.sector_bytes},
            {"integrity", segment.integrity},
            {"flags", segment.flags}};
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
    return {{"version", header.version},
            {"uuid", header.uuid},
            {"copies", list(header.copies, copy_json)},
            {"keyslots", list(header.keyslots, keyslot_json)},
            {"segments", list(header.segments, segment_json)},
            {"tokens", list(header.tokens,
                            [](const Token& token) {
                                return Json{{"index", token.index},
                                            {"type", token.type},
                                            {"keyslots", token.keyslots}};
                            })},
            {"digests", list(header.digests,
                             [](const KeyDigest& digest) {
                                 return Json{{"index", digest.index},
                                             {"type", digest.type},
                                             {"keyslots", digest.keyslots},
                                             {"segments", digest.segments},
                                             {"sha256", digest.sha256}};
                             })},
            {"requirements", header.requirements},
            {"keyBytes", number(header.key_bytes)},
            {"dataOffset", header.data_offset ? number(*header.data_offset) : Json(nullptr)},
            {"metadataEnd", number(header.metadata_end)},
            {"gap", range(header.gap)},
            {"gapHasLuksmeta", header.gap_has_luksmeta},
            {"intact", header.intact},
            {"defects", header.defects}};
}

}  // namespace efface::luks
