// SPDX-License-Identifier: Apache-2.0
#include "efface/method/drive/erase.hpp"

#include "attempt.hpp"

namespace efface::method {

Outcome FirmwareAttempt::run() {
    outcome_.record = Json::object();
    memory_.kept = state_.memory;
    memory_.pattern = overwrite_pattern(state_.seed);
    memory_.save = [this] {
        state_.memory = memory_.kept;
        hooks_.save(state_);
    };
    MarksReport report;
    using Step = FirmwareState::Step;
    if (look_first() && (state_.step != Step::open || adopt())) {
        if (state_.step == Step::open) {
            open_hidden_areas();
        }
        if (state_.step == Step::mark && outcome_.reasons.empty()) {
            mark();
        }
        // A process that died before the answer came: the drive may be at it already.
        if (state_.step == Step::start && outcome_.reasons.empty() && !stop_.stop_requested()) {
            const auto now_state = hooks_.commands().state();
            const bool runs = !state_.started_at.empty() && now_state.phase == Phase::running;
            if (!state_.refusal.is_null()) {
                remake_operation();
                end_refused();
            } else if (runs) {
                keep(Step::run);
            } else {
                start();
            }
        }
        if (state_.step == Step::run && outcome_.reasons.empty()) {
            if (operation_ == nullptr) {  // the one that started it has seen it begin
                remake_operation();
            }
            const bool success = watch();
            if (!stop_.stop_requested()) {
                clean_up();
            }
            if (success && outcome_.reasons.empty()) {
                keep(Step::check);
            }
        } else if (state_.step == Step::check) {
            remake_operation();
            final_ = operation_->state();
            if (final_.phase != Phase::succeeded) {
                fail(Verdict::indeterminate, ReasonCode::drive_state_unknown,
                     "the drive's final state is not to be had any more");
            }
            clean_up();
        }
        if (state_.step == Step::check && outcome_.reasons.empty()) {
            outcome_.verdict = Verdict::sanitized;  // lowered by whatever is seen from here on
            check(report);
        }
    }
    if (!stop_.stop_requested()) {
        close_hidden_areas();
    }
    conclude(report);
    return std::move(outcome_);
}

void FirmwareAttempt::conclude(const MarksReport& report) {
    state_.memory = memory_.kept;
    if (state_.adopted && outcome_.verdict == Verdict::sanitized) {
        outcome_.level_limit = Level::none;
        outcome_.exceptions.push_back(
            {ReasonCode::adopted_erasure,
             std::string(
                 "the erasure ran already when we came: nothing of ours was there before it "
                 "to look for, its success is the drive's word and no level is claimed") +
                 (state_.adopted_named ? "" : "; the drive does not say which technique it was") +
                 "; erase it once more for a verified one"});
    }
    except_hidden_areas(state_.hidden_areas, outcome_);
    if (outcome_.verdict == Verdict::sanitized && !outcome_.exceptions.empty()) {
        outcome_.verdict = Verdict::sanitized_with_exceptions;
    }
    outcome_.record["operation"] =
        operation_record(state_, hooks_.commands().name(), estimate_, final_, clean_up_);
    if (!state_.refusal.is_null()) {
        outcome_.record["refusal"] = state_.refusal;
    }
    outcome_.record["engine"] = "drive";
    outcome_.record["engineNote"] =
        "the drive erases itself; what it said and what was seen "
        "afterwards stand apart";
    outcome_.record["statusBefore"] = state_.status_before;
    auto after = survey_.pages;
    after.insert(after.end(), final_.pages.begin(), final_.pages.end());
    outcome_.record["statusAfter"] = pages_json(after);
    outcome_.record["hiddenAreas"] = state_.hidden_areas;
    outcome_.record["drive"] = drive_record(state_, hooks_.commands().name(), survey_);
    outcome_.record["verification"] = verification_record(state_, report);
    outcome_.record["limits"] = to_json(task_.limits);
    outcome_.record["limits"]["events"] = state_.limit_events;
}

FirmwareErase::FirmwareErase(const FirmwareTask& task, FirmwareState& state, FirmwareHooks hooks,
                             const Clock& clock)
    : task_(task), state_(state), hooks_(std::move(hooks)), clock_(clock) {
    EFFACE_ASSERT(state.seed.size() == kCanarySeedBytes);
}

Outcome FirmwareErase::run(Clearance clearance, ProgressSink& progress, std::stop_token stop) {
    EFFACE_ASSERT(clearance.path() == task_.path);
    return FirmwareAttempt(task_, state_, hooks_, clock_, progress, stop).run();
}

}  // namespace efface::method
