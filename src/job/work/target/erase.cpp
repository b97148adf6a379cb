// SPDX-License-Identifier: Apache-2.0
// Carries a target's technique out, falls back where the drive refuses it, and says what became of
// it.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "efface/policy/firmware.hpp"

#include "drive/find_drive.hpp"
#include "host/machine.hpp"
#include "objections.hpp"
#include "plan.hpp"
#include "record/certificate_parts.hpp"
#include "work.hpp"

namespace efface::job {

using method::Verdict;

/// One technique to its end.
method::Outcome TargetWork::attempt(RunNotes& notes, bool resumed, const std::stop_token& stop) {
    ProgressMeter meter(context_.events, context_.clock,
                        storage_->bytes_left(state_.plan, state_.progress),
                        event_target(state_.plan.name), [this] { return storage_->celsius(); });
    bool cleared = false;
    storage_->when_cleared([&] {
        cleared = true;
        notes.work_begins();
    });
    method::Outcome outcome;
    try {
        outcome = storage_->erase(
            state_.plan, state_.progress,
            [&](const Json& progress) {
                state_.progress = progress;
                save(notes.journal());
            },
            meter, stop);
    } catch (const Error& error) {
        if (resumed || error.code() == ErrorCode::interrupted ||
            error.reason() == ReasonCode::journal_damaged) {
            throw;  // the job stays open: the target may come back
        }
        const bool by_guard = error.code() == ErrorCode::safety || error.code() == ErrorCode::busy;
        if (by_guard && !cleared && !fell_back_) {
            notes.refuse(error);
        }
        outcome.reasons.push_back({error.reason(), printable(error.what())});
        outcome.record = Json::object();
    }
    if (stop.stop_requested()) {
        throw Error(ErrorCode::interrupted, state_.plan.name + ": stopped at a safe point",
                    "efface resume " + notes.job_id() + " resumes where it stopped");
    }
    return outcome;
}

void TargetWork::carry_out(RunNotes& notes, bool resumed, const std::stop_token& stop) {
    if (state_.done) {
        return;
    }
    context_.events.emit("started", ObjectWriter()
                                        .add("target", event_target(state_.plan.name))
                                        .add("size_bytes", state_.plan.size_bytes)
                                        .take());
    auto outcome = attempt(notes, resumed, stop);
    while (fall_back(notes, outcome)) {  // each time there are fewer
        outcome = attempt(notes, resumed, stop);
    }
    conclude(std::move(outcome));
    forget_partitions();
    save(notes.journal());
    context_.events.emit("verified", ObjectWriter()
                                         .add("target", event_target(state_.plan.name))
                                         .add("status", state_.outcome.at("status"))
                                         .add("level", state_.outcome.at("level"))
                                         .add("reasons", state_.outcome.at("reasons"))
                                         .take());
}

namespace {

bool logs_in(const std::string& technique) {
    const auto* row = policy::find_firmware_technique(technique);
    return row != nullptr && std::string_view(row->command_set) == "tcg";
}

}  // namespace

/// True when the drive refused the command and another technique that was named stands ready. It is
/// in the journal then.
bool TargetWork::fall_back(RunNotes& notes, method::Outcome& outcome) {
    if (!outcome.record.contains("refusal") || state_.choice.fallbacks.empty()) {
        return false;
    }
    const Json refusal = outcome.record.at("refusal");
    const auto begun = refusal.at("begun").get<std::string>();
    if (!begun.empty()) {
        outcome.reasons.push_back(
            {ReasonCode::no_fallback, "no other technique was tried: " + begun});
        return false;
    }
    const bool counted =
        refusal.value("code", "") == to_string(ReasonCode::drive_credential) ||
        std::any_of(state_.passed_over.begin(), state_.passed_over.end(), [](const Json& one) {
            return logs_in(one.at("technique").get<std::string>()) && !one.at("commands").empty();
        });
    auto passed_over = state_.passed_over;
    passed_over.push_back(ObjectWriter()
                              .add("technique", state_.plan.technique)
                              .add("at", refusal.at("at"))
                              .add("why", refusal.at("detail"))
                              .add("commands", refusal.at("commands"))
                              .take());
    const auto names = state_.choice.fallbacks;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::vector<std::string> rest(names.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                            names.end());
        const auto before = state_.plan.technique;
        auto why_not = counted && logs_in(names[i])
                           ? std::optional(not_tried(names[i], passed_over))
                           : take(names[i], rest, passed_over);
        if (!why_not) {
            fell_back_ = true;
            keep_observations(outcome);
            save(notes.journal());
            context_.events.emit("fallback", ObjectWriter()
                                                 .add("target", event_target(state_.plan.name))
                                                 .add("refused", before)
                                                 .add("why", refusal.at("detail"))
                                                 .add("technique", state_.plan.technique)
                                                 .take());
            return true;
        }
        outcome.reasons.push_back({why_not->code, names[i] + ": " + printable(why_not->text)});
    }
    return false;
}

