// SPDX-License-Identifier: Apache-2.0
// Destroying keys is erasing only where every place of key material was reached and the payload is
// known to be ciphertext: what was not sampled, or not asked, proves neither.
#include <algorithm>
#include <cctype>

#include "volume_claim.hpp"

namespace efface::judge {

namespace {

/// The result of a control; "" when nobody looked.
std::string control_of(const RecordView& location, std::string_view name) {
    for (const RecordView& control : location.at("negativeControls").items()) {
        if (control.at("name").text() == name) {
            return control.at("result").text();
        }
    }
    return {};
}

/// Where the regions, taken together, first leave a gap.
std::uint64_t covered_from(std::uint64_t from, const RecordView& regions) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
    for (const RecordView& region : regions.items()) {
        spans.emplace_back(region.at("offset").number(), region.at("length").number());
        if (spans.back().second > UINT64_MAX - spans.back().first) {
            region.fail("ends beyond any medium");
        }
    }
    std::sort(spans.begin(), spans.end());
    for (const auto& [offset, length] : spans) {
        if (offset > from) {
            break;
        }
        if (from - offset < length) {
            from = offset + length;
        }
    }
    return from;
}

void check_covered(const RecordView& location, std::uint64_t from, std::uint64_t to) {
    const RecordView identity = location.at("identity");
    if (const auto size = identity.maybe("sizeBytes")) {
        to = std::min(to, size->number());
    }
    if (from < to && covered_from(from, location.at("regions")) < to) {
        location.at("regions").fail("leave bytes out before " + std::to_string(to) +
                                    ", where key material may be");
    }
}

/// Regions lie on the device and, where the table asks for it, do not overlap.
void check_regions(const RecordView& location, const rules::VolumeRule& rule) {
    const auto size = location.at("identity").maybe("sizeBytes");
    if (size && size->number() == 0) {
        size->fail("is nothing: no key can have been there");
    }
    std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
    for (const RecordView& region : location.at("regions").items()) {
        const std::uint64_t offset = region.at("offset").number();
        const std::uint64_t length = region.at("length").number();
        if (length > UINT64_MAX - offset) {
            region.fail("ends beyond any medium");
        }
        if (!rule.may_lie_outside && size && offset + length > size->number()) {
            region.fail("ends beyond its device");
        }
        spans.emplace_back(offset, offset + length);
    }
    std::sort(spans.begin(), spans.end());
    for (std::size_t i = 1; i < spans.size() && !rule.may_overlap; ++i) {
        if (spans[i].first < spans[i - 1].second) {
            location.at("regions").fail("overlap: a byte is counted twice");
        }
    }
}

/// Where the payload begins, as the header and its copies say: in front of it all is key space.
void check_offsets(const RecordView& location, const RecordView& header,
                   const rules::VolumeRule& rule) {
    const auto check_offset = [&](const RecordView& of) {
        if (const auto offset = of.maybe("dataOffset")) {
            check_covered(location, 0, offset->number());
        }
    };
    if (is_one_of(rule.key_places, "header")) {
        check_offset(header);
    }
    const auto copies = header.maybe("copies");
    if (copies && is_one_of(rule.key_places, "copies")) {
        for (const RecordView& copy : copies->items()) {
            check_offset(copy);
        }
    }
}

/// A header elsewhere than in front of its payload is all of its file or device.
void check_place(const RecordView& location, Schema schema, const rules::VolumeRule& rule) {
    check_regions(location, rule);
    check_covered(location, 0, rule.header_bytes_min);
    if (location.at("role").text() != "in-place-header") {
        if (schema != Schema::v1_0) {
            check_covered(location, 0, location.at("identity").at("sizeBytes").number());
        }
        return;
    }
    const auto header = location.maybe("header");
    if (!header) {
        return;
    }
    check_offsets(location, *header, rule);
    for (const RecordView& slot : header->at("keyslots").items()) {
        const auto area = slot.maybe("area");
        const std::uint64_t offset = area ? area->at("offset").number() : 0;
        const std::uint64_t length = area ? area->at("length").number() : 0;
        if (length > UINT64_MAX - offset) {
            area->fail("is larger than any medium");
        }
        if (is_one_of(rule.key_places, "keyslots")) {
            check_covered(location, offset, offset + length);
        }
    }
}

void check_controls_asked(const RecordView& location, bool has_uuid,
                          const rules::ControlRule& rule) {
    for (const RecordView& control : location.at("negativeControls").items()) {
        const std::string& name = control.at("name").text();
        const bool known = is_one_of(rule.needs, name) || is_one_of(rule.with_uuid, name) ||
                           is_one_of(rule.when_refused, name) || is_one_of(rule.may, name);
        if (!known) {
            control.at("name").fail("is not a control of this technique");
        }
    }
    const auto check_asked = [&](const rules::Words& names) {
        for (const std::string& name : names) {
            if (control_of(location, name).empty()) {
                location.at("negativeControls").fail("lack " + name);
            }
        }
    };
    check_asked(rule.needs);
    if (has_uuid) {
        check_asked(rule.with_uuid);
    }
}

/// Whether the credential was tried afterwards, at every place.
void check_credential(const RecordView& volume, const rules::ControlRule& rule) {
    const RecordView credential = volume.at("credential");
    const bool declared = credential.at("declared").flag();
    const auto before = credential.maybe("openedBefore");
    const auto after = credential.maybe("refusedAfter");
    if ((before || after) && !declared) {
        credential.fail("was not declared, so it cannot have been tried");
    }
    if (!after) {
        return;
    }
    const auto locations = volume.at("locations").items();
    for (const std::string& name : rule.when_refused) {
        if (locations.empty() ||
            !std::all_of(locations.begin(), locations.end(), [&](const RecordView& place) {
                return !control_of(place, name).empty();
            })) {
            credential.at("refusedAfter").fail("was not tried at every place");
        }
    }
}

/// The manifest's word that there is nothing left is not an observation.
void check_declared_gone(const RecordView& volume) {
    for (const RecordView& location : volume.at("locations").items()) {
        if (location.at("role").text() != "header-backup") {
            location.fail("was examined, although its volume is declared gone");
        }
    }
}

void check_sampled_enough(const RecordView& sample, const rules::VolumeRule& rule) {
    const std::uint64_t sampled = sample.at("piecesSampled").number();
    const std::uint64_t zero = sample.at("zero").number();
    const std::uint64_t like = sample.at("ciphertextLike").number();
    const std::uint64_t structured = sample.at("structured").number();
    const std::uint64_t unreadable = sample.at("unreadable").number();
    constexpr std::uint64_t kPiecesMax = std::uint64_t{1} << 53U;
    if (std::max({sampled, zero, like, structured, unreadable}) > kPiecesMax ||
        sampled > sample.at("piecesTotal").number() ||
        zero + like + structured + unreadable != sampled) {
        sample.fail("does not add up");
    }
    if (like == 0 || (rule.not_like_one_in != 0 &&
                      (sampled - zero - like) * rule.not_like_one_in > sampled - zero)) {
        sample.at("ciphertextLike").fail("is too little to show that the payload is ciphertext");
    }
}

void check_payload_known(const RecordView& header, const rules::VolumeRule& rule) {
    const auto segments = header.at("segments").items();
    if (segments.empty()) {
        header.at("segments").fail("is empty: the encryption of the payload is unknown");
    }
    for (const RecordView& segment : segments) {
        if (!hides_payload(segment.at("encryption").text(), header.at("keyBytes").number(), rule)) {
            segment.at("encryption").fail("is not known to encrypt");
        }
    }
}

void check_owner_statement(const RecordView& authorization, const rules::Words& statements) {
    for (const std::string& key : statements) {
        const RecordView stated = authorization.at("attestation").at(key.c_str());
        if (!stated.flag()) {
            stated.fail("is not stated: no level");
        }
    }
}

/// What stood there before lies in what was overwritten, and nothing below keeps another copy.
void check_level_at(const RecordView& location, const std::string& level,
                    const rules::Family& family) {
    if (const auto states = location.maybe("preState")) {
        for (const RecordView& state : states->items()) {
            const auto offset = state.maybe("offset");
            const auto length = state.maybe("length");
            if (offset && length) {
                check_covered(location, offset->number(), offset->number() + length->number());
            }
        }
    }
    for (const RecordView& layer : location.at("layersBelow").items()) {
        if (is_named_layer(layer, family.no_level)) {
            layer.fail("keeps blocks that an overwrite does not reach: no level");
        }
        if (level == "purge" && is_named_layer(layer, family.not_purge)) {
            layer.fail("keeps retired blocks or copies: not purge");
        }
    }
}

void check_volume_level(const RecordView& volume, const RecordView& authorization, Schema schema,
                        const rules::Family& family) {
    const rules::VolumeRule& rule = family.volume;
    const std::string& level = volume.at("level").text();
    const auto borne = rule.objections.find(level);
    for (const RecordView& objection : volume.at("eligibility").at("objections").items()) {
        const bool any = borne == rule.objections.end();
        const bool coded = schema != Schema::v1_0;  // before, they had no codes
        if (!any && (coded ? !is_one_of(borne->second, objection.at("code").text())
                           : borne->second.empty())) {
            objection.fail("rules out the level");
        }
    }
    check_sampled_enough(volume.at("payloadSample"), rule);
    check_owner_statement(authorization, rule.attestation);
    const auto locations = volume.at("locations").items();
    if (locations.empty()) {
        volume.at("locations").fail("nothing was examined: no level");
    }
    for (const RecordView& location : locations) {
        if (schema != Schema::v1_0) {
            check_level_at(location, level, family);
        }
    }
    const RecordView header = locations.front().at("header");
    const std::string& uuid = volume.at("uuid").text();
    if (!uuid.empty() && !header.at("uuid").text().empty() && header.at("uuid").text() != uuid) {
        header.at("uuid").fail("is not that of the volume");
    }
    check_payload_known(header, rule);
}

/// The names of cipher and mode. The generator of initial values may be called null: it is what
/// follows the last hyphen, where a cipher and a mode stand before it.
std::vector<std::string> cipher_words(std::string_view encryption) {
    std::string text;
    for (const char c : encryption) {
        text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    const auto last = text.rfind('-');
    if (last != std::string::npos && (text.starts_with("capi:") || text.find('-') != last)) {
        text.resize(last);
    }
    std::vector<std::string> words(1);
    for (const char c : text) {
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') {
            words.back() += c;
        } else {
            words.emplace_back();
        }
    }
    return words;
}

}  // namespace

