// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "efface/evidence/bundle.hpp"
#include "efface/evidence/bundle_names.hpp"

#include "claims.hpp"

namespace efface::judge {

namespace {

constexpr std::string_view kCommonKeys[] = {
    "schemaVersion",   "certificateId", "certificateType", "supersedes",
    "issuedAt",        "issuer",        "dataOwner",       "authorization",
    "sanitization",    "verification",  "validation",      "result",
    "attempts",        "tool",          "environment",     "personnel",
    "signaturePolicy", "log",           "retention"};

void check_subject(const RecordView& subject, std::string_view identity_name,
                   std::set<std::string>& names) {
    subject.only({"name", "digest", "mediaType"});
    (void)subject.at("digest").digest();
    const std::string& name = subject.at("name").text();
    const bool first = names.empty();
    if (first ? name != identity_name : !evidence::is_evidence_name(name)) {
        subject.at("name").fail(first ? "the first subject must be " + std::string(identity_name)
                                      : "must be a plain name below evidence/");
    }
    if (!first) {
        (void)subject.at("mediaType").non_empty_text();
    }
    if (!names.insert(name).second) {
        subject.at("name").fail("is listed twice");
    }
}

void check_owner_and_issuer(const RecordView& predicate) {
    const RecordView issuer = predicate.at("issuer");
    (void)issuer.at("organization").non_empty_text();
    (void)issuer.at("site").non_empty_text();
    (void)issuer.at("stationId").non_empty_text();
    const RecordView owner = predicate.at("dataOwner");
    (void)owner.at("organization").text();
    (void)owner.at("projectId").text();
}

void check_volumes(const RecordView& predicate, Schema schema) {
    (void)predicate.at("dataOwner").at("projectId").non_empty_text();
    const RecordView identity = predicate.at("projectIdentity");
    identity.only({"projectId", "volumes"});
    (void)identity.at("projectId").non_empty_text();
    for (const RecordView& volume : identity.at("volumes").items()) {
        (void)volume.at("name").non_empty_text();
        (void)volume.at("uuid").text();
    }
    const auto volumes = predicate.at("volumes").items();
    if (volumes.empty() || volumes.size() > kVolumesMax) {
        predicate.at("volumes").fail("must list 1 to " + std::to_string(kVolumesMax) + " volumes");
    }
    for (const RecordView& volume : volumes) {
        check_volume(volume, schema);
    }
}

/// Without an order a person typed what names the target.
void check_authorization(const RecordView& authorization, TargetType type) {
    const std::string& confirmation =
        type == TargetType::volumes
            ? authorization.at("confirmation").one_of({"signed-approvals", "typed-project-id"})
            : authorization.at("confirmation").one_of({"signed-approvals", "typed-token"});
    if (confirmation != "typed-token" || authorization.maybe("manifestDigest")) {
        (void)authorization.at("manifestDigest").digest();
    }
    if (confirmation == "typed-token") {
        (void)authorization.at("targetToken").non_empty_text();
    }
    if (const auto attestation = authorization.maybe("attestation");
        attestation && type != TargetType::volumes) {
        attestation->fail("belongs to the volumes of a project");
    }
    (void)authorization.at("policyId").non_empty_text();
    (void)authorization.at("policyVersion").non_empty_text();
    (void)authorization.at("policyDigest").digest();
    (void)authorization.at("operator").non_empty_text();
    for (const RecordView& approval : authorization.at("approvals").items()) {
        (void)approval.at("subject").non_empty_text();
        (void)approval.at("subjectPublicKeySha256").hex_digest();
        (void)approval.at("signedAt").time();
    }
}

void check_sanitization(const RecordView& predicate) {
    const RecordView sanitization = predicate.at("sanitization");
    (void)sanitization.at("technique").non_empty_text();
    (void)sanitization.at("method").one_of({"purge", "clear", "none"});
    (void)sanitization.at("requestedMethod").one_of({"purge", "clear", "none"});
    for (const RecordView& standard : sanitization.at("standards").items()) {
        (void)standard.at("name").non_empty_text();
        (void)standard.at("edition").non_empty_text();
    }
    (void)sanitization.at("startedAt").time();
    (void)sanitization.at("completedAt").time();
    const RecordView verification = predicate.at("verification");
    (void)verification.at("performed").flag();
    (void)verification.at("result").one_of({"pass", "fail", "not-performed", "unknown"});
    (void)verification.at("independentOfEraser").flag();
    (void)predicate.at("validation").at("decision").non_empty_text();
}

void check_result(const RecordView& result, Schema schema) {
    result.only({"status", "level", "requestedLevel", "exceptions", "residualRisks"});
    (void)result.at("status").one_of(
        {"sanitized", "sanitized-with-exceptions", "not-sanitized", "indeterminate"});
    (void)result.at("level").one_of({"purge", "clear", "none"});
    (void)result.at("requestedLevel").one_of({"purge", "clear", "none"});
    check_reasons(result.at("exceptions"), schema);
    check_reasons(result.at("residualRisks"), schema);
}

void check_attempts(const RecordView& attempts) {
    attempts.only({"number", "previous"});
    (void)attempts.at("number").number();
    for (const RecordView& previous : attempts.at("previous").items()) {
        (void)previous.at("runId").non_empty_text();
        (void)previous.at("logIndex").number();
        (void)previous.at("leafHash").hex_digest();
        (void)previous.at("status").one_of({"sanitized", "sanitized-with-exceptions",
                                            "not-sanitized", "indeterminate", evidence::kLostRun});
    }
}

void check_signature_policy(const RecordView& policy) {
    policy.only({"container", "rule", "required"});
    (void)policy.at("container").one_of({"CMS/CAdES-BES detached"});
    (void)policy.at("rule").one_of({"all"});
    for (const RecordView& signer : policy.at("required").items()) {
        (void)signer.at("role").one_of({"station", "operator", "witness", "approver"});
        (void)signer.at("subjectPublicKeySha256").hex_digest();
        (void)signer.at("keyHeld").non_empty_text();
    }
}

void check_machine_and_people(const RecordView& predicate) {
    const RecordView tool = predicate.at("tool");
    (void)tool.at("name").non_empty_text();
    (void)tool.at("version").non_empty_text();
    (void)tool.at("binaryDigest").digest();
    predicate.at("environment").must_be_object();
    for (const RecordView& person : predicate.at("personnel").items()) {
        (void)person.at("id").non_empty_text();
        (void)person.at("role").non_empty_text();
    }
    if (const auto retention = predicate.maybe("retention")) {
        retention->must_be_object();
    }
}

void check_log_fields(const RecordView& log) {
    log.only({"origin", "runId", "intentIndex", "intentLeafHash", "checkpoint"});
    (void)log.at("origin").non_empty_text();
    (void)log.at("runId").non_empty_text();
    (void)log.at("intentIndex").number();
    (void)log.at("intentLeafHash").hex_digest();
    (void)log.at("checkpoint").non_empty_text();
}

void check_reason(const RecordView& reason) {
    reason.only({"code", "text"});
    const RecordView code = reason.at("code");
    if (!reason_code_from_string(code.text())) {
        code.fail("is no code of efface-reasons(7)");
    }
    (void)reason.at("text").non_empty_text();
}

}  // namespace

Schema schema_of(const RecordView& predicate) {
    const RecordView version = predicate.at("schemaVersion");
    return version.one_of({"1.0.0", "1.1.0", evidence::kSchemaVersion}) == "1.0.0" ? Schema::v1_0
                                                                                   : Schema::v1_1;
}

void check_reasons(const RecordView& list, Schema schema) {
    if (schema == Schema::v1_0) {
        list.must_be_texts();
        return;
    }
    for (const RecordView& reason : list.items()) {
        check_reason(reason);
    }
}

void check_statement(const RecordView& statement) {
    statement.only({"_type", "predicateType", "subject", "predicate"});
    (void)statement.at("_type").one_of({evidence::kStatementType});
    (void)statement.at("predicateType").one_of({evidence::kPredicateType});
    const auto subjects = statement.at("subject").items();
    if (subjects.empty() || subjects.size() > evidence::kEvidenceFilesMax) {
        statement.at("subject").fail("must list the project or target, and the evidence files");
    }
    const RecordView predicate = statement.at("predicate");
    const char* identity_name =
        predicate.maybe("targetIdentity") ? evidence::kTargetSubject : evidence::kProjectSubject;
    std::set<std::string> names;
    for (const RecordView& subject : subjects) {
        check_subject(subject, identity_name, names);
    }
}

void check_predicate(const RecordView& predicate) {
    const Schema schema = schema_of(predicate);
    (void)predicate.at("certificateType").one_of({"keyslot", "media", "file", "memory"});
    const TargetType type = target_type_of(predicate);
    std::vector<std::string_view> keys(std::begin(kCommonKeys), std::end(kCommonKeys));
    if (type == TargetType::volumes) {
        keys.insert(keys.end(), {"projectIdentity", "volumes"});
    } else {
        keys.insert(keys.end(), {"targetIdentity", "target"});
    }
    predicate.only(keys);
    (void)predicate.at("certificateId").non_empty_text();
    (void)predicate.at("issuedAt").time();
    if (const auto supersedes = predicate.maybe("supersedes")) {
        (void)supersedes->hex_digest();
    }
    check_owner_and_issuer(predicate);
    check_authorization(predicate.at("authorization"), type);
    check_sanitization(predicate);
    if (type == TargetType::volumes) {
        check_volumes(predicate, schema);
    } else {
        check_target_fields(predicate);
    }
    check_result(predicate.at("result"), schema);
    check_attempts(predicate.at("attempts"));
    check_machine_and_people(predicate);
    check_signature_policy(predicate.at("signaturePolicy"));
    check_log_fields(predicate.at("log"));
}

}  // namespace efface::judge
