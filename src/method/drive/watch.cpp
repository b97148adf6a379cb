// SPDX-License-Identifier: Apache-2.0
// Waits for the end of an erasure, and takes back what its start had set.
#include <fmt/format.h>

#include <algorithm>

#include "attempt.hpp"
#include "drive/medium/reach.hpp"

namespace efface::method {

namespace {

constexpr double kPollGrowth = 1.5;
/// A share of the estimate: a drive that needs an hour is asked every half minute.
constexpr int kPollsPerEstimate = 100;
/// How often an answer that proves nothing is asked for again before it is believed.
constexpr unsigned kUnknownAnswersMax = 5;

/// Asks until the drive has come to an end, or there is no more to wait for.
class Watcher final {
  public:
    explicit Watcher(Attempt& attempt)
        : attempt_(attempt),
          since_(attempt.clock.steady_now()),
          last_answer_(since_),
          last_movement_(since_) {}

    /// True when the drive says success; `attempt.end.said` is what it said last.
    bool watch();

  private:
    [[nodiscard]] std::chrono::milliseconds next_pause(std::chrono::milliseconds last) const;
    bool give_up();
    bool hears_nothing(const OperationState& said);
    bool stands_still(const OperationState& said);
    bool is_too_late();
    bool look_while_verifying();
    void report_progress(const OperationState& said);
    bool judge_end();

    Attempt& attempt_;
    SteadyTime since_;
    SteadyTime last_answer_;
    SteadyTime last_movement_;
    std::optional<double> last_progress_;
    unsigned unknown_answers_ = 0;
    std::uint64_t steps_reported_ = 0;
};

std::chrono::milliseconds Watcher::next_pause(std::chrono::milliseconds last) const {
    const auto& estimate = attempt_.estimate;
    const auto longest = estimate ? std::clamp<std::chrono::milliseconds>(
                                        *estimate / kPollsPerEstimate, 4 * kPollMin, kPollMax)
                                  : kPollMax;
    const auto grown = std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(last.count()) * kPollGrowth));
    return std::clamp(grown, kPollMin, longest);
}

/// True when there is no more to wait for although the drive has not come to an end.
bool Watcher::give_up() {
    const auto& said = attempt_.end.said;
    if (said.phase == Phase::unknown) {
        return hears_nothing(said);
    }
    unknown_answers_ = 0;
    last_answer_ = attempt_.clock.steady_now();
    return stands_still(said) || is_too_late();
}

bool Watcher::hears_nothing(const OperationState& said) {
    const bool told = ++unknown_answers_ >= kUnknownAnswersMax && !said.pages.empty();
    if (told || attempt_.clock.steady_now() - last_answer_ > kSilenceMax) {
        attempt_.fail(Verdict::indeterminate,
                      told ? ReasonCode::drive_state_unknown : ReasonCode::drive_silent,
                      "how it ended cannot be determined: " + said.detail);
        return true;
    }
    (void)attempt_.access.reattach();
    attempt_.remake_operation();  // of whatever is there now: the one before is gone
    return false;
}

bool Watcher::stands_still(const OperationState& said) {
    if (said.progress != last_progress_) {
        last_progress_ = said.progress;
        last_movement_ = last_answer_;
    }
    const auto& estimate = attempt_.estimate;
    const auto patience = std::max<SteadyTime::duration>(
        kStandstillMax, estimate ? SteadyTime::duration(*estimate * 2) : kStandstillMax);
    if (last_answer_ - last_movement_ <= patience) {
        return false;
    }
    attempt_.fail(Verdict::indeterminate, ReasonCode::drive_state_unknown,
                  "its progress has not changed for too long; the drive may still be erasing");
    return true;
}

bool Watcher::is_too_late() {
    const auto& limits = attempt_.task.limits;
    if (limits.deadline.count() == 0 || last_answer_ - since_ <= limits.deadline ||
        limits.when_late != mandate::Then::stop) {
        return false;
    }
    attempt_.state.limit_events.push_back(
        limit_event(attempt_.now(), Limit::deadline,
                    fmt::format("not finished within {} seconds", limits.deadline.count()),
                    mandate::Then::stop));
    attempt_.fail(Verdict::indeterminate, ReasonCode::deadline_passed,
                  "the deadline passed; the drive cannot be stopped and may still be erasing");
    return true;
}