/// A drive that refused a credential, or may have counted it, is shown no other one by this job.
Reason TargetWork::not_tried(const std::string& name, Json& passed_over) const {
    Reason why{ReasonCode::drive_credential,
               "not tried: the drive refused a credential before, and counts wrong ones"};
    passed_over.push_back(this->passed_over(name, why.text));
    return why;
}

/// Makes this technique the job's, or adds to `passed_over` why not, and returns it. Saves nothing.
std::optional<Reason> TargetWork::take(const std::string& name,
                                       const std::vector<std::string>& rest, Json& passed_over) {
    auto choice = mandate::with_technique(state_.choice, name, rest);
    if (!mandate::asks_the_drive(choice)) {
        choice.fallbacks.clear();
    }
    Reason why;
    try {
        auto storage = storage_of(context_, state_.plan.path, choice);
        auto plan = storage->survey();
        object_to_level(plan, choice.level);
        if (!same_drive(plan.identity, state_.plan.identity)) {
            plan.objections.push_back(
                {{ReasonCode::other_identity, "another drive is at this path now"}});
        } else if (!mandate::asks_the_drive(choice) && plan.identity != state_.plan.identity) {
            plan.objections.push_back(
                {{ReasonCode::other_identity,
                  "hidden areas were opened, so its size is no longer that of the job"}});
        }
        if (plan.objections.empty()) {
            plan.name = state_.plan.name;
            plan.confirm_token = state_.plan.confirm_token;
            plan.identity = state_.plan.identity;
            plan.found["name"] = plan.name;
            if (state_.plan.found.contains("assetTag")) {
                plan.found["assetTag"] = state_.plan.found.at("assetTag");
            }
            state_.progress = storage->begin_instead(context_.random, state_.progress);
            state_.choice = std::move(choice);
            state_.plan = std::move(plan);
            state_.passed_over = std::move(passed_over);
            storage_ = std::move(storage);
            return std::nullopt;
        }
        why = plan.objections.front().reason;
    } catch (const Error& error) {
        why = {error.reason(), error.what()};
    }
    passed_over.push_back(this->passed_over(name, why.text));
    return why;
}

/// Of a technique of which no command was sent.
Json TargetWork::passed_over(const std::string& technique, const std::string& why) const {
    return ObjectWriter()
        .add("technique", technique)
        .add("at", to_rfc3339(context_.clock.now()))
        .add("why", printable(why))
        .add("commands", Json::array())
        .take();
}

void TargetWork::keep_observation(method::Observation observation) {
    state_.observations.push_back(ObjectWriter()
                                      .add("at", observation.at)
                                      .add("target", state_.plan.name)
                                      .add("what", observation.what)
                                      .add("raw", std::move(observation.raw))
                                      .take());
}

void TargetWork::keep_observations(method::Outcome& outcome) {
    for (auto& observation : outcome.observations) {
        keep_observation(std::move(observation));
    }
    outcome.observations.clear();
}

