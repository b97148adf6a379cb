// SPDX-License-Identifier: Apache-2.0
#include "efface/job/target_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"

#include "certificate_parts.hpp"
#include "drive_choice.hpp"
#include "find_drive.hpp"
#include "in_force.hpp"
#include "target_job.hpp"
#include "target_objections.hpp"
#include "target_plan.hpp"

namespace efface::job {

namespace {

constexpr std::size_t kTargetJobIdBytes = 16;
constexpr std::size_t kSubjectBytesMax = 64;

/// How often one order can be carried out on one target in memory.
constexpr std::uint64_t kJobsOfOrderMax = 1U << 20U;

/// A job that an order asks for has always the same id; one that was typed, a new one each time.
/// `number` counts the jobs of one order on a target in memory; media have only the first, 0.
std::string job_id_of(const mandate::Order& order, const std::string& target,
                      std::uint64_t number) {
    const std::string again = number == 0 ? "" : fmt::format("\n{}", number);
    const auto digest = sha256("efface erase 1\n" + order.sha256 + "\n" + target + again);
    return to_hex(ByteView(digest).first(kTargetJobIdBytes));
}

std::string fresh_job_id(Random& random) {
    Bytes id(kTargetJobIdBytes);
    random.fill(id);
    return to_hex(id);
}

/// Part of the bundle's file name: what names the target, in safe characters.
std::string subject_of(const TargetPlan& plan) {
    std::string text;
    for (const char character : plan.confirm_token) {
        const bool safe = (character >= '0' && character <= '9') ||
                          (character >= 'a' && character <= 'z') ||
                          (character >= 'A' && character <= 'Z') || character == '-';
        text += safe ? character : '_';
    }
    return text.substr(0, kSubjectBytesMax);
}

/// A process that was killed lets go of its device a moment after it is gone: the kernel ends its
/// transfers first.
constexpr unsigned kBusyRetriesMax = 50;
constexpr std::chrono::milliseconds kBusyPause{100};

void refuse_as_planned(const TargetPlan& plan) {
    refuse(plan.name + ": refused, nothing was changed:", plan.objections);
}

}  // namespace

std::unique_ptr<TargetStorage> storage_of(RunContext& context, const std::string& target,
                                          const mandate::ErasureChoice& choice) {
    if (const auto memory = inventory::parse_memory_target(target)) {
        return make_memory_storage(context, *memory);
    }
    return mandate::asks_the_drive(choice) ? make_drive_storage(context, target, choice)
                                           : make_block_storage(context, target, choice);
}

/// The job that this request goes on with, if there is one.
std::optional<std::string> TargetRun::known_job() {
    if (!request_.job_id.empty()) {
        return request_.job_id;
    }
    if (order_ != nullptr) {
        (void)target_in(*order_, request_.target);
        find_last_job_of_order();
        return job_of_order();
    }
    return std::nullopt;
}

std::string TargetRun::job_of_order() const {
    return job_id_of(*order_, request_.target, number_);
}

/// An order for what lives in memory runs again when something was written since.
void TargetRun::find_last_job_of_order() {
    if (!inventory::parse_memory_target(request_.target)) {
        return;
    }
    const auto begun = [&](std::uint64_t number) {
        const auto id = job_id_of(*order_, request_.target, number);
        return std::filesystem::exists(context_.state.jobs() / id);
    };
    while (number_ + 1 < kJobsOfOrderMax && begun(number_ + 1)) {
        ++number_;
    }
}

/// A job that ended well says so again, unless its target has something else in it by now.
bool TargetRun::done_before() {
    if (!run_->ended_well()) {
        return false;
    }
    if (!request_.job_id.empty()) {
        return true;  // asked for that job, not for its target
    }
    return storage_of(context_, request_.target, request_.choice)
        ->as_left(state_.plan.identity, state_.progress, state_.outcome.value("record", Json()));
}

/// What has the name of a segment or a queue that was erased is another one, which no order named.
void TargetRun::refuse_successor() const {
    const auto memory = inventory::parse_memory_target(request_.target);
    if (memory && method::is_removed_by_erasing(*memory)) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    state_.plan.name +
                        ": the one of this order was erased and is gone; another one has its name "
                        "now, or it can not be looked at: nothing was changed",
                    "write and approve another order for it");
    }
}

/// Takes the job's lock and reads what an earlier process kept; false when there was none.
bool TargetRun::load(const std::string& job_id) {
    const auto text =
        read_text_file(context_.state.jobs() / job_id / kTargetDocument, kJournalBytesMax);
    if (!text) {
        return false;
    }
    const auto glance =
        glance_at(parse_json(*text, kTargetDocument, {.bytes_max = kJournalBytesMax}), job_id);
    run_.emplace(context_, job_id, glance.identity);
    if (!run_->begun()) {  // killed before the first line of run.json
        run_.reset();
        return false;
    }
    if (run_->of_other_version()) {
        state_.plan.name = glance.name;
        state_.outcome =
            ObjectWriter().add("reasons", Json::array()).add("exceptions", Json::array()).take();
        return true;
    }
    state_ = target_state_from_json(run_->journal().load(kTargetDocument).value_or(Json()));
    if (order_ == nullptr && !state_.order_text.empty()) {
        journalled_order_ = mandate::parse_order(state_.order_text);
        order_ = &*journalled_order_;
    }
    return true;
}

