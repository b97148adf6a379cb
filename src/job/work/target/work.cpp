// SPDX-License-Identifier: Apache-2.0
#include "work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/job/target_run.hpp"

#include "content_sample.hpp"
#include "drive/choice.hpp"
#include "drive/find_drive.hpp"
#include "host/forward_clock.hpp"
#include "journal/earlier_job.hpp"
#include "objections.hpp"
#include "plan.hpp"
#include "record/certificate_parts.hpp"

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

/// Of the last job of this order on this target: one for what lives in memory runs again when
/// something was written since.
std::uint64_t last_number_of(const StateDirectory& state, const mandate::Order& order,
                             const std::string& target) {
    if (!inventory::parse_memory_target(target)) {
        return 0;
    }
    std::uint64_t number = 0;
    while (number + 1 < kJobsOfOrderMax &&
           std::filesystem::exists(state.jobs() / job_id_of(order, target, number + 1))) {
        ++number;
    }
    return number;
}

std::string fresh_job_id(Random& random) {
    Bytes id(kTargetJobIdBytes);
    random.fill(id);
    return to_hex(id);
}

/// A process that was killed lets go of its device a moment after it is gone: the kernel ends its
/// transfers first.
constexpr unsigned kBusyRetriesMax = 50;
constexpr std::chrono::milliseconds kBusyPause{100};

/// Whether a plan made now is about the target of the job with this state.
bool is_target_of(const TargetState& job, const TargetPlan& now) {
    return mandate::asks_the_drive(job.choice) ? same_drive(now.identity, job.plan.identity)
                                               : now.identity == job.plan.identity;
}

}  // namespace

std::unique_ptr<TargetStorage> storage_of(RunContext& context, const std::string& target,
                                          const mandate::ErasureChoice& choice,
                                          std::optional<DriveLook> look) {
    if (const auto memory = inventory::parse_memory_target(target)) {
        return make_memory_storage(context, *memory);
    }
    return mandate::asks_the_drive(choice)
               ? make_drive_storage(context, target, choice, std::move(look))
               : make_block_storage(context, target, choice, std::move(look));
}

std::string TargetWork::name() const {
    return state_.plan.name.empty() ? printable(request_.target) : state_.plan.name;
}

/// What names the target, in safe characters.
std::string TargetWork::subject() const {
    std::string text;
    for (const char character : state_.plan.confirm_token) {
        const bool safe = (character >= '0' && character <= '9') ||
                          (character >= 'a' && character <= 'z') ||
                          (character >= 'A' && character <= 'Z') || character == '-';
        text += safe ? character : '_';
    }
    return text.substr(0, kSubjectBytesMax);
}

/// A drive has the most of it: its controller, its namespaces, other paths to it.
RunNeeds TargetWork::needs() const {
    return {.descriptors = 32,
            .memory_bytes = std::uint64_t{64} << 20U,
            .state_bytes = std::uint64_t{2} << 20U,
            .devices = request_.target.starts_with("/dev/")};
}

/// The job that this request resumes, if there is one.
std::optional<std::string> TargetWork::known_job() {
    if (!request_.job_id.empty()) {
        return request_.job_id;
    }
    if (order_ != nullptr) {
        (void)target_in(*order_, request_.target);
        number_ = last_number_of(context_.state, *order_, request_.target);
        return job_of_order();
    }
    return std::nullopt;
}

bool may_have_changed(const StateDirectory& state, const TargetRequest& request) {
    if (!request.job_id.empty()) {
        return may_have_changed(state.jobs() / request.job_id);
    }
    if (request.order == nullptr) {
        return false;
    }
    const auto number = last_number_of(state, *request.order, request.target);
    return may_have_changed(state.jobs() / job_id_of(*request.order, request.target, number));
}

std::string TargetWork::job_of_order() const {
    return job_id_of(*order_, request_.target, number_);
}

std::string TargetWork::new_job() {
    return order_ == nullptr ? fresh_job_id(context_.random) : job_of_order();
}

std::optional<Json> TargetWork::identity_in(const std::filesystem::path& folder) {
    const auto document = read_any_version(folder, kTargetDocument);
    if (!document) {
        return std::nullopt;
    }
    auto glance = glance_at(*document, folder.filename().string());
    state_.plan.name = std::move(glance.name);
    return std::move(glance.identity);
}

void TargetWork::load(const std::filesystem::path& folder, const RunState& /*run*/) {
    state_ = target_state_from_json(read_document(folder, kTargetDocument).value_or(Json()));
    if (order_ == nullptr && !state_.order_text.empty()) {
        journalled_order_ = mandate::parse_order(state_.order_text);
        order_ = &*journalled_order_;
    }
}

bool TargetWork::is_same_request(const std::filesystem::path& folder) const {
    const auto document = read_document(folder, kTargetDocument);
    if (!document) {
        return false;
    }
    const auto state = target_state_from_json(*document);
    return state.order_text.empty() && state.asked == to_json(request_.choice) &&
           is_target_of(state, state_.plan);
}

std::vector<Objection> TargetWork::look() {
    state_ = {};
    mandate::ErasureChoice choice = request_.choice;
    std::optional<DriveLook> look;
    if (!inventory::parse_memory_target(request_.target)) {
        auto settled = settle(context_.host, request_.target, request_.choice);
        choice = std::move(settled.choice);
        look = std::move(settled.look);
        for (const auto& one : settled.passed_over) {
            state_.passed_over.push_back(passed_over(one.technique, one.why.text));
        }
    }
    storage_ = storage_of(context_, request_.target, choice, std::move(look));
    state_.plan = storage_->survey();
    object_to_level(state_.plan, choice.level);
    if (order_ != nullptr) {
        object_to_order(state_.plan, *order_, request_.target, number_ > 0);
        state_.order_text = order_->text;
    }
    state_.choice = std::move(choice);
    state_.asked = to_json(request_.choice);
    state_.requested = request_.choice.policy;
    return state_.plan.objections;
}

