// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "in_force.hpp"
#include "journal/check.hpp"
#include "journal/earlier_job.hpp"
#include "journal/earlier_runs.hpp"

namespace efface::job {

namespace {

using method::Verdict;

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

class Run final : public RunNotes {
  public:
    Run(ForwardContext& context, Work& work, const RunOrders& orders, const std::stop_token& stop)
        : context_(context.context),
          clock_(context.clock),
          work_(work),
          orders_(orders),
          stop_(stop) {}

    RunResult to_its_end();

    void work_begins() override;
    [[noreturn]] void refuse(const Error& error) override;
    [[nodiscard]] const std::string& job_id() const override { return run_->job_id(); }
    [[nodiscard]] const Journal& journal() const override { return run_->journal(); }
    [[nodiscard]] const RunState& state() const override { return run_->state(); }

  private:
    void proceed();
    void work();
    void refuse_unknown() const;
    Journal journal_of(const std::string& job_id);
    bool open(const std::string& job_id);
    Standing::State standing();
    void done_before();
    void delivered_late();
    void begin();
    bool joins_open_job(const evidence::DeviceRuns& logged);
    void refuse_carried_out(const std::vector<evidence::LoggedRun>& runs) const;
    void go_on();
    void refuse_replaced() const;
    void refuse_other_plan(const std::string& digest) const;
    void check_terms() const;
    void deliver();
    void tell_result() const;
    [[nodiscard]] std::optional<Verdict> verdict() const;
    [[nodiscard]] bool changed() const;
    [[nodiscard]] RunResult result() const;

