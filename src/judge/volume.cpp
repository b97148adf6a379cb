// SPDX-License-Identifier: Apache-2.0
// Destroying keys is erasing only where every place of key material was reached and the payload is
// known to be ciphertext: what was not sampled, or not asked, proves neither.
#include <algorithm>
#include <array>
#include <cctype>

#include "volume_claim.hpp"

namespace efface::judge {

namespace {

constexpr std::uint64_t kKeyBytesMin = 16;
/// With keys of 128 bits at least; any other is not known to be as strong.
constexpr std::array<std::string_view, 14> kCiphers{
    "aes", "paes",   "serpent",   "twofish",   "camellia", "cast6",   "aria",
    "sm4", "anubis", "xchacha12", "xchacha20", "chacha20", "rfc7539", "aegis128"};
constexpr std::uint64_t kHeaderBytesMin = 4096;  // a place of a header is no smaller
constexpr std::uint64_t kOfTen = 9;              // of ten sampled pieces that are not zero

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
            region.fail("ends behind any medium");
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
                                    ", where key material may stand");
    }
}

/// In front of a payload all of it is key space; a header elsewhere is all of its file or device.
void check_place(const RecordView& location, Schema schema) {
    check_covered(location, 0, kHeaderBytesMin);
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
    const auto check_offset = [&](const RecordView& of) {
        if (const auto offset = of.maybe("dataOffset")) {
            check_covered(location, 0, offset->number());
        }
    };
    check_offset(*header);
    if (const auto copies = header->maybe("copies")) {
        for (const RecordView& copy : copies->items()) {
            check_offset(copy);
        }
    }
    for (const RecordView& slot : header->at("keyslots").items()) {
        const auto area = slot.maybe("area");
        const std::uint64_t offset = area ? area->at("offset").number() : 0;
        const std::uint64_t length = area ? area->at("length").number() : 0;
        if (length > UINT64_MAX - offset) {
            area->fail("is larger than any medium");
        }
        check_covered(location, offset, offset + length);
    }
}

void check_controls_asked(const RecordView& location, bool has_uuid) {
    for (const char* name : {"no-magic", "crypt-load", "libblkid", "no-mapping"}) {
        const bool needed = has_uuid || name != std::string_view("no-mapping");
        if (needed && control_of(location, name) != "pass") {
            location.at("negativeControls").fail(std::string("say nothing of ") + name);
        }
    }
}

/// Whether the credential was tried afterwards, at every place, and opened none.
void check_credential(const RecordView& volume) {
    const RecordView credential = volume.at("credential");
    const bool declared = credential.at("declared").flag();
    const auto before = credential.maybe("openedBefore");
    const auto after = credential.maybe("refusedAfter");
    if ((before || after) && !declared) {
        credential.fail("was not declared, so it can not have been tried");
    }
    if ((before && !before->flag()) || (after && !after->flag())) {
        credential.fail("says that the volume was not what it should be");
    }
    const auto locations = volume.at("locations").items();
    const bool asked = !locations.empty() &&
                       std::all_of(locations.begin(), locations.end(), [](const RecordView& place) {
                           return control_of(place, "credential-refused") == "pass";
                       });
    if (after && !asked) {
        credential.at("refusedAfter").fail("was not asked at every place");
    }
}

/// The manifest's word that there is nothing left is no observation.
void check_declared_gone(const RecordView& volume) {
    for (const RecordView& location : volume.at("locations").items()) {
        if (location.at("role").text() != "header-backup") {
            location.fail("was looked at, but its volume is declared gone");
        }
    }
    if (!names_reason(volume.at("exceptions"), "declared-gone")) {
        volume.at("exceptions").fail("do not say that the volume was declared gone");
    }
}

void check_sampled_enough(const RecordView& sample) {
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
    if (structured != 0) {
        sample.at("structured").fail("is plain data: no level");
    }
    if (like == 0 || like * 10 < (sampled - zero) * kOfTen) {
        sample.at("ciphertextLike").fail("is too little to know that the payload is ciphertext");
    }
}

void check_payload_known(const RecordView& header) {
    if (!header.at("intact").flag()) {
        header.at("intact").fail("is false: what it says of the payload can not be relied on");
    }
    const auto segments = header.at("segments").items();
    if (segments.empty()) {
        header.at("segments").fail("is empty: how the payload is encrypted is not known");
    }
    for (const RecordView& segment : segments) {
        (void)segment.at("type").one_of({"crypt"});
        if (!hides_payload(segment.at("encryption").text(), header.at("keyBytes").number())) {
            segment.at("encryption").fail("is not known to hide what it is given");
        }
    }
}

void check_owner_statement(const RecordView& authorization) {
    const RecordView statement = authorization.at("attestation");
    for (const char* key : {"encryptedSinceFirstUse", "allKeyCopiesDeclared"}) {
        if (!statement.at(key).flag()) {
            statement.at(key).fail("is not stated: no level");
        }
    }
}

void check_volume_level(const RecordView& volume, const RecordView& authorization, Schema schema) {
    const RecordView eligibility = volume.at("eligibility");
    if (!eligibility.at("eligible").flag()) {
        volume.at("level").fail("was claimed for a volume that was not eligible");
    }
    for (const RecordView& objection : eligibility.at("objections").items()) {
        const bool flash = schema != Schema::v1_0 && objection.at("code").text() == "flash";
        if (volume.at("level").text() == "purge" || (schema != Schema::v1_0 && !flash)) {
            objection.fail("stands against the level");
        }
    }
    check_sampled_enough(volume.at("payloadSample"));
    check_owner_statement(authorization);
    const auto locations = volume.at("locations").items();
    if (locations.empty()) {
        volume.at("locations").fail("nothing was looked at: no level");
    }
    check_payload_known(locations.front().at("header"));
    for (const RecordView& location : locations) {
        if (!location.at("regionReasons").items().empty()) {
            location.at("regionReasons").fail("leave doubts of what is key material: no level");
        }
    }
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

bool hides_payload(std::string_view encryption, std::uint64_t key_bytes) {
    const auto words = cipher_words(encryption);
    const auto has = [&](std::string_view word) {
        return std::find(words.begin(), words.end(), word) != words.end();
    };
    const bool known = std::any_of(kCiphers.begin(), kCiphers.end(), has);
    const std::uint64_t keys = has("xts") ? 2 : 1;
    return known && !has("ecb") && !has("null") && !has("cipher_null") &&
           key_bytes >= kKeyBytesMin * keys;
}

void check_volume_evidence(const RecordView& volume, const RecordView& authorization,
                           Schema schema) {
    const bool has_uuid = !volume.at("uuid").text().empty();
    for (const RecordView& location : volume.at("locations").items()) {
        check_place(location, schema);
        check_controls_asked(location, has_uuid);
    }
    if (schema != Schema::v1_0) {
        check_credential(volume);
        if (volume.at("alreadyGone").flag()) {
            check_declared_gone(volume);
        }
    }
    if (volume.at("alreadyGone").flag() && volume.at("level").text() != "none") {
        volume.at("level").fail("was claimed for a volume that is declared gone");
    }
    if (volume.at("level").text() != "none") {
        check_volume_level(volume, authorization, schema);
    }
}

}  // namespace efface::judge
