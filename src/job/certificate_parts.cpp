// SPDX-License-Identifier: Apache-2.0
#include "certificate_parts.hpp"

#include "efface/evidence/bundle.hpp"

namespace efface::job {

namespace {

Json attempts_record(const std::vector<PreviousAttempt>& attempts) {
    Json previous = Json::array();
    for (const auto& attempt : attempts) {
        previous.push_back({{"leafHash", attempt.leaf_hash},
                            {"logIndex", attempt.log_index},
                            {"runId", attempt.run_id},
                            {"status", attempt.status}});
    }
    return {{"number", previous.size() + 1}, {"previous", previous}};
}

Json signature_policy(const evidence::KeyStore& keys) {
    return {{"container", "CMS/CAdES-BES detached"},
            {"rule", "all"},
            {"required",
             {{{"role", "station"},
               {"subjectPublicKeySha256", keys.station_key().spki_sha256()},
               {"keyHeld", "software"}}}}};
}

}  // namespace

Json common_predicate(const CertificateParts& parts) {
    const auto& issuer = parts.keys.issuer();
    const auto& run = parts.run;
    Json predicate = {
        {"schemaVersion", evidence::kSchemaVersion},
        {"certificateId", parts.certificate_id},
        {"supersedes", nullptr},
        {"issuedAt", to_rfc3339(parts.issued_at)},
        {"issuer",
         {{"organization", issuer.organization},
          {"site", issuer.site},
          {"stationId", issuer.station_id}}},
        {"validation",
         {{"decision", "pending"},
          {"note", "acceptance is a decision of the organisation (NIST SP 800-88r2 4.5.2)"}}},
        {"attempts", attempts_record(parts.previous)},
        {"tool", parts.tool},
        {"environment", parts.environment},
        {"personnel", {{{"id", run.authorization.at("operator")}, {"role", "operator"}}}},
        {"signaturePolicy", signature_policy(parts.keys)},
        {"log",
         {{"origin", parts.keys.log_signer().name()},
          {"runId", run.run_id},
          {"intentIndex", run.intent_index},
          {"intentLeafHash", run.intent_leaf_hash},
          {"checkpoint", run.checkpoint}}},
    };
    if (parts.terms.retention_until) {
        predicate["retention"] = {{"class", "compliance-evidence"},
                                  {"until", to_rfc3339(*parts.terms.retention_until)}};
    }
    return predicate;
}

Json owner_record(const std::string& organization, const std::string& project_id,
                  const std::string& confidentiality) {
    Json record = {{"organization", organization}, {"projectId", project_id}};
    if (!confidentiality.empty()) {
        record["confidentiality"] = confidentiality;
    }
    return record;
}

Json authorization_record(const RunState& run, const Terms& terms) {
    Json record = run.authorization;
    record["reference"] = terms.ticket;
    record["notBefore"] = terms.not_before ? Json(to_rfc3339(*terms.not_before)) : Json();
    return record;
}

Json standards_record() {
    return {{{"name", "NIST SP 800-88"}, {"edition", "Rev. 2 (2025-09)"}}};
}

}  // namespace efface::job
