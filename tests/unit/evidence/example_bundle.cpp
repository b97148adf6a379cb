// SPDX-License-Identifier: Apache-2.0
#include "example_bundle.hpp"

#include "efface/base/file.hpp"
#include "efface/base/random.hpp"
#include "efface/evidence/device_key.hpp"

namespace efface::evidence {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kExampleBytesMax = std::size_t{16} << 20U;
Json read_predicate(const fs::path& file) {
    const auto text = read_text_file(file, kExampleBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, file.string() + ": no such file");
    }
    return parse_json(*text, file.string(), {.bytes_max = kExampleBytesMax});
}

Json intent_entry(const Json& predicate, const Json& identity, const std::string& run, int attempt,
                  const std::string& at) {
    Json entry = {{"type", "run-intent"},
                  {"at", at},
                  {"runId", run},
                  {"jobId", "9b1c"},
                  {"device", sha256_hex(canonical_json(identity))},
                  {"deviceKeys", device_keys(identity)},
                  {"technique", predicate.at("sanitization").at("technique")},
                  {"attempt", attempt}};
    const Json& manifest = predicate.at("authorization").at("manifestDigest");
    if (!manifest.is_null()) {
        entry["manifest"] = manifest;
    }
    return entry;
}

Json outcome_entry(std::uint64_t intent, const std::string& run, const std::string& status,
                   const std::string& at) {
    return {{"type", "run-outcome"},
            {"at", at},
            {"runId", run},
            {"intent", intent},
            {"status", status}};
}

void apply(const std::function<void(Json&)>& change, Json& value) {
    if (change) {
        change(value);
    }
}

/// A run that failed before, and one on another project: neighbours in the log.
Log::Appended add_history(Log& log, const Json& predicate, Json identity,
                          const ExampleChanges& changes) {
    apply(changes.earlier_identity, identity);
    const Json other = {{"projectId", "another"}, {"volumes", Json::array()}};
    const auto stranger =
        log.append(intent_entry(predicate, other, "run-x", 1, "2026-11-19T08:00:00Z"));
    Json before = intent_entry(predicate, identity, "run-a", 1, "2026-11-20T08:00:00Z");
    apply(changes.earlier_intent, before);
    const auto first = log.append(before);
    const auto lost = [](std::uint64_t intent, const std::string& run, const std::string& at) {
        Json entry = outcome_entry(intent, run, kLostRun, at);
        entry["reason"] = "its job was replaced by another order";
        return entry;
    };
    log.append(lost(stranger.index, "run-x", "2026-11-20T08:00:30Z"));
    return log.append(lost(first.index, "run-a", "2026-11-20T08:01:00Z"));
}

void declare(Json& predicate, const Log::Appended& earlier) {
    predicate["attempts"] = {{"number", 2},
                             {"previous", Json::array({{{"runId", "run-a"},
                                                        {"status", "lost"},
                                                        {"logIndex", earlier.index},
                                                        {"leafHash", earlier.leaf_hash_hex}}})}};
}

/// Copies what is there under another name; a record that lies may lack anything.
void copy(Json& to, const char* name, const Json& from, const char* key) {
    if (from.is_object() && from.contains(key) && !from.at(key).is_null() && from.at(key) != "") {
        to[name] = from.at(key);
    }
}

Json part(const Json& from, const char* key) {
    return from.is_object() ? from.value(key, Json()) : Json();
}

void copy_limits(Json& order, const Json& told) {
    for (const auto& [name, key] : {std::pair{"bytes_per_second_min", "bytesPerSecondMin"},
                                    {"deadline_seconds", "deadlineSeconds"},
                                    {"celsius_max", "celsiusMax"},
                                    {"when_slow", "whenSlow"},
                                    {"when_late", "whenLate"},
                                    {"when_hot", "whenHot"}}) {
        copy(order["limits"], name, told, key);
    }
    if (order["limits"].is_null()) {
        order.erase("limits");
    }
}

Json volume_order(const Json& volume) {
    const auto place = [&, name = part(volume, "name")](const std::string& what) {
        return "/srv/" + (name.is_string() ? name.get<std::string>() : "-") + "/" + what;
    };
    Json order = {{"path", place("data")}};
    copy(order, "name", volume, "name");
    copy(order, "uuid", volume, "uuid");
    copy(order, "engine", volume, "engine");
    copy(order, "asset_tag", volume, "assetTag");
    copy(order, "gone", volume, "alreadyGone");
    if (part(part(volume, "credential"), "declared") == true) {
        order["credential"] = {{"key_file", "/root/key"}};
    }
    for (const Json& location : part(volume, "locations")) {
        const Json role = part(location, "role");
        if (role == "detached-header") {
            order["header"] = place("header");
        } else if (role == "header-backup") {
            const auto number = order.value("header_backups", Json::array()).size();
            order["header_backups"].push_back({{"path", place(std::to_string(number))}});
        }
    }
    return order;
}