Json TargetWork::accepted() const {
    return ObjectWriter().add("target", event_target(state_.plan.name)).take();
}

void TargetWork::begin() {
    state_.progress = storage_->begin(context_.random);
}

void TargetWork::save(const Journal& journal) {
    state_.kept_at = to_rfc3339(context_.clock.now());
    journal.save(kTargetDocument, to_json(state_));
}

/// A job that ended well says so again, unless its target has something else in it by now.
Standing TargetWork::standing() {
    if (state_.plan.path.empty()) {
        return {};  // of another version of the program, whose journal is not read
    }
    auto standing = storage_of(context_, request_.target, request_.choice)->as_left(state_);
    if (standing.state == Standing::State::begins_anew) {
        ++number_;
    }
    return standing;
}

/// The kernel may have given the drive another name since: true when it has.
bool TargetWork::find_drive() {
    storage_ = storage_of(context_, state_.plan.path, state_.choice);
    if (state_.plan.kind != "disk") {
        return false;
    }
    const auto found = job::find_drive(context_.host, state_.plan.path, state_.plan.identity);
    if (!found) {
        throw Error(ErrorCode::safety, found.code, state_.plan.name + ": " + found.why_not,
                    "attach the target of this job: " + state_.plan.confirm_token);
    }
    if (found.path == state_.plan.path) {
        return false;
    }
    keep_observation(renamed(context_.clock, state_.plan.path, found.path));
    state_.plan.path = found.path;
    storage_ = storage_of(context_, state_.plan.path, state_.choice);
    return true;
}

TargetPlan TargetWork::survey_when_free() {
    auto plan = storage_->survey();
    for (unsigned i = 0; i < kBusyRetriesMax && only_busy(plan); ++i) {
        std::this_thread::sleep_for(kBusyPause);
        plan = storage_->survey();
    }
    return plan;
}

void TargetWork::refuse_other(const TargetPlan& plan) const {
    if (is_target_of(state_, plan)) {
        return;
    }
    if (plan.identity.value("bootId", "") != state_.plan.identity.value("bootId", "")) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    state_.plan.name +
                        ": the machine was restarted since this job began: its target in memory is "
                        "gone or cannot be identified",
                    "erase what is there now in a new run: " + state_.plan.path);
    }
    throw Error(ErrorCode::safety, ReasonCode::other_identity,
                state_.plan.name + ": another target is at this path now; it was not changed",
                "attach the target of this job: " + state_.plan.confirm_token);
}

TargetPlan TargetWork::plan_again() {
    (void)find_drive();
    storage_->going_on(state_.progress);
    auto plan = storage_->survey();
    if (plan.objections.empty()) {
        refuse_other(plan);
    }
    plan.name = state_.plan.name;
    plan.confirm_token = state_.plan.confirm_token;
    return plan;
}

std::string TargetWork::digest_now() {
    return plan_digest(plan_again());
}

std::vector<Objection> TargetWork::look_again() {
    try {
        state_.plan = plan_again();
        return state_.plan.objections;
    } catch (const Error& error) {
        return {{{error.reason(), printable(error.what())}, error.code()}};
    }
}

void TargetWork::come_back(const CertifiedRun& run) {
    if (find_drive()) {
        save(run.journal());
    }
    storage_->going_on(state_.progress);
    const auto plan = survey_when_free();
    refuse(state_.plan.name + ": not resumed; nothing was done now:", plan.objections);
    refuse_other(plan);
}

void TargetWork::begin_again(const CertifiedRun& run) {
    state_.progress = run.refused()
                          ? storage_->begin(context_.random)
                          : storage_->begin_again(context_.random, state_.progress, state_.outcome);
    state_.done = false;
    state_.outcome = nullptr;  // else the next attempt would take it for that of this one
    state_.observations = Json::array();
    save(run.journal());
}

Json TargetWork::intent() const {
    Json fields = ObjectWriter().add("technique", state_.plan.technique).take();
    if (order_ != nullptr) {
        fields["manifest"] = sha256_record(order_->sha256);
    }
    return fields;
}

std::optional<method::Verdict> TargetWork::verdict() const {
    return state_.done ? method::verdict_from_string(state_.outcome.value("status", ""))
                       : std::nullopt;
}

void TargetWork::describe(RunResult& result) const {
    if (state_.outcome.is_object()) {  // else its journal is of another version
        result.reasons = reasons_from_json(state_.outcome.at("reasons"));
        result.exceptions = reasons_from_json(state_.outcome.at("exceptions"));
    }
}

TargetPlan make_target_plan(RunContext& context, const TargetRequest& request) {
    TargetWork work(context, request);
    auto planned = look_for_plan(context, work);
    auto plan = work.plan();
    plan.done_before = std::move(planned.done);
    plan.open_job = std::move(planned.open);
    if (planned.known) {
        plan.objections.clear();
    }
    plan.objections.insert(plan.objections.begin(), planned.objections.begin(),
                           planned.objections.end());
    return plan;
}

std::string plan_digest(const TargetPlan& plan) {
    Json document = plan_document(plan);
    document.erase("doneBefore");
    document.erase("openJob");
    document.erase("health");
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
        .add("doneBefore", to_json(plan.done_before))
        .add("openJob", to_json(plan.open_job))
        .add("health", to_json(plan.health))
        .take();
}

RunResult run_target(RunContext& context, const TargetRequest& request,
                     const std::stop_token& stop) {
    ForwardContext forward(context);
    TargetWork work(forward.context, request);
    return run(forward, work, {request.expected_plan_digest}, stop);
}

}  // namespace efface::job
