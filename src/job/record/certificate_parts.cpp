// SPDX-License-Identifier: Apache-2.0
#include "certificate_parts.hpp"

#include "efface/base/digest.hpp"

namespace efface::job {

namespace {

Json attempts_record(const std::vector<PreviousAttempt>& attempts) {
    Json previous = Json::array();
    for (const auto& attempt : attempts) {
        previous.push_back(to_json(attempt));
    }
    return ObjectWriter().add("number", previous.size() + 1).add("previous", previous).take();
}

Json signature_policy(const evidence::KeyStore& keys) {
    Json required = Json::array();
    required.push_back(ObjectWriter()
                           .add("role", "station")
                           .add("subjectPublicKeySha256", keys.station_key().spki_sha256())
                           .add("keyHeld", "software")
                           .take());
    return ObjectWriter()
        .add("container", "CMS/CAdES-BES detached")
        .add("rule", "all")
        .add("required", std::move(required))
        .take();
}

Json issuer_record(const evidence::Issuer& issuer) {
    return ObjectWriter()
        .add("organization", issuer.organization)
        .add("site", issuer.site)
        .add("stationId", issuer.station_id)
        .take();
}

Json validation_record() {
    return ObjectWriter()
        .add("decision", "pending")
        .add("note", "acceptance is a decision of the organisation (NIST SP 800-88r2 4.5.2)")
        .take();
}

Json personnel_record(const RunState& run) {
    Json people = Json::array();
    people.push_back(
        ObjectWriter().add("id", run.authorization.operator_name).add("role", "operator").take());
    return people;
}

Json log_record(const CertificateParts& parts) {
    return ObjectWriter()
        .add("origin", parts.keys.log_signer().name())
        .add("runId", parts.run.run_id)
        .add("intentIndex", parts.run.intent_index)
        .add("intentLeafHash", parts.run.intent_leaf_hash)
        .add("checkpoint", parts.run.checkpoint)
        .take();
}

}  // namespace

std::vector<evidence::EvidenceFile> evidence_files(const std::string& manifest, ByteView approvals,
                                                   const std::string& observations) {
    std::vector<evidence::EvidenceFile> files;
    const auto add = [&](const std::string& file, std::string type, ByteView content) {
        files.push_back({"evidence/" + file, std::move(type), {content.begin(), content.end()}});
    };
    if (!manifest.empty()) {
        add("manifest.json", "application/json", as_bytes(manifest));
    }
    if (!approvals.empty()) {
        add("manifest.json.p7s", "application/pkcs7-signature", approvals);
    }
    add("observations.jsonl", "application/jsonl", as_bytes(observations));
    return files;
}

Json sha256_record(const std::string& hex) {
    return ObjectWriter().add("sha256", hex).take();
}

Json common_predicate(const CertificateParts& parts) {
    Json predicate = ObjectWriter()
                         .add("schemaVersion", evidence::kSchemaVersion)
                         .add("certificateId", parts.certificate_id)
                         .add("supersedes", nullptr)
                         .add("issuedAt", to_rfc3339(parts.issued_at))
                         .add("issuer", issuer_record(parts.keys.issuer()))
                         .add("validation", validation_record())
                         .add("attempts", attempts_record(parts.previous))
                         .add("tool", parts.tool)
                         .add("environment", parts.environment)
                         .add("personnel", personnel_record(parts.run))
                         .add("signaturePolicy", signature_policy(parts.keys))
                         .add("log", log_record(parts))
                         .take();
    if (parts.terms.retention_until) {
        predicate["retention"] = ObjectWriter()
                                     .add("class", "compliance-evidence")
                                     .add("until", to_rfc3339(*parts.terms.retention_until))
                                     .take();
    }
    return predicate;
}

Json owner_record(const std::string& organization, const std::string& project_id,
                  const std::string& confidentiality) {
    Json record =
        ObjectWriter().add("organization", organization).add("projectId", project_id).take();
    if (!confidentiality.empty()) {
        record["confidentiality"] = confidentiality;
    }
    return record;
}

Json authorization_record(const RunState& run, const mandate::Terms& terms) {
    Json record = authorization_json(run.authorization);
    record["reference"] = terms.ticket;
    record["notBefore"] = terms.not_before ? Json(to_rfc3339(*terms.not_before)) : Json();
    return record;
}

Json standards_record() {
    Json standards = Json::array();
    standards.push_back(
        ObjectWriter().add("name", "NIST SP 800-88").add("edition", "Rev. 2 (2025-09)").take());
    return standards;
}

}  // namespace efface::job