TargetPlan TargetRun::survey() {
    if (inventory::parse_memory_target(request_.target)) {
        choice_ = request_.choice;
    } else {
        auto settled = settle(context_.host, request_.target, request_.choice);
        choice_ = std::move(settled.choice);
        for (const auto& one : settled.passed_over) {
            passed_over_.push_back(passed_over(one.technique, one.why.text));
        }
    }
    storage_ = storage_of(context_, request_.target, choice_);
    auto plan = storage_->survey();
    object_to_level(plan, choice_.level);
    if (order_ != nullptr) {
        object_to_order(plan, *order_, request_.target, number_ > 0);
    }
    return plan;
}

TargetResult TargetRun::run() {
    const auto known = known_job();
    if (known) {
        context_.events.set_job(*known);
    }
    if (known && load(*known)) {
        if (done_before()) {
            return result(false);
        }
        if (run_->ended_well()) {
            refuse_successor();
            run_.reset();
            state_ = {};
            ++number_;
            begin();
        } else {
            go_on();
        }
    } else if (!request_.job_id.empty()) {
        throw Error(ErrorCode::usage, ReasonCode::job_unknown,
                    "there is no such job: " + printable(request_.job_id),
                    "efface jobs lists them");
    } else {
        begin();
    }
    if (run_->state().phase == Phase::announcing) {
        Json fields = ObjectWriter().add("technique", state_.plan.technique).take();
        if (order_ != nullptr) {
            // Who was asked may have taken long.
            check_in_force(order_->terms, context_.clock, &run_->state());
            fields["manifest"] = sha256_record(order_->sha256);
        }
        run_->announce(std::move(fields));
    }
    if (run_->state().phase == Phase::running) {
        erase();
    }
    run_->deliver([&](WallTime now) { return certificate(now); },
                  [&](const Json& predicate) { take_lowered(predicate); });
    return result(true);
}

/// Whether this version of the program began the job. What another one left open is closed as lost
/// when it is replaced.
bool TargetRun::same_version(const std::string& job_id) const {
    const auto run = read_run_state(context_.state.jobs() / job_id);
    return !run || run->journal_version == kJournalVersion;
}

/// The first time: look, ask, and keep the plan. Nothing is changed on the target.
void TargetRun::begin() {
    if (order_ != nullptr) {
        check_in_force(order_->terms, context_.clock);
    }
    auto plan = survey();
    refuse_as_planned(plan);
    if (!request_.expected_plan_digest.empty() &&
        request_.expected_plan_digest != plan_digest(plan)) {
        throw Error(ErrorCode::safety, ReasonCode::plan_changed,
                    plan.name + ": the plan is no longer the one that was shown",
                    "run efface plan again and read it");
    }
    const auto authorization = request_.authorize(plan);
    std::string job_id = order_ == nullptr ? fresh_job_id(context_.random) : job_of_order();
    if (order_ == nullptr) {
        const auto open = open_job_on(context_, plan.identity);
        if (open && same_version(*open) && load(*open)) {
            if (order_ == nullptr && state_.asked == to_json(choice_)) {
                context_.events.set_job(*open);
                go_on();
                return;
            }
            order_ = nullptr;  // another way to erase it: announce() closes the open job as lost
            run_.reset();
        }
    }
    context_.events.set_job(job_id);
    context_.events.emit("accepted", ObjectWriter().add("target", event_target(plan.name)).take());
    state_ = {};
    state_.progress = storage_->begin(context_.random);
    run_.emplace(context_, job_id, plan.identity);
    state_.choice = choice_;
    state_.asked = to_json(choice_);
    state_.requested = request_.choice.policy;
    state_.passed_over = std::move(passed_over_);
    state_.order_text = order_ == nullptr ? "" : order_->text;
    state_.plan = std::move(plan);
    save();
    auto& state = run_->state();
    state.kind = "target";
    state.subject = subject_of(state_.plan);
    state.authorization = authorization_json(authorization);
    state.approvals_der = to_base64(authorization.approvals_der);
    run_->begin_attempt(1);
}

/// The kernel may have given the drive another name since.
void TargetRun::find_drive() {
    if (state_.plan.kind != "disk") {
        return;
    }
    const auto found = job::find_drive(context_.host, state_.plan.path, state_.plan.identity);
    if (!found) {
        throw Error(ErrorCode::safety, found.code, state_.plan.name + ": " + found.why_not,
                    "attach the one that this job began with: " + state_.plan.confirm_token);
    }
    if (found.path != state_.plan.path) {
        keep_observation(renamed(context_.clock, state_.plan.path, found.path));
        state_.plan.path = found.path;
        save();
        storage_ = storage_of(context_, state_.plan.path, state_.choice);
    }
}

