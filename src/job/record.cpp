// SPDX-License-Identifier: Apache-2.0
#include "record.hpp"

#include <algorithm>
#include <set>

#include "efface/policy/key_destruction.hpp"

#include "certificate_parts.hpp"
#include "volume_run.hpp"

namespace efface::job {

namespace {

using method::Level;
using method::Verdict;

Json key_authorization_record(const Manifest& manifest, const RunState& run) {
    Json record = authorization_record(run, manifest.terms);
    record["manifestDigest"] = {{"sha256", manifest.sha256}};
    record["policyId"] = policy::kPolicyId;
    record["policyVersion"] = policy::kPolicyVersion;
    record["policyDigest"] = {{"sha256", policy::policy_digest()}};
    record["attestation"] = {
        {"encryptedSinceFirstUse", manifest.attestation.encrypted_since_first_use},
        {"allKeyCopiesDeclared", manifest.attestation.all_key_copies_declared},
        {"by", manifest.attestation.by}};
    return record;
}

/// What the volumes add up to.
struct Summary {
    Verdict verdict = Verdict::sanitized;
    Level level = Level::purge;
    bool looked_at = false;
    bool verified = true;
    std::set<std::string> exceptions;
    std::set<std::string> residual_risks;
    std::string completed_at;
};

Summary summarize(const Json& volumes) {
    Summary summary;
    for (const auto& volume : volumes) {
        const auto result = result_of(volume);
        summary.verdict = method::worst(summary.verdict, result.verdict);
        summary.level = method::lowest(summary.level, result.level);
        for (const auto& text : volume.at("exceptions")) {
            summary.exceptions.insert(result.name + ": " + text.get<std::string>());
        }
        for (const auto& text : volume.at("residualRisks")) {
            summary.residual_risks.insert(text.get<std::string>());
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

Json sanitization_record(const PredicateInput& input, const Summary& summary) {
    return {{"technique", "cryptographic-erase"},
            {"method", to_string(summary.level)},
            {"requestedMethod", to_string(input.manifest.terms.minimum_level)},
            {"standards", standards_record()},
            {"startedAt", input.run.started_at},
            {"completedAt",
             summary.completed_at.empty() ? to_rfc3339(input.issued_at) : summary.completed_at},
            {"interruptions", input.run.interruptions}};
}

}  // namespace

Json unfinished_location_record() {
    return {{"status", to_string(Verdict::not_sanitized)},
            {"verification",
             {{"method", "full-read-back"}, {"performed", false}, {"result", "not-performed"}}},
            {"negativeControls", Json::array()}};
}

Json volume_record(const VolumePlan& plan, Json locations, Verdict verdict, Level level,
                   const std::vector<std::string>& reasons,
                   const std::vector<std::string>& exceptions) {
    bool refused = !locations.empty();
    for (const auto& location : locations) {
        bool here = false;
        for (const auto& control : location.at("negativeControls")) {
            here = here ||
                   (control.at("name") == "credential-refused" && control.at("result") == "pass");
        }
        refused = refused && here;
    }
    Json record = {
        {"name", plan.name},
        {"uuid", plan.uuid},
        {"engine", plan.engine},
        {"status", to_string(verdict)},
        {"level", to_string(level)},
        {"reasons", reasons},
        {"exceptions", exceptions},
        {"residualRisks", plan.residual_risks},
        {"alreadyGone", plan.gone},
        {"eligibility", plan.eligibility},
        {"payloadSample", plan.payload_sample},
        {"credential",
         {{"declared", plan.credential_declared},
          {"openedBefore", plan.credential_opened.value_or(false)},
          {"refusedAfter", plan.credential_declared && refused}}},
        {"cryptographicErase", cryptographic_erase_items(plan, locations)},
    };
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
    predicate["projectIdentity"] = project_identity(manifest);
    predicate["authorization"] = key_authorization_record(manifest, input.run);
    predicate["volumes"] = input.volumes;
    predicate["sanitization"] = sanitization_record(input, summary);
    predicate["verification"] = {{"performed", summary.looked_at},
                                 {"result", !summary.looked_at ? "not-performed"
                                            : summary.verified ? "pass"
                                                               : "fail"},
                                 {"independentOfEraser", false}};
    predicate["result"] = {{"status", to_string(summary.verdict)},
                           {"level", to_string(summary.level)},
                           {"requestedLevel", to_string(manifest.terms.minimum_level)},
                           {"exceptions", summary.exceptions},
                           {"residualRisks", summary.residual_risks}};
    return predicate;
}

}  // namespace efface::job
