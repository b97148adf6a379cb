// SPDX-License-Identifier: Apache-2.0
// The order or manifest in a bundle, held against the record: what people approved is what was
// done. Read here anew, not with the parser of the run: efface-order(5), efface-project(5).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "efface/evidence/bundle_names.hpp"

#include "claims.hpp"

namespace efface::judge {

namespace {

constexpr const char* kOrderSchema = "efface.order/1";
constexpr const char* kProjectSchema = "efface.project/1";
constexpr const char* kFreeMemory = "memory:free";
constexpr const char* kChosenByLevel = "auto";
constexpr const char* kPolicyDefault = "overwrite-random";
/// A run looks at the dates a moment before it notes when it began.
constexpr std::chrono::minutes kStartSlack{10};

/// What the order says is not what the record says.
void need_same(const ObjectReader& order, const char* key, bool same) {
    if (!same) {
        order.fail(key, "is not what the certificate says");
    }
}

std::string text_of(const std::optional<RecordView>& field) {
    return field ? field->text() : std::string();
}

std::optional<WallTime> read_time(ObjectReader& reader, const char* key) {
    const auto text = reader.optional_string(key);
    const auto time = text ? from_rfc3339(*text) : std::nullopt;
    if (text && !time) {
        reader.fail(key, "is no UTC time");
    }
    return time;
}

void need_same_time(ObjectReader& reader, const char* key, const std::optional<RecordView>& told) {
    const auto time = read_time(reader, key);
    need_same(reader, key, told ? time == told->time() : !time);
}

void check_terms(ObjectReader& reader, const RecordView& predicate) {
    const RecordView authorization = predicate.at("authorization");
    const WallTime started = predicate.at("sanitization").at("startedAt").time();
    need_same(
        reader, "ticket",
        reader.optional_string("ticket").value_or("") == text_of(authorization.maybe("reference")));
    need_same_time(reader, "not_before", authorization.maybe("notBefore"));
    const auto retention = predicate.maybe("retention");
    need_same_time(reader, "retention_until", retention ? retention->maybe("until") : std::nullopt);
    if (const auto not_after = read_time(reader, "not_after");
        not_after && started > *not_after + kStartSlack) {
        reader.fail("not_after", "was over when the run began");
    }
    need_same(reader, "minimum_level",
              reader.optional_string("minimum_level").value_or("none") ==
                  predicate.at("result").at("requestedLevel").text());
}

void check_owner(ObjectReader& reader, const RecordView& predicate) {
    const RecordView owner = predicate.at("dataOwner");
    need_same(reader, "id", reader.required_string("id") == owner.at("projectId").text());
    need_same(reader, "owner", reader.required_string("owner") == owner.at("organization").text());
    need_same(reader, "confidentiality",
              reader.optional_string("confidentiality").value_or("") ==
                  text_of(owner.maybe("confidentiality")));
}

std::set<std::string> read_texts(ObjectReader& reader, const char* key) {
    std::set<std::string> texts;
    if (const Json* list = reader.optional_array(key)) {
        for (const Json& item : *list) {
            if (!item.is_string() || !texts.insert(item.get<std::string>()).second) {
                reader.fail(key, "must list texts, each once");
            }
        }
    }
    return texts;
}

/// One volume of a manifest against the record's of the same place.
void check_volume(const Json& json, const std::string& where, const RecordView& volume) {
    ObjectReader reader(json, where);
    const auto lower = [](std::string text) {
        std::transform(text.begin(), text.end(), text.begin(), [](char character) {
            return character >= 'A' && character <= 'Z' ? static_cast<char>(character + 32)
                                                        : character;
        });
        return text;
    };
    need_same(reader, "name", reader.required_string("name") == volume.at("name").text());
    need_same(reader, "uuid", lower(reader.required_string("uuid")) == volume.at("uuid").text());
    need_same(reader, "engine",
              reader.optional_string("engine").value_or("") == text_of(volume.maybe("engine")));
    need_same(
        reader, "asset_tag",
        reader.optional_string("asset_tag").value_or("") == text_of(volume.maybe("assetTag")));
    const bool gone = reader.optional_bool("gone", false);
    need_same(reader, "gone", gone == volume.at("alreadyGone").flag());
    const Json* credential = reader.optional_object("credential");
    need_same(reader, "credential",
              (credential != nullptr) == volume.at("credential").at("declared").flag());
    if (credential != nullptr) {
        ObjectReader file(*credential, reader.at("credential"));
        if (file.optional_string("passphrase_file").has_value() ==
            file.optional_string("key_file").has_value()) {
            reader.fail("credential", "must have either passphrase_file or key_file");
        }
        file.refuse_unknown_keys();
    }
    (void)reader.required_string("path");
    (void)read_texts(reader, "release_member");
    // Every place that was declared and not called gone was worked on, and no other.
    std::vector<std::string> roles;
    if (const bool detached = reader.optional_string("header").has_value(); !gone) {
        roles.emplace_back(detached ? "detached-header" : "in-place-header");
    }
    if (const Json* backups = reader.optional_array("header_backups")) {
        for (std::size_t i = 0; i < backups->size(); ++i) {
            ObjectReader backup((*backups)[i], fmt::format("{}.header_backups[{}]", where, i));
            (void)backup.required_string("path");
            if (!backup.optional_bool("gone", false)) {
                roles.emplace_back("header-backup");
            }
            backup.refuse_unknown_keys();
        }
    }
    const auto serial = reader.optional_string("serial");
    const auto size = reader.optional_unsigned("size_bytes");
    std::vector<std::string> worked_on;
    for (const RecordView& location : volume.at("locations").items()) {
        const std::string& role = location.at("role").text();
        if (role == "in-place-header") {
            const RecordView identity = location.at("identity");
            need_same(reader, "serial", !serial || *serial == identity.at("serialNumber").text());
            need_same(reader, "size_bytes", !size || *size == identity.at("sizeBytes").number());
            // A first header that was left on the data device of a detached one goes, too.
            if (worked_on == std::vector<std::string>{"detached-header"}) {
                continue;
            }
        }
        worked_on.push_back(role);
    }
    need_same(reader, "header_backups", roles == worked_on);
    reader.refuse_unknown_keys();
}

void check_manifest(const Json& json, const RecordView& predicate) {
    ObjectReader reader(json, "manifest:");
    need_same(reader, "schema", reader.required_string("schema") == kProjectSchema);
    ObjectReader project(reader.required_object("project"), reader.at("project"));
    check_owner(project, predicate);
    project.refuse_unknown_keys();
    check_terms(reader, predicate);
    const RecordView told = predicate.at("authorization").at("attestation");
    if (const Json* object = reader.optional_object("attestation")) {
        ObjectReader attestation(*object, reader.at("attestation"));
        need_same(attestation, "encrypted_since_first_use",
                  attestation.optional_bool("encrypted_since_first_use", false) ==
                      told.at("encryptedSinceFirstUse").flag());
        need_same(attestation, "all_key_copies_declared",
                  attestation.optional_bool("all_key_copies_declared", false) ==
                      told.at("allKeyCopiesDeclared").flag());
        need_same(attestation, "by", attestation.required_string("by") == told.at("by").text());
        attestation.refuse_unknown_keys();
    } else {
        need_same(reader, "attestation",
                  !told.at("encryptedSinceFirstUse").flag() &&
                      !told.at("allKeyCopiesDeclared").flag() && told.at("by").text().empty());
    }
    const Json& volumes = reader.required_array("volumes");
    const auto worked_on = predicate.at("volumes").items();
    need_same(reader, "volumes", volumes.size() == worked_on.size());
    for (std::size_t i = 0; i < worked_on.size(); ++i) {
        check_volume(volumes[i], fmt::format("manifest: volumes[{}]", i), worked_on[i]);
    }
    reader.refuse_unknown_keys();
}

/// One target of an order; whether it is the one that the record is about.
bool check_target(const Json& json, const std::string& where, const RecordView& predicate) {
    ObjectReader reader(json, where);
    const RecordView target = predicate.at("target");
    const RecordView identity = predicate.at("targetIdentity");
    const bool it = printable(reader.required_string("target")) == target.at("name").text();
    for (const char* key : {"serial", "wwid"}) {
        const auto text = reader.optional_string(key);
        need_same(reader, key, !it || !text || *text == text_of(identity.maybe(key)));
    }
    const auto size = reader.optional_unsigned("size_bytes");
    const auto found = identity.maybe("sizeBytes");  // some memory has none that stays
    need_same(reader, "size_bytes", !it || !size || !found || *size == found->number());
    const auto asset_tag = reader.optional_string("asset_tag").value_or("");
    need_same(reader, "asset_tag", !it || asset_tag == text_of(target.maybe("assetTag")));
    (void)read_texts(reader, "release_member");
    reader.refuse_unknown_keys();
    return it;
}

void check_technique(ObjectReader& reader, const RecordView& predicate) {
    const auto policy = reader.optional_string("policy");
    const auto fallbacks = read_texts(reader, "fallbacks");
    if (predicate.at("certificateType").text() == "memory") {
        return;  // has methods of its own, which the rules know
    }
    const RecordView sanitization = predicate.at("sanitization");
    const bool purge = predicate.at("result").at("requestedLevel").text() == "purge";
    const std::string wanted = policy.value_or(purge ? kChosenByLevel : kPolicyDefault);
    if (const auto requested = sanitization.maybe("requestedTechnique")) {
        need_same(reader, "policy", wanted == requested->text());
    }
    const std::string& technique = sanitization.at("technique").text();
    if (wanted != kChosenByLevel && wanted != technique && !fallbacks.contains(technique)) {
        reader.fail("policy", "neither it nor a fall-back is the technique of the certificate");
    }
}

void check_limits(ObjectReader& reader, const RecordView& predicate) {
    const Json* object = reader.optional_object("limits");
    const auto told = predicate.at("sanitization").maybe("limits");
    if (object == nullptr) {
        return;
    }
    if (!told) {  // it failed before it came to them
        need_same(reader, "limits", !is_success(predicate.at("result").at("status").text()));
        return;
    }
    ObjectReader limits(*object, reader.at("limits"));
    for (const auto& [key, name] : {std::pair{"bytes_per_second_min", "bytesPerSecondMin"},
                                    {"deadline_seconds", "deadlineSeconds"},
                                    {"celsius_max", "celsiusMax"}}) {
        need_same(limits, key,
                  limits.optional_unsigned(key).value_or(0) == told->at(name).number());
    }
    for (const auto& [key, name] :
         {std::pair{"when_slow", "whenSlow"}, {"when_late", "whenLate"}, {"when_hot", "whenHot"}}) {
        const auto then = limits.optional_string(key);
        need_same(limits, key, !then || *then == told->at(name).text());
    }
    limits.refuse_unknown_keys();
}

/// How a target was to be overwritten: of a success, it was.
void check_overwriting(ObjectReader& reader, const RecordView& predicate) {
    const auto pattern = reader.optional_string("pattern");
    const auto verification = reader.optional_string("verification");
    const auto bad_blocks = reader.optional_string("bad_blocks");
    const RecordView sanitization = predicate.at("sanitization");
    const auto passes = sanitization.at("passes").items();
    if (!is_success(predicate.at("result").at("status").text()) || passes.empty() ||
        predicate.at("certificateType").text() == "memory") {
        return;
    }
    const std::string& method = predicate.at("verification").at("method").text();
    need_same(reader, "verification",
              method == "full-read-back" || verification.value_or("full") == method);
    const bool faultless = std::all_of(passes.begin(), passes.end(), [](const RecordView& pass) {
        return pass.at("writeFaults").at("bytes").number() == 0;
    });
    need_same(reader, "bad_blocks", faultless || bad_blocks.value_or("except") != "fail");
    if (pattern && sanitization.at("technique").text() == "overwrite-pattern") {
        need_same(reader, "pattern", passes.front().at("pattern").text() == "repeat:" + *pattern);
    }
}

void check_target_order(const Json& json, const RecordView& predicate) {
    ObjectReader reader(json, "order:");
    need_same(reader, "schema", reader.required_string("schema") == kOrderSchema);
    check_owner(reader, predicate);
    check_terms(reader, predicate);
    check_technique(reader, predicate);
    check_limits(reader, predicate);
    (void)reader.optional_string("credential_file");
    check_overwriting(reader, predicate);
    const bool sweep = reader.optional_bool("sweep", false);
    const std::string& name = predicate.at("target").at("name").text();
    const Json& targets = reader.required_array("targets");
    std::size_t named = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        named +=
            check_target(targets[i], fmt::format("order: targets[{}]", i), predicate) ? 1U : 0U;
    }
    const bool swept = sweep && name == kFreeMemory && named == 0;
    if (named != 1 && !swept) {
        reader.fail("targets", "the target of the certificate does not stand there once");
    }
    reader.refuse_unknown_keys();
}

}  // namespace

void check_order(std::string_view text, const RecordView& predicate) {
    const Json json =
        parse_json(text, evidence::kManifestEvidence, {.bytes_max = evidence::kManifestBytesMax});
    if (target_type_of(predicate) == TargetType::volumes) {
        check_manifest(json, predicate);
    } else {
        check_target_order(json, predicate);
    }
}

}  // namespace efface::judge