/// A partition table that was erased is still in the kernel, with a node for each of its
/// partitions.
void TargetWork::forget_partitions() {
    const auto kind = state_.plan.identity.value("kind", "");
    const bool has_table = kind == to_string(inventory::Kind::disk) ||
                           kind == to_string(inventory::Kind::loop) ||
                           kind == to_string(inventory::Kind::md);
    const auto ended = verdict();
    if (!state_.plan.choice.is_object() || !has_table || !ended || !is_success(*ended)) {
        return;
    }
    if (const int error = context_.host.read_partitions_again(state_.plan.path); error == EBUSY) {
        keep_observation({to_rfc3339(context_.clock.now()),
                          "partitions of the erased table are in use: the kernel still shows them",
                          errno_text(error)});
    }
}

void TargetWork::conclude(method::Outcome outcome) {
    Json after;
    try {
        after = storage_->identity_now();
        if (auto other = storage_->other_now(state_.plan, after)) {
            outcome.verdict = method::worst(outcome.verdict, Verdict::indeterminate);
            outcome.reasons.push_back(std::move(*other));
        }
    } catch (const Error& error) {
        outcome.verdict = method::worst(outcome.verdict, Verdict::indeterminate);
        outcome.reasons.push_back({error.reason(), printable(error.what())});
    }
    if (state_.plan.choice.is_object() || outcome.exceptions.empty()) {
        // A method of memory names its exceptions itself, more exactly.
        outcome.exceptions.insert(outcome.exceptions.end(), state_.plan.exceptions.begin(),
                                  state_.plan.exceptions.end());
    }
    if (outcome.verdict == Verdict::sanitized && !outcome.exceptions.empty()) {
        outcome.verdict = Verdict::sanitized_with_exceptions;
    }
    const bool reached = is_success(outcome.verdict);
    state_.left = reached ? storage_->sample() : std::vector<SurfaceSample>();
    const auto level =
        reached ? method::lowest(state_.plan.level, outcome.level_limit) : method::Level::none;
    keep_observations(outcome);
    state_.outcome = ObjectWriter()
                         .add("status", to_string(outcome.verdict))
                         .add("level", to_string(level))
                         .add("reasons", outcome.reasons)
                         .add("exceptions", reached ? outcome.exceptions : std::vector<Reason>())
                         .add("record", std::move(outcome.record))
                         .add("identityAfter", std::move(after))
                         .add("completedAt", to_rfc3339(context_.clock.now()))
                         .take();
    state_.done = true;
}

CertifiedRun::Content TargetWork::certificate(const CertifiedRun& run, WallTime now) const {
    return certificate_of(state_, run, now);
}

CertifiedRun::Content TargetWork::trial(const CertifiedRun& run, WallTime now) const {
    TargetState failed = state_;
    failed.outcome = ObjectWriter()
                         .add("status", to_string(Verdict::not_sanitized))
                         .add("level", to_string(method::Level::none))
                         .add("reasons", std::vector<Reason>{{ReasonCode::interrupted, "a trial"}})
                         .add("exceptions", std::vector<Reason>())
                         .add("record", storage_->interrupted_record(state_.plan, state_.progress))
                         .add("identityAfter", nullptr)
                         .add("completedAt", to_rfc3339(now))
                         .take();
    return certificate_of(failed, run, now);
}

CertifiedRun::Content TargetWork::certificate_of(const TargetState& state, const CertifiedRun& run,
                                                 WallTime now) const {
    std::string observations;
    for (const auto& observation : state.observations) {
        observations += canonical_json(observation) + "\n";
    }
    auto files =
        evidence_files(state.order_text, run.state().authorization.approvals_der, observations);
    return {make_target_predicate({state, order_, run.state(), run.keys(), run.attempts(),
                                   make_uuid_v7(context_.clock, context_.random), now,
                                   tool_record(request_.program),
                                   environment_record(context_.host.view())}),
            std::move(files)};
}

/// What the certificate says is what the run says.
void TargetWork::take_lowered(const CertifiedRun& run, const Json& predicate) {
    const Json& result = predicate.at("result");
    for (const char* key : {"status", "level", "exceptions"}) {
        state_.outcome[key] = result.at(key);
    }
    state_.outcome["reasons"] = predicate.at("sanitization").at("reasons");
    state_.plan.residual_risks = reasons_from_json(result.at("residualRisks"));
    save(run.journal());
}

}  // namespace efface::job
