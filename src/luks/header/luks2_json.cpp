// SPDX-License-Identifier: Apache-2.0
// The objects of the LUKS2 JSON area: LUKS2 On-Disk Format Specification 1.1.x, section 3.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "efface/base/digest.hpp"

#include "copy.hpp"
#include "damage/defects.hpp"
#include "json_fields.hpp"

namespace efface::luks {

namespace {

constexpr int kKeyslotsMax = 32;
constexpr int kTokensMax = 32;
constexpr int kSegmentsMax = 32;
constexpr int kDigestsMax = 8;
constexpr std::uint64_t kKeyslotsBytesMax = std::uint64_t{128} << 20U;
constexpr std::uint64_t kAreaAlignment = 4096;
using Defects = std::vector<std::string>;

/// Calls `parse(index, value)` for each entry of a top-level object, with what is wrong with its
/// names and their number.
template <typename Parse>
void for_each_entry(const Json& root, const char* what, int count_max, Defects& defects,
                    Parse parse) {
    const Json* object = member(root, what);
    if (object == nullptr || !object->is_object()) {
        add_defect(defects, fmt::format("the JSON has no object \"{}\"", what));
        return;
    }
    if (object->size() > kEntriesMax) {
        add_defect(defects,
                   fmt::format("{} {}, of which {} are read", object->size(), what, kEntriesMax));
    }
    std::size_t done = 0;
    for (const auto& [name, value] : object->items()) {
        if (++done > kEntriesMax) {
            break;
        }
        const int index = index_of(name);
        if (index < 0 || index >= count_max) {
            add_defect(defects, fmt::format("{}: \"{}\" is not a number from 0 to {}", what,
                                            clean(name), count_max - 1));
        }
        parse(index, value);
    }
}

/// The place of a key area; length 0, and a defect, when it cannot be true.
Range parse_area(const Json& area, int index, std::uint64_t target_bytes, Defects& defects) {
    const auto offset = digits_of(area, "offset");
    const auto size = digits_of(area, "size");
    if (!offset || !size || *size == 0 || *size > kKeyslotsBytesMax ||
        *offset > std::numeric_limits<std::uint64_t>::max() - *size) {
        add_defect(defects, fmt::format("keyslot {} names an impossible area", index));
        return {};
    }
    const Range range{*offset, *size};
    if (range.end() > target_bytes) {
        add_defect(defects, fmt::format("the area of keyslot {} ends at {}, beyond the target",
                                        index, range.end()));
    }
    return range;
}

Keyslot parse_keyslot(int index, const Json& value, std::uint64_t target_bytes, Defects& defects) {
    Keyslot slot;
    slot.index = index;
    slot.type = text_of(value, "type");
    slot.key_bytes = number_of(value, "key_size").value_or(0);
    if (const Json* kdf = member(value, "kdf")) {
        slot.kdf = text_of(*kdf, "type");
    }
    const Json* area = member(value, "area");
    slot.area = parse_area(area != nullptr ? *area : Json(), index, target_bytes, defects);
    if (area != nullptr) {
        slot.encryption = text_of(*area, "encryption");
    }
    if (slot.type == "reencrypt") {
        slot.state = SlotState::reencrypt;
        slot.detail = fmt::format("mode={} resilience={}", text_of(value, "mode"),
                                  area != nullptr ? text_of(*area, "type") : std::string());
    } else if (slot.type != "luks2") {
        add_defect(defects, fmt::format("keyslot {} is of unknown type \"{}\"", index, slot.type));
    }
    return slot;
}

Segment parse_segment(int index, const Json& value, Defects& defects) {
    Segment segment;
    segment.index = index;
    segment.type = text_of(value, "type");
    segment.encryption = text_of(value, "encryption");
    const auto offset = digits_of(value, "offset");
    segment.offset = offset.value_or(0);
    segment.size = digits_of(value, "size");
    const bool size_known = segment.size || raw_text_of(value, "size") == "dynamic";
    if (!offset || !size_known ||
        segment.offset > std::numeric_limits<std::uint64_t>::max() - segment.size.value_or(0)) {
        add_defect(defects, fmt::format("segment {} names an impossible place", index));
    }
    if (const auto sector = number_of(value, "sector_size")) {
        segment.sector_bytes = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(*sector, std::numeric_limits<std::uint32_t>::max()));
    }
    if (const Json* integrity = member(value, "integrity")) {
        segment.integrity = text_of(*integrity, "type");
    }
    if (const Json* flags = member(value, "flags")) {
        if (auto texts = texts_of(*flags)) {
            segment.flags = std::move(*texts);
        } else {
            add_defect(defects, fmt::format("segment {} has unreadable flags", index));
        }
    }
    return segment;
}

KeyDigest parse_digest(int index, const Json& value, Defects& defects) {
    KeyDigest digest;
    digest.index = index;
    digest.type = text_of(value, "type");
    auto keyslots = indexes_of(value, "keyslots");
    auto segments = indexes_of(value, "segments");
    const auto stored = from_base64(raw_text_of(value, "digest"));
    const auto salt = from_base64(raw_text_of(value, "salt"));
    if (!keyslots || !segments || !stored || !salt || stored->empty()) {
        add_defect(defects, fmt::format("digest {} cannot be read completely", index));
    }
    digest.keyslots = std::move(keyslots).value_or(std::vector<int>{});
    digest.segments = std::move(segments).value_or(std::vector<int>{});
    if (stored && salt && !stored->empty()) {
        Sha256 hash;
        hash.update(*stored);
        hash.update(*salt);
        digest.sha256 = to_hex(hash.finish());
    }
    return digest;
}

Token parse_token(int index, const Json& value, Defects& defects) {
    Token token;
    token.index = index;
    token.type = text_of(value, "type");
    if (auto keyslots = indexes_of(value, "keyslots")) {
        token.keyslots = std::move(*keyslots);
    } else {
        add_defect(defects, fmt::format("token {} has unreadable keyslots", index));
    }
    return token;
}

/// {"mandatory": [...]} of the specification, or a bare list as seen from early versions.
std::vector<std::string> parse_requirements(const Json& config, Defects& defects) {
    const Json* requirements = member(config, "requirements");
    if (requirements == nullptr) {
        return {};
    }
    const Json* list =
        requirements->is_object() ? member(*requirements, "mandatory") : requirements;
    if (list == nullptr) {
        return {};
    }
    auto texts = texts_of(*list);
    if (!texts) {
        add_defect(defects, "the requirements cannot be read");
        return {"unreadable"};
    }
    return std::move(*texts);
}

/// End of the keyslots area, and what is wrong with how the configuration describes it.
std::uint64_t parse_keyslots_end(const Json& config, std::uint64_t header_bytes, Defects& defects) {
    const auto json_bytes = digits_of(config, "json_size");
    if (header_bytes != 0 && (!json_bytes || *json_bytes != header_bytes - kBinaryHeaderBytes)) {
        add_defect(defects, "config.json_size does not fit the header size");
    }
    const auto size = digits_of(config, "keyslots_size");
    if (!size || *size > kKeyslotsBytesMax || *size % kAreaAlignment != 0) {
        add_defect(defects, "config.keyslots_size is impossible");
        return 2 * header_bytes;
    }
    return 2 * header_bytes + *size;
}

/// Active when a digest binds the slot to a segment; a slot without any digest is unbound too.
void judge_states(Metadata& data) {
    std::set<int> bound;
    for (const KeyDigest& digest : data.digests) {
        if (!digest.segments.empty()) {
            bound.insert(digest.keyslots.begin(), digest.keyslots.end());
        }
    }
    for (Keyslot& slot : data.keyslots) {
        if (slot.type == "luks2") {
            slot.state = bound.contains(slot.index) ? SlotState::active : SlotState::unbound;
        }
        if (slot.state == SlotState::active && data.key_bytes == 0) {
            data.key_bytes = slot.key_bytes;
        }
    }
}

bool is_backup(const Segment& segment) {
    return std::any_of(segment.flags.begin(), segment.flags.end(),
                       [](const std::string& flag) { return flag.starts_with("backup-"); });
}

void judge_areas(Metadata& data, std::uint64_t header_bytes, std::uint64_t keyslots_end,
                 Defects& defects) {
    for (const Keyslot& slot : data.keyslots) {
        if (slot.area.length != 0 &&
            (slot.area.offset < 2 * header_bytes || slot.area.end() > keyslots_end)) {
            add_defect(defects, fmt::format("the area of keyslot {} is outside the keyslots area",
                                            slot.index));
        }
        data.metadata_end = std::max(data.metadata_end, slot.area.end());
    }
    check_overlaps(data.keyslots, defects);
    if (data.data_offset && *data.data_offset != 0 && *data.data_offset < data.metadata_end) {
        add_defect(defects,
                   fmt::format("the payload begins at {}, within the metadata", *data.data_offset));
    }
}

void check_top_level(const Json& root, Defects& defects) {
    static constexpr std::array<std::string_view, 5> kKnown = {"keyslots", "tokens", "segments",
                                                               "digests", "config"};
    for (const auto& [name, value] : root.items()) {
        if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
            add_defect(defects, fmt::format("the JSON has an unknown member \"{}\"", clean(name)));
        }
    }
}

}  // namespace