bool names_reason(const RecordView& list, std::string_view code) {
    const auto reasons = list.items();
    return std::any_of(reasons.begin(), reasons.end(), [&](const RecordView& reason) {
        return reason.is_object() && reason.at("code").text() == code;
    });
}

bool hides_payload(std::string_view encryption, std::uint64_t key_bytes,
                   const rules::VolumeRule& rule) {
    const auto words = cipher_words(encryption);
    const auto any_of = [&](const rules::Words& listed) {
        return std::any_of(listed.begin(), listed.end(),
                           [&](const std::string& word) { return is_one_of(words, word); });
    };
    const std::uint64_t keys = any_of(rule.modes_of_two_keys) ? 2 : 1;
    return any_of(rule.ciphers) && !any_of(rule.modes_that_hide_nothing) &&
           key_bytes >= rule.key_bytes_min * keys;
}

void check_volume_evidence(const RecordView& volume, const RecordView& authorization, Schema schema,
                           const rules::Family& family) {
    const bool has_uuid = !volume.at("uuid").text().empty();
    for (const RecordView& location : volume.at("locations").items()) {
        check_place(location, schema, family.volume);
        check_controls_asked(location, has_uuid, family.controls);
    }
    if (schema != Schema::v1_0) {
        check_credential(volume, family.controls);
        if (volume.at("alreadyGone").flag()) {
            check_declared_gone(volume);
        }
    }
    if (volume.at("level").text() != "none") {
        check_volume_level(volume, authorization, schema, family);
    }
}

}  // namespace efface::judge
