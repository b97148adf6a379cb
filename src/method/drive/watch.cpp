// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "attempt.hpp"

namespace efface::method {

namespace {

constexpr double kPollGrowth = 1.5;
/// A share of the estimate: a drive that needs an hour is asked every half minute.
constexpr int kPollsPerEstimate = 100;
/// How often an answer that proves nothing is asked for again before it is believed.
constexpr unsigned kUnknownAnswersMax = 5;

}  // namespace

std::chrono::milliseconds FirmwareAttempt::next_pause(std::chrono::milliseconds last) const {
    const auto longest = estimate_ ? std::clamp<std::chrono::milliseconds>(
                                         *estimate_ / kPollsPerEstimate, 4 * kPollMin, kPollMax)
                                   : kPollMax;
    const auto grown = std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(last.count()) * kPollGrowth));
    return std::clamp(grown, kPollMin, longest);
}

/// True when there is no more to wait for although the drive has not come to an end.
bool FirmwareAttempt::give_up(const OperationState& now_state) {
    const auto now_at = clock_.steady_now();
    if (now_state.phase == Phase::unknown) {
        const bool told = ++unknown_answers_ >= kUnknownAnswersMax && !now_state.pages.empty();
        if (told || now_at - last_answer_ > kSilenceMax) {
            fail(Verdict::indeterminate,
                 told ? ReasonCode::drive_state_unknown : ReasonCode::drive_silent,
                 "nobody can know how it ended: " + now_state.detail);
            return true;
        }
        (void)hooks_.reattach();
        remake_operation();  // of whatever is there now: the one before is gone
        return false;
    }
    unknown_answers_ = 0;
    last_answer_ = now_at;
    if (now_state.progress != last_progress_) {
        last_progress_ = now_state.progress;
        last_movement_ = now_at;
    }
    const auto patience = std::max<SteadyTime::duration>(
        kStandstillMax, estimate_ ? SteadyTime::duration(*estimate_ * 2) : kStandstillMax);
    if (now_at - last_movement_ > patience) {
        fail(Verdict::indeterminate, ReasonCode::drive_state_unknown,
             "its progress has not moved for too long; the drive may still be at it");
        return true;
    }
    const auto& limits = task_.limits;
    if (limits.deadline.count() > 0 && now_at - watching_since_ > limits.deadline &&
        limits.when_late == mandate::Then::stop) {
        state_.limit_events.push_back(
            limit_event(now(), Limit::deadline,
                        fmt::format("not done within {} seconds", limits.deadline.count()),
                        mandate::Then::stop));
        fail(Verdict::indeterminate, ReasonCode::deadline_passed,
             "the deadline passed; the drive can not be stopped and may still be at it");
        return true;
    }
    return false;
}

/// True when the drive has come to an end and says success; final_ is what it said last.
bool FirmwareAttempt::watch() {
    progress_.phase(state_.adopted ? "watching an erasure that was running" : "the drive erases");
    watching_since_ = last_answer_ = last_movement_ = clock_.steady_now();
    std::chrono::milliseconds pause{0};
    for (;;) {
        final_ = operation_->state();
        ++state_.polls;
        if (final_.phase == Phase::running) {
            const auto share = std::clamp(final_.progress.value_or(0.0), 0.0, 1.0);
            const auto steps = static_cast<std::uint64_t>(share * FirmwareErase::kProgressSteps);
            progress_.advance(steps > steps_reported_ ? steps - steps_reported_ : 0);
            steps_reported_ = std::max(steps_reported_, steps);
        } else if (final_.phase == Phase::verifying) {
            auto seen = look_at_marks(true, {});
            verified_.insert(verified_.end(), std::make_move_iterator(seen.begin()),
                             std::make_move_iterator(seen.end()));
            std::vector<SentCommand> commands;
            const bool left = operation_->leave_verification(commands);
            add_commands(state_.commands, commands, now());
            if (!left) {
                fail(Verdict::indeterminate, ReasonCode::drive_state_unknown,
                     "the drive does not leave media verification");
                return false;
            }
        } else if (final_.phase != Phase::unknown) {
            break;
        }
        if (give_up(final_)) {
            hooks_.save(state_);
            return false;
        }
        pause = next_pause(pause);
        if (!hooks_.wait(pause)) {
            hooks_.save(state_);  // the drive goes on; a later process asks it
            fail(Verdict::not_sanitized, ReasonCode::stopped,
                 "stopped while the drive was erasing");
            return false;
        }
    }
    observe("final state", state_json(final_));
    state_.completed_at = now();
    if (final_.phase == Phase::succeeded) {
        progress_.advance(FirmwareErase::kProgressSteps - steps_reported_);
        return true;
    }
    fail(final_.phase == Phase::failed ? Verdict::not_sanitized : Verdict::indeterminate,
         final_.phase == Phase::failed ? ReasonCode::drive_failed : ReasonCode::drive_state_unknown,
         fmt::format("the drive {}: {}",
                     final_.phase == Phase::failed ? "says that it failed"
                                                   : "no longer says what became of it",
                     final_.detail));
    return false;
}

void FirmwareAttempt::clean_up() {
    std::vector<SentCommand> commands;
    if (operation_ == nullptr) {
        remake_operation();
    }
    const auto problem = operation_->clean_up(commands);
    add_commands(state_.commands, commands, now());
    using Result = CleanUp::Result;
    clean_up_.result = problem            ? Result::failed
                       : commands.empty() ? Result::not_needed
                                          : Result::done;
    clean_up_.problem = problem.value_or("");
    if (problem) {
        fail(Verdict::not_sanitized, ReasonCode::drive_left_behind,
             "the drive was not left fit for use: " + *problem);
    }
    hooks_.save(state_);
}

}  // namespace efface::method