/// False: the drive stays in its media verification.
bool Watcher::look_while_verifying() {
    auto seen = look_at_marks(attempt_.access, attempt_.state, true, {});
    auto& verified = attempt_.end.verified;
    verified.insert(verified.end(), std::make_move_iterator(seen.begin()),
                    std::make_move_iterator(seen.end()));
    std::vector<SentCommand> commands;
    const bool left = attempt_.operation->leave_verification(commands);
    attempt_.add_commands(commands);
    if (!left) {
        attempt_.fail(Verdict::indeterminate, ReasonCode::drive_state_unknown,
                      "the drive does not end media verification");
    }
    return left;
}

void Watcher::report_progress(const OperationState& said) {
    const auto share = std::clamp(said.progress.value_or(0.0), 0.0, 1.0);
    const auto steps = static_cast<std::uint64_t>(share * kProgressSteps);
    attempt_.progress.advance(steps > steps_reported_ ? steps - steps_reported_ : 0);
    steps_reported_ = std::max(steps_reported_, steps);
}

bool Watcher::judge_end() {
    const auto& said = attempt_.end.said;
    attempt_.observe("final state", state_json(said));
    attempt_.state.completed_at = attempt_.now();
    if (said.phase == Phase::succeeded) {
        attempt_.progress.advance(kProgressSteps - steps_reported_);
        return true;
    }
    const bool failed = said.phase == Phase::failed;
    attempt_.fail(failed ? Verdict::not_sanitized : Verdict::indeterminate,
                  failed ? ReasonCode::drive_failed : ReasonCode::drive_state_unknown,
                  fmt::format("the drive {}: {}",
                              failed ? "reports that the erase failed"
                                     : "no longer reports how the erase ended",
                              said.detail));
    return false;
}

bool Watcher::watch() {
    auto& attempt = attempt_;
    attempt.progress.phase(attempt.state.adopted ? "watching an erase that was already running"
                                                 : "the drive erases");
    std::chrono::milliseconds pause{0};
    for (;;) {
        attempt.end.said = attempt.operation->state();
        ++attempt.state.polls;
        switch (attempt.end.said.phase) {
            case Phase::running:
                report_progress(attempt.end.said);
                break;
            case Phase::verifying:
                if (!look_while_verifying()) {
                    return false;
                }
                break;
            case Phase::unknown:
                break;
            case Phase::idle:
            case Phase::succeeded:
            case Phase::failed:
                return judge_end();
        }
        if (give_up()) {
            attempt.access.save(attempt.state);
            return false;
        }
        pause = next_pause(pause);
        if (!attempt.access.wait(pause)) {
            attempt.access.save(attempt.state);  // the drive goes on; a later process asks it
            attempt.fail(Verdict::not_sanitized, ReasonCode::stopped,
                         "stopped while the drive was erasing");
            return false;
        }
    }
}

}  // namespace

void clean_up(Attempt& attempt) {
    std::vector<SentCommand> commands;
    if (attempt.operation == nullptr) {
        attempt.remake_operation();
    }
    const auto problem = attempt.operation->clean_up(commands);
    attempt.add_commands(commands);
    using Result = CleanUp::Result;
    attempt.end.clean_up = {.result = problem            ? Result::failed
                                      : commands.empty() ? Result::not_needed
                                                         : Result::done,
                            .problem = problem.value_or("")};
    if (problem) {
        attempt.fail(Verdict::not_sanitized, ReasonCode::drive_left_behind,
                     "the drive is not fit for use: " + *problem);
    }
    attempt.access.save(attempt.state);
}

void run_step(Attempt& attempt) {
    if (attempt.operation == nullptr) {  // the one that started it has seen it begin
        attempt.remake_operation();
    }
    const bool success = Watcher(attempt).watch();
    if (!attempt.stop.stop_requested()) {
        clean_up(attempt);
    }
    if (success && attempt.outcome.reasons.empty()) {
        attempt.keep(Step::check);
    }
}

}  // namespace efface::method
