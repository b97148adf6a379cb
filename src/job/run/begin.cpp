// SPDX-License-Identifier: Apache-2.0
// Which job a run is, and whether it may begin or go on.
#include <fmt/format.h>

#include <algorithm>

#include "engine.hpp"
#include "in_force.hpp"
#include "journal/check.hpp"
#include "journal/earlier_job.hpp"
#include "journal/earlier_runs.hpp"

namespace efface::job {

namespace {

/// A job that resumes what is asked for now. What an earlier version of the program left open,
/// what was asked for otherwise and what is damaged is closed as lost when it is replaced; over the
/// job of a later version nothing is begun.
bool is_same_request(const Work& work, const std::filesystem::path& folder) {
    try {
        const auto run = read_run_state(folder);
        return run && run->journal_version == kJournalVersion && work.is_same_request(folder);
    } catch (const Error& error) {
        if (error.reason() == ReasonCode::other_journal_version) {
            throw;
        }
        return false;
    }
}

}  // namespace

void Run::check_terms() const {
    if (const auto* terms = work_.terms()) {
        check_in_force(*terms, context_.clock, run_ ? &run_->state() : nullptr,
                       run_ && work_.verdict());
    }
}

void Run::refuse_unknown() const {
    std::error_code error;
    if (work_.asked_by_job() &&
        !std::filesystem::exists(context_.state.jobs() / *known_ / kRunDocument, error)) {
        throw Error(ErrorCode::usage, ReasonCode::job_unknown,
                    "there is no such job: " + printable(*known_), "efface jobs lists them");
    }
}

/// With its lock, which this run may have already. Throws Error(busy).
Journal Run::journal_of(const std::string& job_id) {
    if (known_journal_ && job_id == *known_) {
        Journal journal = *std::move(known_journal_);
        known_journal_.reset();
        return journal;
    }
    return {context_.state.jobs(), job_id};
}

/// Takes the job's lock and reads what an earlier process kept; false when there was none.
bool Run::open(const std::string& job_id) {
    const auto folder = context_.state.jobs() / job_id;
    std::error_code error;
    if (!std::filesystem::exists(folder / kRunDocument, error)) {
        return false;  // or killed before its first line; the lock is kept for who begins
    }
    const auto identity = work_.identity_in(folder);
    if (!identity) {
        return false;
    }
    run_.emplace(context_, *station_, job_id, journal_of(job_id),
                 evidence::DeviceRuns(*identity, job_id));
    context_.events.set_job(job_id);
    if (run_->of_other_version()) {
        return true;
    }
    const auto& state = run_->state();
    if (state.kind != work_.kind()) {
        journal_damaged(kRunDocument, "it belongs to another type of job");
    }
    work_.load(folder, state);
    from_journal_ = true;
    clock_.go_on_from(std::max(date_from_journal(state.kept_at), work_.kept_at()));
    if (state.phase > Phase::running && !run_->closed() && !work_.verdict()) {
        journal_damaged(kRunDocument, "its phase is later than its recorded work");
    }
    return true;
}

/// What an earlier process erased: its certificate is the answer as long as it says what stands
/// there.
Standing::State Run::standing() {
    const auto standing = work_.standing();
    if (standing.state == Standing::State::is_other) {
        const auto reason = changed_by(standing.reason, run_->replacement());
        throw Error(
            ErrorCode::safety, reason.code,
            fmt::format("{}: it was erased by job {} at {}, but its content has changed since: {}",
                        work_.name(), run_->job_id(), run_->state().completed_at, reason.text),
            work_.terms() == nullptr ? "erase what is there now in a new run"
                                     : "write and approve a new order for what is there now");
    }
    return standing.state;
}

/// The job ended well.
void Run::done_before() {
    ended_before_ = true;
    if (!work_.asked_by_job() && standing() == Standing::State::begins_anew) {
        run_.reset();
        from_journal_ = false;
        ended_before_ = false;
        begin();
        return;
    }
    done_before_ = true;
}

/// The work had come to its end before this process, which has delivered the evidence.
void Run::delivered_late() {
    if (!only_delivers_ || work_.asked_by_job() || !run_->state().ended_well()) {
        return;
    }
    ended_before_ = true;
    (void)standing();
    ended_before_ = false;
}

/// A job that was typed, and interrupted, on the same storage goes on when the same is asked for.
bool Run::joins_open_job(const evidence::DeviceRuns& logged) {
    if (work_.terms() != nullptr) {
        return false;
    }
    const auto job = open_job_of(context_, logged);
    if (!job || !is_same_request(work_, context_.state.jobs() / *job) || !open(*job)) {
        return false;
    }
    go_on();
    return true;
}

/// What the log says was done stays done when the folder of its job is gone.
void Run::refuse_carried_out(const std::vector<evidence::LoggedRun>& runs) const {
    if (const auto objection = carried_out(context_, work_, runs)) {
        throw Error(objection->status, objection->reason.code, objection->reason.text,
                    fmt::format("its certificate is in {}; to erase again, write a new order",
                                context_.state.certificates().string()));
    }
}

void Run::refuse_other_plan(const std::string& digest) const {
    if (!orders_.expected_plan_digest.empty() && orders_.expected_plan_digest != digest) {
        throw Error(ErrorCode::safety, ReasonCode::plan_changed,
                    work_.name() + ": the plan has changed since it was shown",
                    "run efface plan again and read it");
    }
}

/// The first time: look, ask, and keep the plan. Nothing is changed on the storage.
void Run::begin() {
    check_terms();
    const auto head = work_.name() + ": ";
    job::refuse(head + "refused; nothing was changed:", work_.look());
    refuse_other_plan(work_.digest());
    const auto authorization = work_.authorize();
    job::refuse(head + "refused; nothing was changed:", work_.look_permitted());
    const auto job_id = work_.new_job();
    evidence::DeviceRuns logged(work_.identity(), job_id);
    logged.read(station_->log);
    if (joins_open_job(logged)) {
        return;
    }
    context_.events.set_job(job_id);
    context_.events.emit("accepted", work_.accepted());
    refuse_carried_out(logged.runs_of_job());
    run_.emplace(context_, *station_, job_id, journal_of(job_id), std::move(logged));
    work_.begin();
    work_.save(run_->journal());
    run_->begin(work_.kind(), work_.subject(), authorization);
}

/// What another job has erased since is not gone on with by the confirmation of this one, typed or
/// signed.
void Run::refuse_replaced() const {
    const bool lost = work_.asked_by_job() && run_->state().verdict == evidence::kLostRun;
    if (lost) {
        throw Error(ErrorCode::usage, ReasonCode::job_ended,
                    fmt::format("{}: job {} was closed as lost when another job began on the same "
                                "storage: it cannot be resumed",
                                work_.name(), run_->job_id()),
                    "efface jobs shows the job that replaced it; efface erase starts a new one");
    }
    if ((work_.asked_by_job() || is_for_once(work_)) && run_->replacement()) {
        const auto objection = replaced(work_, run_->job_id());
        throw Error(objection.status, objection.reason.code, objection.reason.text,
                    "efface jobs shows the job that replaced it; a new erase needs a new job or "
                    "order");
    }
}

/// An earlier process was interrupted, or its attempt ended without success.
void Run::go_on() {
    const auto phase = run_->state().phase;
    if (phase == Phase::staging || phase == Phase::logging || phase == Phase::publishing) {
        only_delivers_ = true;
        return;
    }
    refuse_replaced();
    check_terms();
    resumed_ = run_->state().work_began;
    if (phase == Phase::running && work_.verdict()) {
        only_delivers_ = true;
        return;
    }
    const auto& expected = orders_.expected_plan_digest;
    if (!expected.empty() && expected != work_.digest()) {  // not the plan that the job began with
        refuse_other_plan(work_.digest_now());
    }
    work_.come_back(*run_);
    if (phase == Phase::done) {
        work_.begin_again(*run_);
        run_->begin_attempt(run_->state().attempt + 1);
    } else if (phase == Phase::running) {
        run_->note_interruption();
    }
}

}  // namespace efface::job
