// SPDX-License-Identifier: Apache-2.0
#include "project_record.hpp"

#include <algorithm>
#include <map>

#include "efface/policy/key_destruction.hpp"

#include "certificate_parts.hpp"
#include "work/project/volume_run.hpp"

namespace efface::job {

namespace {

using method::Level;
using method::Verdict;

Json key_authorization_record(const mandate::Manifest& manifest, const RunState& run) {
    Json record = authorization_record(run, manifest.terms);
    record["manifestDigest"] = sha256_record(manifest.sha256);
    record["policyId"] = policy::kPolicyId;
    record["policyVersion"] = policy::kPolicyVersion;
    record["policyDigest"] = sha256_record(policy::policy_digest());
    record["attestation"] =
        ObjectWriter()
            .add("encryptedSinceFirstUse", manifest.attestation.encrypted_since_first_use)
            .add("allKeyCopiesDeclared", manifest.attestation.all_key_copies_declared)
            .add("by", manifest.attestation.by)
            .take();
    return record;
}

/// What the volumes add up to.
struct Summary {
    Verdict verdict = Verdict::sanitized;
    Level level = Level::purge;
    bool looked_at = false;
    bool verified = true;
    std::map<std::string, Reason> exceptions;  ///< by text, each once
    std::map<std::string, Reason> residual_risks;
    std::string completed_at;
};

Summary summarize(const Json& volumes) {
    Summary summary;
    for (const auto& volume : volumes) {
        const auto result = result_of(volume);
        summary.verdict = method::worst(summary.verdict, result.verdict);
        summary.level = method::lowest(summary.level, result.level);
        for (auto& reason : reasons_from_json(volume.at("exceptions"))) {
            reason.text = result.name + ": " + reason.text;
            summary.exceptions.emplace(reason.text, reason);
        }
        for (const auto& reason : reasons_from_json(volume.at("residualRisks"))) {
            summary.residual_risks.emplace(reason.text, reason);
        }
        for (const auto& location : volume.at("locations")) {
            summary.looked_at = true;
            summary.verified =
                summary.verified && location.at("verification").at("result") == "pass";
            summary.completed_at =
                std::max(summary.completed_at, location.value("completedAt", ""));
        }
    }
    return summary;
}

std::vector<Reason> in_order(const std::map<std::string, Reason>& reasons) {
    std::vector<Reason> list;
    for (const auto& [text, reason] : reasons) {
        list.push_back(reason);
    }
    return list;
}

/// What an earlier attempt erased was completed before this one began.
std::string completed_at(const PredicateInput& input, const Summary& summary) {
    return summary.completed_at.empty() ? to_rfc3339(input.issued_at)
                                        : std::max(summary.completed_at, input.run.started_at);
}

Json sanitization_record(const PredicateInput& input, const Summary& summary) {
    return ObjectWriter()
        .add("technique", "cryptographic-erase")
        .add("method", to_string(summary.level))
        .add("requestedMethod", to_string(input.manifest.terms.minimum_level))
        .add("standards", standards_record())
        .add("startedAt", input.run.started_at)
        .add("completedAt", completed_at(input, summary))
        .add("interruptions", input.run.interruptions)
        .take();
}

/// Of all places; nullopt when it was not asked, or could not be, at any of them.
std::optional<bool> credential_refused(const Json& locations) {
    std::optional<bool> refused;
    for (const auto& location : locations) {
        std::optional<bool> here;
        for (const auto& control : location.at("negativeControls")) {
            if (control.at("name") == "credential-refused" && control.at("result") != "unknown") {
                here = control.at("result") == "pass";
            }
        }
        if (!here) {
            return std::nullopt;
        }
        refused = refused.value_or(true) && *here;
    }
    return refused;
}

Json credential_record(const VolumePlan& plan, const Json& locations) {
    return ObjectWriter()
        .add("declared", plan.credential_declared)
        .add("openedBefore", plan.credential_opened)
        .add("refusedAfter",
             plan.credential_declared ? credential_refused(locations) : std::nullopt)
        .take();
}

}  // namespace

Json unfinished_location_record() {
    auto verification = ObjectWriter()
                            .add("method", "full-read-back")
                            .add("performed", false)
                            .add("result", "not-performed")
                            .take();
    return ObjectWriter()
        .add("status", to_string(Verdict::not_sanitized))
        .add("verification", std::move(verification))
        .add("negativeControls", Json::array())
        .take();
}

Json volume_record(const VolumePlan& plan, Json locations, Verdict verdict, Level level,
                   const std::vector<Reason>& reasons, const std::vector<Reason>& exceptions) {
    Json record = ObjectWriter()
                      .add("name", plan.name)
                      .add("uuid", plan.uuid)
                      .add("engine", plan.engine)
                      .add("status", to_string(verdict))
                      .add("level", to_string(level))
                      .add("reasons", reasons)
                      .add("exceptions", exceptions)
                      .add("residualRisks", plan.residual_risks)
                      .add("alreadyGone", plan.gone)
                      .add("eligibility", plan.eligibility)
                      .add("payloadSample", plan.payload_sample)
                      .add("credential", credential_record(plan, locations))
                      .add("cryptographicErase", cryptographic_erase_items(plan, locations))
                      .take();
    if (!plan.asset_tag.empty()) {
        record["assetTag"] = plan.asset_tag;
    }
    record["locations"] = std::move(locations);
    return record;
}

Json make_predicate(const PredicateInput& input) {
    const Summary summary = summarize(input.volumes);
    const auto& manifest = input.manifest;
    Json predicate =
        common_predicate({input.run, input.keys, manifest.terms, input.previous,
                          input.certificate_id, input.issued_at, input.tool, input.environment});
    predicate["certificateType"] = "keyslot";
    predicate["dataOwner"] =
        owner_record(manifest.owner, manifest.project_id, manifest.confidentiality);
    predicate["projectIdentity"] = mandate::project_identity(manifest);
    predicate["authorization"] = key_authorization_record(manifest, input.run);
    predicate["volumes"] = input.volumes;
    predicate["sanitization"] = sanitization_record(input, summary);
    predicate["verification"] = ObjectWriter()
                                    .add("performed", summary.looked_at)
                                    .add("result", !summary.looked_at ? "not-performed"
                                                   : summary.verified ? "pass"
                                                                      : "fail")
                                    .add("independentOfEraser", false)
                                    .take();
    predicate["result"] = ObjectWriter()
                              .add("status", to_string(summary.verdict))
                              .add("level", to_string(summary.level))
                              .add("requestedLevel", to_string(manifest.terms.minimum_level))
                              .add("exceptions", in_order(summary.exceptions))
                              .add("residualRisks", in_order(summary.residual_risks))
                              .take();
    return predicate;
}

}  // namespace efface::job