/// The evidence of a project, or of one target that nobody ordered or signed for.
std::vector<EvidenceFile> evidence_files(const std::string& order, const Bytes& approvals,
                                         bool project) {
    const auto bytes = [](std::string_view text) {
        const ByteView view = as_bytes(text);
        return Bytes(view.begin(), view.end());
    };
    std::vector<EvidenceFile> files{
        {"evidence/events.jsonl", "application/jsonl", bytes("{\"event\":\"started\"}\n")}};
    if (!approvals.empty()) {
        files.push_back({"evidence/manifest.json", "application/json", bytes(order)});
        files.push_back({"evidence/manifest.json.p7s", "application/pkcs7-signature", approvals});
    }
    files.push_back({project ? "evidence/volume-1/header.json" : "evidence/observations.json",
                     "application/json", bytes("{\"version\":2}")});
    return files;
}

/// Both approvers of the example sign the manifest at the times that the record states. Nothing
/// where there is no order.
Bytes approve(Json& predicate, const std::string& order, const KeyStore& keys) {
    Json& authorization = predicate["authorization"];
    if (authorization["manifestDigest"].is_null()) {
        return {};
    }
    authorization["manifestDigest"]["sha256"] = sha256_hex(order);
    Bytes signature;
    for (Json& approval : authorization["approvals"]) {
        const SigningKey key = keys.person_key(approval.at("subject"));
        const WallTime at = *from_rfc3339(approval.at("signedAt").get<std::string>());
        approval["subjectPublicKeySha256"] = key.spki_sha256();
        signature = signature.empty() ? cms_sign(as_bytes(order), key, at)
                                      : cms_add_signer(signature, as_bytes(order), key, at);
    }
    return signature;
}

/// What the log tells of the same storage after the bundle was made.
void add_future(Log& log, const Json& predicate, const Json& identity,
                const std::vector<std::string>& later) {
    for (std::size_t i = 0; i < later.size(); ++i) {
        const std::string run = "run-later-" + std::to_string(i);
        const auto intent = log.append(intent_entry(
            predicate, identity, run, static_cast<int>(i) + 3, "2026-11-22T08:00:00Z"));
        if (later[i] == "open") {
            continue;
        }
        Json end = outcome_entry(intent.index, run, later[i], "2026-11-22T09:00:00Z");
        if (later[i] == "refused") {
            end = {{"type", "run-refused"},
                   {"at", "2026-11-22T08:00:01Z"},
                   {"runId", run},
                   {"intent", intent.index},
                   {"reason", "mounted"}};
        }
        log.append(end);
    }
}

}  // namespace

std::string order_for(const Json& predicate) {
    const Json& owner = part(predicate, "dataOwner");
    const Json& authorization = part(predicate, "authorization");
    Json order;
    copy(order, "ticket", authorization, "reference");
    copy(order, "not_before", authorization, "notBefore");
    copy(order, "retention_until", part(predicate, "retention"), "until");
    copy(order, "minimum_level", part(predicate, "result"), "requestedLevel");
    Json who = {{"id", part(owner, "projectId")}, {"owner", part(owner, "organization")}};
    copy(who, "confidentiality", owner, "confidentiality");
    if (predicate.contains("projectIdentity")) {
        order["schema"] = "efface.project/1";
        order["project"] = std::move(who);
        const Json& told = part(authorization, "attestation");
        copy(order["attestation"], "encrypted_since_first_use", told, "encryptedSinceFirstUse");
        copy(order["attestation"], "all_key_copies_declared", told, "allKeyCopiesDeclared");
        copy(order["attestation"], "by", told, "by");
        for (const Json& volume : part(predicate, "volumes")) {
            order["volumes"].push_back(volume_order(volume));
        }
        return order.dump() + '\n';
    }
    order["schema"] = "efface.order/1";
    order.update(who);
    const Json& sanitization = part(predicate, "sanitization");
    const bool memory = predicate.at("certificateType") == "memory";  // has its own methods
    if (!memory) {
        copy(order, "policy", sanitization, "technique");
        copy(order, "policy", sanitization, "requestedTechnique");
        copy_limits(order, part(sanitization, "limits"));
    }
    if (part(predicate.value("verification", Json()), "method") == "representative") {
        order["verification"] = "representative";
    }
    for (const Json& passed : part(sanitization, "passedOver")) {
        static_cast<void>(passed);
        order["fallbacks"] = Json::array({part(sanitization, "technique")});
    }
    Json target;
    copy(target, "target", part(predicate, "target"), "name");
    copy(target, "asset_tag", part(predicate, "target"), "assetTag");
    for (const char* key : {"serial", "wwid"}) {
        copy(target, key, part(predicate, "targetIdentity"), key);
    }
    copy(target, "size_bytes", part(predicate, "target"), "sizeBytes");
    order["targets"].push_back(std::move(target));
    return order.dump() + '\n';
}

