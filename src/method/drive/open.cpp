// SPDX-License-Identifier: Apache-2.0
// Recognises the drive, and opens what it hides.
#include <fmt/format.h>

#include <algorithm>

#include "attempt.hpp"

namespace efface::method {

namespace {

/// How often, and after which pause, a namespace that was attached is looked for.
constexpr unsigned kAreaLooksMax = 20;

/// True when the drive was not met before, or is the one that was.
bool is_the_one(Attempt& attempt) {
    auto& state = attempt.state;
    const auto& survey = attempt.survey;
    if (state.model.empty() && state.serial.empty()) {
        state.model = survey.model;
        state.serial = survey.serial;
        state.wwn = survey.wwn;
        state.firmware = survey.firmware;
        return true;
    }
    if (!attempt.same_drive()) {
        // What became of the one that was begun on, nobody can say.
        attempt.fail(state.started_at.empty() ? Verdict::not_sanitized : Verdict::indeterminate,
                     ReasonCode::other_identity,
                     fmt::format("this is {} {}, but the job was started with {} {}", survey.model,
                                 survey.serial, state.model, state.serial));
        return false;
    }
    return true;
}

/// An erasure that somebody else began can only be watched: there is no writing beside it. Adopted,
/// or failed where it is another technique than the one that was asked for.
void look_for_running(Attempt& attempt) {
    const auto running = attempt.access.commands().state();
    attempt.state.failed_before = attempt.state.failed_before || running.phase == Phase::failed;
    if (running.phase != Phase::running && running.phase != Phase::verifying) {
        return;
    }
    attempt.observe("an erase was found running", state_json(running));
    if (!running.technique.empty() && running.technique != attempt.task.technique) {
        attempt.fail(Verdict::not_sanitized, ReasonCode::drive_erasing,
                     fmt::format("the drive is running {}, which cannot be stopped: wait until it "
                                 "has ended, or adopt it with --technique {}",
                                 running.technique, running.technique));
        return;
    }
    attempt.state.adopted = true;
    attempt.state.adopted_named = !running.technique.empty();
    attempt.state.started_at = attempt.now();
    attempt.keep(Step::run);
}

/// What is there before anything is opened.
void list_areas(Attempt& attempt) {
    auto& state = attempt.state;
    if (state.sizes_before.empty()) {
        for (const auto& surface : attempt.access.surfaces()) {
            state.sizes_before[surface.name] = surface.storage->size_bytes();
        }
    }
    if (!state.areas_listed) {
        for (const auto& area : attempt.survey.hidden_areas) {
            state.hidden_areas.push_back(hidden_area_json(area));
        }
        state.areas_listed = true;
        attempt.keep(Step::open);
    }
    note_vanished(state.hidden_areas, attempt.survey.hidden_areas);
}

/// What was opened becomes a block device in a while.
void find_opened(Attempt& attempt) {
    bool there = false;
    auto& survey = attempt.survey;
    for (unsigned look = 0; look < kAreaLooksMax; ++look) {
        if (look > 0 && !attempt.access.wait(kReturnPause)) {
            break;
        }
        there = attempt.access.reattach().empty();
        if (!there) {
            continue;
        }
        survey = attempt.access.commands().survey();
        const bool pending = std::any_of(
            survey.hidden_areas.begin(), survey.hidden_areas.end(), [](const HiddenArea& area) {
                return area.kind == kUnattachedNamespace && !area.can_be_opened;
            });
        if (survey.error.empty() && !pending) {
            break;
        }
    }
    if (!there || !survey.error.empty() || !attempt.same_drive()) {
        attempt.fail(Verdict::indeterminate, ReasonCode::drive_silent,
                     "the drive disappeared when its hidden areas were opened");
        return;
    }
    note_attached(attempt.state.hidden_areas, survey.hidden_areas);
}

void open_areas(Attempt& attempt) {
    auto& state = attempt.state;
    attempt.progress.phase("opening hidden areas");
    const auto opened = attempt.access.commands().open_hidden_areas(attempt.memory);
    attempt.add_commands(opened.commands);
    note_opened(state.hidden_areas, opened);
    if (opened.power_cycle_needed) {
        state.power_cycles.push_back(
            ObjectWriter().add("at", attempt.now()).add("why", opened.next_step).take());
        attempt.keep(Step::open);
        throw Error(ErrorCode::interrupted, ReasonCode::power_cycle_needed,
                    "the drive must be switched off and on: " + opened.next_step,
                    "afterwards continue this job with efface resume JOB");
    }
    attempt.keep(Step::open);
    if (!opened.opened.empty()) {
        find_opened(attempt);
    }
}

/// What the drive has and the host does not see.
void find_not_shown(Attempt& attempt) {
    std::vector<SurfaceSize> seen;
    for (const auto& surface : attempt.access.surfaces()) {
        seen.push_back({.surface = surface.name,
                        .bytes = surface.storage->size_bytes(),
                        .block_bytes = surface.storage->preferred_alignment()});
    }
    attempt.state.behind = not_shown(attempt.survey, seen);
    for (const auto& part : attempt.state.behind) {
        attempt.state.hidden_areas.push_back(hidden_area_json(hidden_area_of(part)));
    }
}

}  // namespace

bool recognise(Attempt& attempt) {
    auto& state = attempt.state;
    auto& survey = attempt.survey;
    survey = attempt.access.commands().survey();
    if (!survey.error.empty()) {
        attempt.fail(Verdict::indeterminate, ReasonCode::drive_silent,
                     "the drive does not answer: " + survey.error);
        return false;
    }
    if (!is_the_one(attempt)) {
        return false;
    }
    const auto technique = std::find_if(
        survey.techniques.begin(), survey.techniques.end(),
        [&](const TechniqueFacts& facts) { return facts.name == attempt.task.technique; });
    if (technique == survey.techniques.end()) {
        attempt.fail(Verdict::not_sanitized, ReasonCode::drive_lacks_technique,
                     "the drive does not support " + attempt.task.technique);
        return false;
    }
    attempt.estimate = technique->estimate;
    survey.hidden_areas = hidden_areas_for(survey, *technique);
    const bool begun = state.step > Step::start;
    if (technique->objection && !begun && state.memory.empty() && state.refusal.is_null()) {
        attempt.fail(Verdict::not_sanitized, technique->objection->code,
                     technique->objection->text);
        return false;
    }
    if (state.step <= Step::open && state.status_before.empty()) {
        state.status_before = pages_json(survey.pages);
    }
    return true;
}

void open_step(Attempt& attempt) {
    look_for_running(attempt);
    if (attempt.state.step != Step::open || !attempt.outcome.reasons.empty()) {
        return;
    }
    list_areas(attempt);
    const auto& areas = attempt.survey.hidden_areas;
    const bool anything = std::any_of(areas.begin(), areas.end(), [](const HiddenArea& area) {
        return area.can_be_opened && !area.covered;
    });
    if (anything || !attempt.state.power_cycles.empty()) {
        open_areas(attempt);
    }
    if (attempt.outcome.reasons.empty()) {
        find_not_shown(attempt);
        attempt.keep(Step::mark);
    }
}

void close_hidden_areas(Attempt& attempt) {
    std::vector<SentCommand> commands;
    const auto problem = attempt.access.commands().close_hidden_areas(attempt.memory, commands);
    attempt.add_commands(commands);
    if (problem) {
        attempt.outcome.exceptions.push_back({ReasonCode::drive_left_behind, *problem});
    }
}

}  // namespace efface::method