    RunContext& context_;
    ForwardClock& clock_;  ///< that of the context
    Work& work_;
    const RunOrders& orders_;
    const std::stop_token& stop_;
    std::optional<Station> station_;        ///< as preflight found it
    std::optional<std::string> known_;      ///< the job that this request resumes
    std::optional<Journal> known_journal_;  ///< its lock, until the run has it
    std::optional<CertifiedRun> run_;
    std::mutex beginning_;
    bool from_journal_ = false;   ///< an earlier process began the job
    bool resumed_ = false;        ///< an earlier process or attempt may have written to the storage
    bool only_delivers_ = false;  ///< an earlier process came to the verdict, this one to none
    bool has_verdict_ = false;    ///< this run came to it, or delivers it
    bool ended_before_ = false;   ///< well, and nothing was begun since
    bool done_before_ = false;    ///< and what is there is as it was left
};

void Run::work_begins() {
    const std::lock_guard lock(beginning_);
    run_->work_begins();
}

void Run::refuse(const Error& error) {
    run_->refuse(error);
    throw error;
}

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
        throw Error(
            ErrorCode::safety, standing.reason.code,
            fmt::format("{}: it was erased by job {} at {}, but its content has changed since: {}",
                        work_.name(), run_->job_id(), run_->state().completed_at,
                        standing.reason.text),
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

/// What another job has taken over since is not continued by the confirmation of this one.
void Run::refuse_replaced() const {
    const bool lost = run_->state().verdict == evidence::kLostRun;
    if (!lost && !run_->replaced()) {
        return;
    }
    throw Error(ErrorCode::usage, ReasonCode::job_ended,
                fmt::format("{}: job {} {}: it cannot be resumed", work_.name(), run_->job_id(),
                            lost ? "was closed as lost when another job began on the same storage"
                                 : "ended without success, and another job has erased the same "
                                   "storage since"),
                "efface jobs shows the job that replaced it; efface erase starts a new one");
}

/// An earlier process was interrupted, or its attempt ended without success.
void Run::go_on() {
    const auto phase = run_->state().phase;
    if (phase == Phase::staging || phase == Phase::logging || phase == Phase::publishing) {
        only_delivers_ = true;
        return;
    }
    if (work_.asked_by_job()) {
        refuse_replaced();
    }
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

void Run::proceed() {
    try {
        work();
    } catch (const Error& error) {
        if (error.code() == ErrorCode::evidence) {  // of the log; there is no verdict yet
            throw Error(ErrorCode::internal, ReasonCode::log_damaged, error.what(), error.hint());
        }
        if (error.reason() == ReasonCode::journal_damaged && known_) {
            throw damaged_job(work_, *known_, error);
        }
        if (error.code() == ErrorCode::not_sanitized) {  // that is said of a verdict alone
            throw Error(ErrorCode::internal, error.reason(), error.what(), error.hint());
        }
        throw;
    }
    deliver();
    delivered_late();
}

/// Until the verdict is known.
void Run::work() {
    known_ = work_.known_job();
    station_.emplace(preflight(context_, work_.needs()));
    clock_.go_on_from(last_entry_at(station_->log));
    if (known_) {
        context_.events.set_job(*known_);
        refuse_unknown();
        known_journal_.emplace(context_.state.jobs(), *known_);  // who comes second waits outside
    }
    if (known_ && open(*known_)) {
        if (run_->state().ended_well()) {
            done_before();
        } else {
            go_on();
        }
    } else {
        begin();
    }
    if (done_before_) {
        return;
    }
    if (run_->state().phase == Phase::announcing) {
        check_terms();  // who was asked may have taken long
        run_->journal().reserve(work_.needs().state_bytes);
        run_->announce(work_.intent());
    }
    if (run_->state().phase == Phase::running) {
        if (from_journal_ && !work_.verdict()) {
            run_->try_record(work_.trial(*run_, context_.clock.now()));
        }
        work_.carry_out(*this, resumed_, stop_);
    }
}

std::optional<Verdict> Run::verdict() const {
    const auto& said = run_->state().verdict;
    return said.empty() ? work_.verdict() : method::verdict_from_string(said);
}

/// From here on the verdict is known: what fails now is the evidence's delivery.
void Run::deliver() {
    has_verdict_ = true;
    try {
        if (run_->state().phase == Phase::running) {
            run_->work_ended();
        }
        run_->deliver([&](WallTime now) { return work_.certificate(*run_, now); },
                      [&](const Json& predicate) { work_.take_lowered(*run_, predicate); });
        run_->check_delivered();
        tell_result();
        context_.events.emit("evidence",
                             ObjectWriter()
                                 .add("bundle", run_->bundle_path().string())
                                 .add("certificate_sha256", run_->state().certificate_sha256)
                                 .take());
    } catch (const std::exception& failure) {
        const auto* error = dynamic_cast<const Error*>(&failure);
        const auto ended = verdict();
        tell_result();
        throw Error(ended && is_success(*ended) ? ErrorCode::evidence : ErrorCode::not_sanitized,
                    error == nullptr ? ReasonCode::evidence_failed : error->reason(),
                    fmt::format("{}: {}, but the evidence could not be delivered: {}", work_.name(),
                                ended ? method::to_string(*ended) : "ended", failure.what()),
                    error == nullptr || error->hint().empty()
                        ? "fix the cause and run the same command again: nothing is erased twice"
                        : error->hint());
    }
}

void Run::tell_result() const {
    const auto ended = verdict();
    if (!ended) {
        return;
    }
    context_.events.emit("result", ObjectWriter()
                                       .add("status", method::to_string(*ended))
                                       .add("level", run_->state().level)
                                       .add("changed", changed())
                                       .take());
}

/// Of a job that was not opened: whether an earlier process of it may have written.
bool may_have_changed(const std::filesystem::path& folder) {
    try {
        const auto run = read_run_state(folder);
        return run && run->work_began && !run->ended_well();
    } catch (const std::exception&) {
        return true;  // damaged: nobody knows
    }
}

bool Run::changed() const {
    return !ended_before_ && run_->state().work_began;
}

RunResult Run::result() const {
    RunResult result;
    result.name = work_.name();
    result.done_before = done_before_;
    if (!run_) {
        result.changed = known_ && may_have_changed(context_.state.jobs() / *known_);
        return result;
    }
    const auto& state = run_->state();
    result.job_id = run_->job_id();
    result.run_id = state.run_id;
    result.changed = changed();
    if (!has_verdict_ || run_->refused() || (ended_before_ && !done_before_)) {
        return result;
    }
    result.verdict = verdict();
    result.level = method::level_from_string(state.level).value_or(method::Level::none);
    result.completed_at = state.completed_at;
    work_.describe(result);
    if (state.phase == Phase::done) {
        result.bundle = run_->bundle_path();
        result.certificate_sha256 = state.certificate_sha256;
    }
    return result;
}

RunResult Run::to_its_end() {
    std::optional<Error> failure;
    try {
        proceed();
    } catch (const Error& error) {
        failure = error;
    } catch (const std::bad_alloc&) {
        failure = Error(ErrorCode::internal, ReasonCode::no_memory, work_.name() + ": no memory");
    } catch (const std::exception& error) {
        failure = Error(ErrorCode::internal, error.what());
    }
    auto ended = result();
    ended.error = std::move(failure);
    if (ended.error) {
        emit_failure(context_.events, work_.name(), *ended.error, ended.changed);
    }
    return ended;
}

}  // namespace

int RunResult::exit_code() const noexcept {
    if (error) {
        return static_cast<int>(error->code());
    }
    return verdict ? exit_code_of(*verdict) : static_cast<int>(ErrorCode::internal);
}

RunResult run(ForwardContext& context, Work& work, const RunOrders& orders,
              const std::stop_token& stop) {
    return Run(context, work, orders, stop).to_its_end();
}

}  // namespace efface::job
