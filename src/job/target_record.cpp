// SPDX-License-Identifier: Apache-2.0
#include "target_record.hpp"

#include <algorithm>

#include "efface/base/digest.hpp"

#include "certificate_parts.hpp"

namespace efface::job {

namespace {

const char* certificate_type(const TargetPlan& plan) {
    if (plan.path.starts_with("memory:")) {
        return "memory";
    }
    return plan.kind == "file" ? "file" : "media";
}

Json plan_to_journal(const TargetPlan& plan) {
    return {{"name", plan.name},
            {"path", plan.path},
            {"kind", plan.kind},
            {"confirmToken", plan.confirm_token},
            {"identity", plan.identity},
            {"found", plan.found},
            {"sizeBytes", plan.size_bytes},
            {"bytesToTransfer", plan.bytes_to_transfer},
            {"technique", plan.technique},
            {"choice", plan.choice},
            {"policyVersion", plan.policy_version},
            {"policyDigest", plan.policy_digest},
            {"exceptions", plan.exceptions},
            {"residualRisks", plan.residual_risks},
            {"level", to_string(plan.level)}};
}

TargetPlan plan_from_journal(const Json& json) {
    TargetPlan plan;
    json.at("name").get_to(plan.name);
    json.at("path").get_to(plan.path);
    json.at("kind").get_to(plan.kind);
    json.at("confirmToken").get_to(plan.confirm_token);
    plan.identity = json.at("identity");
    plan.found = json.at("found");
    json.at("sizeBytes").get_to(plan.size_bytes);
    json.at("bytesToTransfer").get_to(plan.bytes_to_transfer);
    json.at("technique").get_to(plan.technique);
    plan.choice = json.at("choice");
    json.at("policyVersion").get_to(plan.policy_version);
    json.at("policyDigest").get_to(plan.policy_digest);
    json.at("exceptions").get_to(plan.exceptions);
    json.at("residualRisks").get_to(plan.residual_risks);
    plan.level = method::level_from_string(json.at("level").get<std::string>())
                     .value_or(method::Level::none);
    return plan;
}

Json target_authorization(const TargetPredicateInput& input, const Terms& terms) {
    const auto& plan = input.target.plan;
    Json record = authorization_record(input.run, terms);
    record["manifestDigest"] =
        input.order == nullptr ? Json() : Json({{"sha256", input.order->sha256}});
    record["targetToken"] = plan.confirm_token;
    record["policyId"] = plan.technique;
    record["policyVersion"] = plan.policy_version;
    record["policyDigest"] = {{"sha256", plan.policy_digest}};
    return record;
}

/// The method's record, where the certificate has places for it.
void add_work(Json& predicate, const Json& record) {
    auto& sanitization = predicate["sanitization"];
    sanitization["engine"] = record.value("engine", "");
    sanitization["engineNote"] = record.value("engineNote", "");
    sanitization["passes"] = record.value("passes", Json::array());
    for (const char* key :
         {"steps", "limits", "negativeControls", "operation", "statusBefore", "statusAfter"}) {
        if (record.contains(key)) {
            sanitization[key] = record.at(key);
        }
    }
    Json verification = record.value("verification", Json::object());
    if (!verification.contains("result")) {
        verification = {{"method", "none"}, {"performed", false}, {"result", "not-performed"}};
    }
    if (record.contains("unwrittenAreas")) {
        verification["unwrittenAreas"] = record.at("unwrittenAreas");
    }
    verification["independentOfEraser"] = false;
    predicate["verification"] = std::move(verification);
}

}  // namespace

Json to_json(const TargetState& state) {
    return {{"plan", plan_to_journal(state.plan)},
            {"choice", to_json(state.choice)},
            {"asked", state.asked},
            {"requested", state.requested},
            {"passedOver", state.passed_over},
            {"order", state.order_text},
            {"progress", state.progress},
            {"done", state.done},
            {"outcome", state.outcome},
            {"observations", state.observations}};
}

TargetState target_state_from_json(const Json& json) {
    try {
        TargetState state;
        state.plan = plan_from_journal(json.at("plan"));
        state.choice = choice_from_json(json.at("choice"));
        state.asked = json.at("asked");
        json.at("requested").get_to(state.requested);
        state.passed_over = json.at("passedOver");
        json.at("order").get_to(state.order_text);
        state.progress = json.at("progress");
        json.at("done").get_to(state.done);
        state.outcome = json.at("outcome");
        state.observations = json.at("observations");
        return state;
    } catch (const Json::exception&) {
        throw Error(ErrorCode::internal, "target.json: the journal is damaged");
    }
}

Json make_target_predicate(const TargetPredicateInput& input) {
    static const Terms kNoTerms;
    const Terms& terms = input.order == nullptr ? kNoTerms : input.order->terms;
    const auto& target = input.target;
    const auto& outcome = target.outcome;
    const auto requested = std::max(terms.minimum_level, target.choice.level);
    Json predicate =
        common_predicate({input.run, input.keys, terms, input.previous, input.certificate_id,
                          input.issued_at, input.tool, input.environment});
    predicate["certificateType"] = certificate_type(target.plan);
    predicate["dataOwner"] =
        input.order == nullptr
            ? owner_record("", "", "")
            : owner_record(input.order->owner, input.order->id, input.order->confidentiality);
    predicate["targetIdentity"] = target.plan.identity;
    predicate["target"] = target.plan.found;
    predicate["target"]["identityAfter"] = outcome.at("identityAfter");
    if (const auto& record = outcome.at("record"); record.contains("drive")) {
        predicate["target"]["drive"] = record.at("drive");
        predicate["target"]["hiddenAreas"]["areas"] = record.at("hiddenAreas");
    }
    predicate["authorization"] = target_authorization(input, terms);
    predicate["sanitization"] = {
        {"technique", target.plan.technique},      {"method", outcome.at("level")},
        {"requestedMethod", to_string(requested)}, {"standards", standards_record()},
        {"startedAt", input.run.started_at},       {"completedAt", outcome.at("completedAt")},
        {"interruptions", input.run.interruptions}};
    predicate["sanitization"]["reasons"] = outcome.at("reasons");
    if (target.plan.choice.is_object()) {
        predicate["sanitization"]["requestedTechnique"] = target.requested;
        predicate["sanitization"]["passedOver"] = target.passed_over;
    }
    add_work(predicate, outcome.at("record"));
    predicate["result"] = {{"status", outcome.at("status")},
                           {"level", outcome.at("level")},
                           {"requestedLevel", to_string(requested)},
                           {"exceptions", outcome.at("exceptions")},
                           {"residualRisks", target.plan.residual_risks}};
    return predicate;
}

}  // namespace efface::job