Example make_example(const fs::path& directory, const fs::path& predicate_file,
                     const ExampleChanges& changes) {
    const Example example{directory / "keys", directory / "log", directory / "bundle"};
    const WallTime issued = *from_rfc3339("2026-11-21T09:41:07Z");
    ManualClock clock(issued - std::chrono::days(30));
    SystemRandom random;
    KeyStore::init(example.keys, {"Example Cloud GmbH", "DC1-FRA", "station-0042"}, clock, random);
    const KeyStore keys = KeyStore::open(example.keys);
    keys.issue_person("alice", Role::approver, clock, random);
    keys.issue_person("bob", Role::approver, clock, random);
    keys.issue_person("walt", Role::witness, clock, random);
    Log::create(example.log, keys.log_signer());
    Log log = Log::open(example.log, keys.log_signer());

    Json predicate = read_predicate(predicate_file);
    const std::string order = changes.order.empty() ? order_for(predicate) : changes.order;
    const Bytes approvals = approve(predicate, order, keys);
    const bool project = predicate.contains("projectIdentity");
    const Json identity = predicate.at(project ? "projectIdentity" : "targetIdentity");
    const std::string run = predicate.at("log").at("runId");
    const auto earlier = add_history(log, predicate, identity, changes);
    const std::optional<Log::Appended> open =
        changes.open_before ? std::optional(log.append(intent_entry(predicate, identity, "run-o", 2,
                                                                    "2026-11-20T09:00:00Z")))
                            : std::nullopt;
    const int attempt = changes.declare_earlier_attempt ? 2 : 1;
    if (changes.declare_earlier_attempt) {
        declare(predicate, earlier);
    }
    Json announced = intent_entry(predicate, identity, run, attempt,
                                  part(part(predicate, "sanitization"), "startedAt"));
    apply(changes.intent, announced);
    const auto intent = log.append(announced);
    predicate["log"]["intentIndex"] = intent.index;
    predicate["log"]["intentLeafHash"] = intent.leaf_hash_hex;
    predicate["log"]["checkpoint"] = log.checkpoint();
    predicate["signaturePolicy"]["required"][0]["subjectPublicKeySha256"] =
        changes.signer.empty() ? keys.station_key().spki_sha256()
                               : keys.person_key(changes.signer).spki_sha256();
    apply(changes.predicate, predicate);

    const auto files = evidence_files(order, approvals, project);
    Json statement = make_statement(predicate, files);
    apply(changes.statement, statement);
    const fs::path staging = directory / "staging";
    Staged staged = stage_bundle(staging, statement, files, keys, issued);
    const std::string certificate = canonical_json(statement);
    Bytes signature = *read_file(staging / "certificate.json.p7s", kExampleBytesMax);
    if (!changes.signer.empty()) {
        signature = cms_sign(as_bytes(certificate), keys.person_key(changes.signer), issued);
    }
    if (changes.people_sign_too) {
        signature =
            cms_add_signer(signature, as_bytes(certificate), keys.person_key("walt"), issued);
    }
    write_file_durably(staging / "certificate.json.p7s", signature, 0644);
    staged.signature_sha256 = sha256_hex(signature);

    Json outcome =
        outcome_entry(intent.index, run, predicate["result"]["status"], "2026-11-21T09:41:08Z");
    outcome["certificate"] = {{"sha256", staged.certificate_sha256}};
    outcome["signature"] = {{"sha256", staged.signature_sha256}};
    apply(changes.outcome, outcome);
    const auto appended = log.append(outcome);
    publish_bundle(staging, prove_run(log, intent.index, appended.index, intent.index + 1),
                   example.bundle);
    if (open) {
        Json lost = outcome_entry(open->index, "run-o", kLostRun, "2026-11-21T10:00:00Z");
        lost["reason"] = "its journal is gone";
        log.append(lost);
    }
    add_future(log, predicate, identity, changes.later);
    return example;
}

}  // namespace efface::evidence
