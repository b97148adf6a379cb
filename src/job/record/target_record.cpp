// SPDX-License-Identifier: Apache-2.0
#include "target_record.hpp"

#include <algorithm>

#include "efface/base/digest.hpp"

#include "certificate_parts.hpp"
#include "journal/check.hpp"

namespace efface::job {

namespace {

const char* certificate_type(const TargetPlan& plan) {
    if (plan.path.starts_with("memory:")) {
        return "memory";
    }
    return plan.kind == "file" ? "file" : "media";
}

Json plan_to_journal(const TargetPlan& plan) {
    return ObjectWriter()
        .add("name", plan.name)
        .add("path", plan.path)
        .add("kind", plan.kind)
        .add("confirmToken", plan.confirm_token)
        .add("identity", plan.identity)
        .add("found", plan.found)
        .add("sizeBytes", plan.size_bytes)
        .add("bytesToTransfer", plan.bytes_to_transfer)
        .add("technique", plan.technique)
        .add("choice", plan.choice)
        .add("policyVersion", plan.policy_version)
        .add("policyDigest", plan.policy_digest)
        .add("exceptions", plan.exceptions)
        .add("residualRisks", plan.residual_risks)
        .add("level", to_string(plan.level))
        .take();
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
    plan.exceptions = reasons_from_json(json.at("exceptions"));
    plan.residual_risks = reasons_from_json(json.at("residualRisks"));
    plan.level = level_from_journal(json.at("level"));
    return plan;
}

Json target_authorization(const TargetPredicateInput& input, const mandate::Terms& terms) {
    const auto& plan = input.target.plan;
    Json record = authorization_record(input.run, terms);
    record["manifestDigest"] = input.order == nullptr ? Json() : sha256_record(input.order->sha256);
    record["targetToken"] = plan.confirm_token;
    record["policyId"] = plan.technique;
    record["policyVersion"] = plan.policy_version;
    record["policyDigest"] = sha256_record(plan.policy_digest);
    return record;
}

/// The method's record, where the certificate has places for it.
void add_work(Json& predicate, const Json& record) {
    auto& sanitization = predicate["sanitization"];
    sanitization["engine"] = record.value("engine", "");
    sanitization["engineNote"] = record.value("engineNote", "");
    sanitization["passes"] = record.value("passes", Json::array());
    for (const char* key : {"steps", "limits", "negativeControls", "operation", "statusBefore",
                            "statusAfter", "sweep"}) {
        if (record.contains(key)) {
            sanitization[key] = record.at(key);
        }
    }
    Json verification = record.value("verification", Json::object());
    if (!verification.contains("result")) {
        verification = ObjectWriter()
                           .add("method", "none")
                           .add("performed", false)
                           .add("result", "not-performed")
                           .take();
    }
    if (record.contains("unwrittenAreas")) {
        verification["unwrittenAreas"] = record.at("unwrittenAreas");
    }
    verification["independentOfEraser"] = false;
    predicate["verification"] = std::move(verification);
}

/// Those of the plan, and what the drive's health became during the erase.
std::vector<Reason> residual_risks(const TargetPlan& plan, const Json& health) {
    auto risks = plan.residual_risks;
    for (const auto& text : method::growth_texts(health)) {
        Reason grown{ReasonCode::health_grew, "during the erase: " + text};
        const bool there = std::any_of(risks.begin(), risks.end(), [&](const Reason& other) {
            return other.code == grown.code && other.text == grown.text;
        });
        if (!there) {  // the lowered plan has them already
            risks.push_back(std::move(grown));
        }
    }
    return risks;
}

}  // namespace

Json to_json(const TargetState& state) {
    return ObjectWriter()
        .add("plan", plan_to_journal(state.plan))
        .add("choice", to_json(state.choice))
        .add("asked", state.asked)
        .add("requested", state.requested)
        .add("passedOver", state.passed_over)
        .add("order", state.order_text)
        .add("progress", state.progress)
        .add("done", state.done)
        .add("outcome", state.outcome)
        .add("observations", state.observations)
        .add("left", to_json(state.left))
        .add("keptAt", state.kept_at)
        .take();
}

TargetState target_state_from_json(const Json& json) {
    return read_journal(kTargetDocument, [&] {
        TargetState state;
        state.plan = plan_from_journal(json.at("plan"));
        state.choice = mandate::choice_from_json(json.at("choice"));
        state.asked = json.at("asked");
        json.at("requested").get_to(state.requested);
        state.passed_over = json.at("passedOver");
        json.at("order").get_to(state.order_text);
        state.progress = json.at("progress");
        json.at("done").get_to(state.done);
        state.outcome = json.at("outcome");
        state.observations = json.at("observations");
        state.left = samples_from_json(json.at("left"));
        json.at("keptAt").get_to(state.kept_at);
        require_same(json, to_json(state));
        check_target_state(state);
        return state;
    });
}

TargetGlance glance_at(const Json& document, const std::string& job_id) {
    if (journal_version_of(document) > kJournalVersion) {
        refuse_other_version(job_id, journal_version_of(document));
    }
    return read_journal(kTargetDocument, [&] {
        const auto& plan = document.at("plan");
        return TargetGlance{plan.at("name").get<std::string>(), plan.at("identity")};
    });
}

Json make_target_predicate(const TargetPredicateInput& input) {
    static const mandate::Terms kNoTerms;
    const mandate::Terms& terms = input.order == nullptr ? kNoTerms : input.order->terms;
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
    const Json health = outcome.at("record").value("health", Json());
    if (health.is_object()) {
        predicate["target"]["health"] = health;
    }
    if (const auto& record = outcome.at("record");
        certificate_type(target.plan) == std::string_view("memory") && record.contains("facts")) {
        // The claim depends on what was seen at the run, which may be long after the plan.
        predicate["target"]["facts"] = record.at("facts");
    }
    predicate["authorization"] = target_authorization(input, terms);
    predicate["sanitization"] = ObjectWriter()
                                    .add("technique", target.plan.technique)
                                    .add("method", outcome.at("level"))
                                    .add("requestedMethod", to_string(requested))
                                    .add("standards", standards_record())
                                    .add("startedAt", input.run.started_at)
                                    .add("completedAt", outcome.at("completedAt"))
                                    .add("interruptions", input.run.interruptions)
                                    .add("reasons", outcome.at("reasons"))
                                    .take();
    if (target.plan.choice.is_object()) {
        predicate["sanitization"]["requestedTechnique"] = target.requested;
        predicate["sanitization"]["passedOver"] = target.passed_over;
    }
    add_work(predicate, outcome.at("record"));
    predicate["result"] = ObjectWriter()
                              .add("status", outcome.at("status"))
                              .add("level", outcome.at("level"))
                              .add("requestedLevel", to_string(requested))
                              .add("exceptions", outcome.at("exceptions"))
                              .add("residualRisks", residual_risks(target.plan, health))
                              .take();
    return predicate;
}

}  // namespace efface::job