/// An earlier process was interrupted, or its attempt failed.
void TargetRun::go_on() {
    const auto phase = run_->state().phase;
    if (phase != Phase::announcing && phase != Phase::running && phase != Phase::done) {
        return;  // erased; only the evidence is missing
    }
    storage_ = storage_of(context_, state_.plan.path, state_.choice);
    const bool refused = run_->refused();
    if (phase == Phase::done && order_ == nullptr &&
        (refused || !storage_->unfinished(state_.outcome))) {
        throw Error(ErrorCode::usage, ReasonCode::job_ended,
                    "job " + run_->job_id() + " has ended: " + run_->state().verdict,
                    "erase the target again; efface show prints the record of this job");
    }
    if (order_ != nullptr) {
        check_in_force(order_->terms, context_.clock, &run_->state(), state_.done);
    }
    if (phase == Phase::running && state_.done) {
        return;  // the same
    }
    find_drive();
    storage_->going_on(state_.progress);
    auto plan = storage_->survey();
    for (unsigned i = 0; i < kBusyRetriesMax && only_busy(plan); ++i) {
        std::this_thread::sleep_for(kBusyPause);
        plan = storage_->survey();
    }
    refuse_as_planned(plan);
    const bool same = mandate::asks_the_drive(state_.choice)
                          ? same_drive(plan.identity, state_.plan.identity)
                          : plan.identity == state_.plan.identity;
    if (!same && plan.identity.value("bootId", "") != state_.plan.identity.value("bootId", "")) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    state_.plan.name +
                        ": the machine was restarted since this job began: what it was to erase in "
                        "memory is gone, or can not be known again; nothing was changed",
                    "erase what stands there now in a new run: " + state_.plan.path);
    }
    if (!same) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    state_.plan.name + ": another target stands there now, nothing was changed",
                    "attach the one that this job began with: " + state_.plan.confirm_token);
    }
    if (phase == Phase::done) {
        state_.progress =
            refused ? storage_->begin(context_.random)
                    : storage_->begin_again(context_.random, state_.progress, state_.outcome);
        state_.done = false;
        state_.observations = Json::array();
        save();
        run_->begin_attempt(run_->state().attempt + 1);
    } else if (phase == Phase::running) {
        resumed_ = true;
        run_->note_interruption();
    }
}

TargetResult TargetRun::result(bool changed) const {
    const auto& state = run_->state();
    TargetResult result;
    result.name = state_.plan.name;
    result.job_id = run_->job_id();
    result.run_id = state.run_id;
    result.verdict =
        method::verdict_from_string(state.verdict).value_or(method::Verdict::not_sanitized);
    result.level = method::level_from_string(state.level).value_or(method::Level::none);
    result.changed = changed;
    result.reasons = reasons_from_json(state_.outcome.at("reasons"));
    result.exceptions = reasons_from_json(state_.outcome.at("exceptions"));
    result.bundle = run_->bundle_path();
    result.certificate_sha256 = state.certificate_sha256;
    run_->report_delivered(changed);
    return result;
}

TargetPlan make_target_plan(RunContext& context, const TargetRequest& request) {
    const auto choice = inventory::parse_memory_target(request.target)
                            ? request.choice
                            : settle(context.host, request.target, request.choice).choice;
    auto plan = storage_of(context, request.target, choice)->survey();
    object_to_level(plan, choice.level);
    if (request.order != nullptr) {
        const auto first =
            read_run_state(context.state.jobs() / job_id_of(*request.order, request.target, 0));
        object_to_order(plan, *request.order, request.target, first && first->phase == Phase::done);
    }
    return plan;
}

std::string plan_digest(const TargetPlan& plan) {
    Json document = plan_document(plan);
    if (plan.size_varies) {
        document.erase("sizeBytes");
        document.erase("bytesToTransfer");
    }
    return sha256_hex(canonical_json(document));
}

Json plan_document(const TargetPlan& plan) {
    return ObjectWriter()
        .add("target", plan.name)
        .add("path", printable(plan.path))
        .add("kind", plan.kind)
        .add("identity", plan.identity)
        .add("confirmToken", plan.confirm_token)
        .add("sizeBytes", plan.size_bytes)
        .add("bytesToTransfer", plan.bytes_to_transfer)
        .add("technique", plan.technique)
        .add("choice", plan.choice)
        .add("policyVersion", plan.policy_version)
        .add("policyDigest", plan.policy_digest)
        .add("steps", plan.steps)
        .add("destroys", guard::to_json(plan.destroys))
        .add("level", to_string(plan.level))
        .add("notReached", plan.not_reached)
        .add("exceptions", plan.exceptions)
        .add("residualRisks", plan.residual_risks)
        .add("objections", to_json(plan.objections))
        .take();
}

TargetResult run_target(RunContext& context, const TargetRequest& request, std::stop_token stop) {
    return TargetRun(context, request, std::move(stop)).run();
}

}  // namespace efface::job
