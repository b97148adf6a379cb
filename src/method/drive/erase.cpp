// SPDX-License-Identifier: Apache-2.0
#include "efface/method/drive/erase.hpp"

#include "attempt.hpp"

namespace efface::method {

Attempt::Attempt(const EraseTask& its_task, EraseState& its_state, DriveAccess& its_access,
                 const Clock& its_clock, ProgressSink& its_progress,
                 const std::stop_token& its_stop)
    : task(its_task),
      state(its_state),
      access(its_access),
      clock(its_clock),
      progress(its_progress),
      stop(its_stop),
      memory{.kept = its_state.memory,
             .save = [this] { access.save(state); },
             .pattern = overwrite_pattern(its_state.seed)} {}

void Attempt::fail(Verdict verdict, ReasonCode code, const std::string& text) {
    const bool first = outcome.verdict == Verdict::not_sanitized && outcome.reasons.empty();
    outcome.verdict = first ? verdict : worst(outcome.verdict, verdict);
    outcome.reasons.push_back({code, text});
}

void Attempt::keep(Step step) {
    state.step = step;
    access.save(state);
}

void Attempt::observe(const char* what, Json raw) {
    outcome.observations.push_back({now(), what, std::move(raw)});
}

void Attempt::remake_operation() {
    operation = access.commands().make(task.technique, memory);
    EFFACE_ASSERT(operation != nullptr);
}

bool Attempt::same_drive() const {
    return survey.error.empty() && survey.model == state.model && survey.serial == state.serial &&
           survey.wwn == state.wwn;
}

void Attempt::add_commands(const std::vector<SentCommand>& commands) {
    method::add_commands(state.commands, commands, now());
}

namespace {

/// In their order. One that does not move the journal's step on, or fails, is the last; the last
/// one may move it back, once.
constexpr struct {
    Step step;
    void (*take)(Attempt&);
} kSteps[] = {
    {Step::format, format_step}, {Step::open, open_step}, {Step::mark, mark_step},
    {Step::start, start_step},   {Step::run, run_step},   {Step::check, check_step},
};

void take_steps(Attempt& attempt) {
    for (const auto& row : kSteps) {
        if (row.step == attempt.state.step && attempt.outcome.reasons.empty()) {
            row.take(attempt);
        }
    }
}

void except_adopted(Attempt& attempt) {
    if (!attempt.state.adopted || attempt.outcome.verdict != Verdict::sanitized) {
        return;
    }
    attempt.outcome.level_limit = Level::none;
    attempt.outcome.exceptions.push_back(
        {ReasonCode::adopted_erasure,
         std::string("the erase was already running: no canaries were placed before it, only the "
                     "drive reports its success, and no level is claimed") +
             (attempt.state.adopted_named ? ""
                                          : "; the drive does not report which technique it was") +
             "; erase it once more for a verified erase"});
}

/// What one process learnt beside the journal.
struct Learnt {
    const DriveSurvey& survey;
    std::optional<std::chrono::seconds> estimate;
    const EraseEnd& end;
    const MarksReport& report;
    const Json& health;
};

Json record_of(const EraseTask& task, const EraseState& state, std::string_view command_set,
               const Learnt& learnt) {
    Json record =
        ObjectWriter()
            .add("operation", operation_record(state, command_set, learnt.estimate, learnt.end))
            .take();
    if (!state.refusal.is_null()) {
        record["refusal"] = state.refusal;
    }
    if (!state.sector_format.is_null()) {
        record["operation"]["sectorFormat"] = state.sector_format;
    }
    record["engine"] = "drive";
    record["engineNote"] =
        "the drive erases itself; its report and what was observed afterwards are listed "
        "separately";
    record["statusBefore"] = state.status_before;
    auto after = learnt.survey.pages;
    after.insert(after.end(), learnt.end.said.pages.begin(), learnt.end.said.pages.end());
    record["statusAfter"] = pages_json(after);
    record["hiddenAreas"] = state.hidden_areas;
    record["drive"] = drive_record(state, command_set, learnt.survey);
    record["verification"] = verification_record(state, learnt.report);
    record["health"] = learnt.health;
    record["limits"] = to_json(task.limits);
    record["limits"]["events"] = state.limit_events;
    return record;
}

/// Once the drive is at its end: what it reports then, and what has grown.
void look_at_health(Attempt& attempt, bool stopped) {
    const bool over = attempt.state.step == Step::check || attempt.end.said.phase == Phase::failed;
    Json after;
    if (over && !stopped && attempt.survey.error.empty()) {
        after = health_look_json(attempt.access.health(), attempt.now());
    }
    attempt.health =
        observed_health(attempt.state.health_before, after, attempt.now(), attempt.outcome);
}

void conclude(Attempt& attempt) {
    const auto& state = attempt.state;
    auto& outcome = attempt.outcome;
    except_adopted(attempt);
    except_hidden_areas(state.hidden_areas, outcome);
    if (outcome.verdict == Verdict::sanitized && !outcome.exceptions.empty()) {
        outcome.verdict = Verdict::sanitized_with_exceptions;
    }
    outcome.record =
        record_of(attempt.task, state, attempt.access.commands().name(),
                  {attempt.survey, attempt.estimate, attempt.end, attempt.report, attempt.health});
}

}  // namespace

Json interrupted_record(const EraseTask& task, const EraseState& state,
                        std::string_view command_set) {
    return record_of(
        task, state, command_set,
        {DriveSurvey(), {}, EraseEnd(), MarksReport(), health_record(state.health_before, Json())});
}

Outcome erase_drive(const EraseTask& task, EraseState& state, DriveAccess& access,
                    const Clock& clock, guard::Clearance clearance, ProgressSink& progress,
                    const std::stop_token& stop) {
    EFFACE_ASSERT(clearance.path() == task.path);
    EFFACE_ASSERT(state.seed.size() == kCanarySeedBytes);
    Attempt attempt(task, state, access, clock, progress, stop);
    if (recognise(attempt)) {
        take_steps(attempt);
        if (state.second_pass && state.step == Step::mark) {
            take_steps(attempt);
        }
    }
    const bool stopped = stop.stop_requested();
    if (!stopped) {
        close_hidden_areas(attempt);
    }
    look_at_health(attempt, stopped);
    conclude(attempt);
    return std::move(attempt.outcome);
}

}  // namespace efface::method