Metadata parse_luks2_metadata(const Json& root, std::uint64_t header_bytes,
                              std::uint64_t target_bytes, Defects& defects) {
    Metadata data;
    check_top_level(root, defects);
    for_each_entry(root, "keyslots", kKeyslotsMax, defects, [&](int index, const Json& value) {
        data.keyslots.push_back(parse_keyslot(index, value, target_bytes, defects));
    });
    for_each_entry(root, "segments", kSegmentsMax, defects, [&](int index, const Json& value) {
        data.segments.push_back(parse_segment(index, value, defects));
    });
    for_each_entry(root, "digests", kDigestsMax, defects, [&](int index, const Json& value) {
        data.digests.push_back(parse_digest(index, value, defects));
    });
    for_each_entry(root, "tokens", kTokensMax, defects, [&](int index, const Json& value) {
        data.tokens.push_back(parse_token(index, value, defects));
    });
    // Names are ordered as text ("10" before "2") until here.
    std::stable_sort(data.keyslots.begin(), data.keyslots.end(),
                     [](const Keyslot& a, const Keyslot& b) { return a.index < b.index; });
    std::stable_sort(data.segments.begin(), data.segments.end(),
                     [](const Segment& a, const Segment& b) { return a.index < b.index; });
    std::stable_sort(data.tokens.begin(), data.tokens.end(),
                     [](const Token& a, const Token& b) { return a.index < b.index; });
    judge_states(data);
    for (const Segment& segment : data.segments) {
        if (!is_backup(segment)) {
            data.data_offset = std::min(data.data_offset.value_or(segment.offset), segment.offset);
        }
    }
    const Json* found = member(root, "config");
    const Json config = found != nullptr ? *found : Json::object();
    data.requirements = parse_requirements(config, defects);
    const std::uint64_t keyslots_end = parse_keyslots_end(config, header_bytes, defects);
    data.metadata_end = keyslots_end;
    judge_areas(data, header_bytes, keyslots_end, defects);
    return data;
}

}  // namespace efface::luks
