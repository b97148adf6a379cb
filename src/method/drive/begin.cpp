// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "attempt.hpp"

namespace efface::method {

namespace {

/// How often, and after which pause, a namespace that was attached is looked for.
constexpr unsigned kAreaLooksMax = 20;

/// Canaries behind the end that the host sees: the area counts as opened when enough of them could
/// be placed, else why not is kept. False: they are not to be looked for.
bool note_marked_behind(FirmwareState& state, const SurfaceMarks& marks) {
    const std::uint64_t asked = marks.canaries.size() + marks.refused;
    const bool enough =
        !marks.canaries.empty() && marks.canaries.size() * kEvidenceOf >= asked * kEvidenceShare;
    const auto part = std::find_if(state.behind.begin(), state.behind.end(),
                                   [&](const NotShown& one) { return name_of(one) == marks.name; });
    EFFACE_ASSERT(part != state.behind.end());
    const auto listed = hidden_area_json(hidden_area_of(*part));
    for (auto& area : state.hidden_areas) {
        if (area.at("kind") == kNotShown && area.at("detail") == listed.at("detail")) {
            area["opened"] = enough;
            area["why"] = enough ? std::string()
                                 : fmt::format("{} of {} canaries could be placed there",
                                               marks.canaries.size(), asked);
        }
    }
    if (!enough) {
        state.behind.erase(part);
    }
    return enough;
}

}  // namespace

/// Who is this, and is it the drive that this job began with?
bool FirmwareAttempt::look_first() {
    survey_ = hooks_.commands().survey();
    if (!survey_.error.empty()) {
        fail(Verdict::indeterminate, ReasonCode::drive_silent,
             "the drive does not answer: " + survey_.error);
        return false;
    }
    if (state_.model.empty() && state_.serial.empty()) {
        state_.model = survey_.model;
        state_.serial = survey_.serial;
        state_.wwn = survey_.wwn;
        state_.firmware = survey_.firmware;
    } else if (!same_drive()) {
        fail(Verdict::not_sanitized, ReasonCode::other_identity,
             fmt::format("this is {} {}, the job began with {} {}", survey_.model, survey_.serial,
                         state_.model, state_.serial));
        return false;
    }
    const auto technique =
        std::find_if(survey_.techniques.begin(), survey_.techniques.end(),
                     [&](const TechniqueFacts& facts) { return facts.name == task_.technique; });
    if (technique == survey_.techniques.end()) {
        fail(Verdict::not_sanitized, ReasonCode::drive_lacks_technique,
             "the drive has no " + task_.technique);
        return false;
    }
    estimate_ = technique->estimate;
    survey_.hidden_areas = hidden_areas_for(survey_, *technique);
    const bool begun = state_.step > FirmwareState::Step::start;
    if (technique->objection && !begun && state_.memory.empty() && state_.refusal.is_null()) {
        fail(Verdict::not_sanitized, technique->objection->code, technique->objection->text);
        return false;
    }
    if (state_.step == FirmwareState::Step::open && state_.status_before.empty()) {
        state_.status_before = pages_json(survey_.pages);
    }
    return true;
}

bool FirmwareAttempt::same_drive() {
    return survey_.error.empty() && survey_.model == state_.model &&
           survey_.serial == state_.serial && survey_.wwn == state_.wwn;
}

void FirmwareAttempt::remake_operation() {
    operation_ = hooks_.commands().make(task_.technique, memory_);
    EFFACE_ASSERT(operation_ != nullptr);
}

/// An erasure that somebody else began can only be watched: there is no writing beside it. False
/// when it is another technique than the one that was asked for.
bool FirmwareAttempt::adopt() {
    const auto running = hooks_.commands().state();
    if (running.phase != Phase::running && running.phase != Phase::verifying) {
        return true;
    }
    observe("an erasure was found running", state_json(running));
    if (!running.technique.empty() && running.technique != task_.technique) {
        fail(Verdict::not_sanitized, ReasonCode::drive_erasing,
             fmt::format("the drive is carrying out {}, which nothing can stop: wait for its end, "
                         "or adopt it with --technique {}",
                         running.technique, running.technique));
        return false;
    }
    state_.adopted = true;
    state_.adopted_named = !running.technique.empty();
    state_.started_at = now();
    keep(FirmwareState::Step::run);
    return true;
}

void FirmwareAttempt::open_hidden_areas() {
    if (state_.sizes_before.empty()) {
        for (const auto& surface : hooks_.surfaces()) {
            state_.sizes_before[surface.name] = surface.storage->size_bytes();
        }
    }
    if (!state_.areas_listed) {
        for (const auto& area : survey_.hidden_areas) {
            state_.hidden_areas.push_back(hidden_area_json(area));
        }
        state_.areas_listed = true;
        keep(FirmwareState::Step::open);
    }
    note_vanished(state_.hidden_areas, survey_.hidden_areas);
    const bool anything =
        std::any_of(survey_.hidden_areas.begin(), survey_.hidden_areas.end(),
                    [](const HiddenArea& area) { return area.can_be_opened && !area.covered; });
    if (anything || !state_.power_cycles.empty()) {
        progress_.phase("opening hidden areas");
        const auto opened = hooks_.commands().open_hidden_areas(memory_);
        add_commands(state_.commands, opened.commands, now());
        note_opened(state_.hidden_areas, opened);
        if (opened.power_cycle_needed) {
            state_.power_cycles.push_back(
                ObjectWriter().add("at", now()).add("why", opened.next_step).take());
            keep(FirmwareState::Step::open);
            throw Error(ErrorCode::interrupted, ReasonCode::power_cycle_needed,
                        "the drive must be switched off and on: " + opened.next_step,
                        "afterwards `efface resume` goes on with this job");
        }
        keep(FirmwareState::Step::open);
        if (!opened.opened.empty()) {
            find_opened();
        }
    }
    if (outcome_.reasons.empty()) {
        find_not_shown();
        keep(FirmwareState::Step::mark);
    }
}

/// What was opened becomes a block device in a while.
void FirmwareAttempt::find_opened() {
    bool there = false;
    for (unsigned look = 0; look < kAreaLooksMax; ++look) {
        if (look > 0 && !hooks_.wait(kReturnPause)) {
            break;
        }
        there = hooks_.reattach().empty();
        if (!there) {
            continue;
        }
        survey_ = hooks_.commands().survey();
        const bool pending = std::any_of(
            survey_.hidden_areas.begin(), survey_.hidden_areas.end(), [](const HiddenArea& area) {
                return area.kind == kUnattachedNamespace && !area.can_be_opened;
            });
        if (survey_.error.empty() && !pending) {
            break;
        }
    }
    if (!there || !survey_.error.empty() || !same_drive()) {
        fail(Verdict::indeterminate, ReasonCode::drive_silent,
             "the drive is gone since its hidden areas were opened");
        return;
    }
    note_attached(state_.hidden_areas, survey_.hidden_areas);
}

/// What the drive has and the host does not see.
void FirmwareAttempt::find_not_shown() {
    std::vector<SurfaceSize> seen;
    for (const auto& surface : hooks_.surfaces()) {
        seen.push_back(
            {surface.name, surface.storage->size_bytes(), surface.storage->preferred_alignment()});
    }
    state_.behind = not_shown(survey_, seen);
    for (const auto& part : state_.behind) {
        state_.hidden_areas.push_back(hidden_area_json(hidden_area_of(part)));
    }
}

/// Best effort: what stays open is named.
void FirmwareAttempt::close_hidden_areas() {
    std::vector<SentCommand> commands;
    const auto problem = hooks_.commands().close_hidden_areas(memory_, commands);
    add_commands(state_.commands, commands, now());
    if (problem) {
        outcome_.exceptions.push_back({ReasonCode::drive_left_behind, *problem});
    }
}

void FirmwareAttempt::mark() {
    state_.marks.clear();
    progress_.phase("placing canaries");
    for (const auto& reach : reaches()) {
        if (stop_.stop_requested()) {
            break;
        }
        const bool behind = reach.name != reach.surface;
        if (behind && !task_.canaries) {
            continue;
        }
        const auto known = state_.sizes_before.find(reach.name);
        const std::uint64_t before = known == state_.sizes_before.end() ? 0 : known->second;
        auto marks = task_.canaries ? mark_surface({reach.name, reach.storage}, before, state_.seed)
                                    : SurfaceMarks{reach.name, {}, {}, {}, {}, {}};
        observe("canaries placed", ObjectWriter()
                                       .add("surface", marks.name)
                                       .add("placed", marks.canaries.size())
                                       .add("refused", marks.refused)
                                       .add("samples", marks.samples.size())
                                       .take());
        if (!behind || note_marked_behind(state_, marks)) {
            state_.marks.push_back(std::move(marks));
        }
    }
    if (!stop_.stop_requested()) {
        keep(FirmwareState::Step::start);
    }
}

void FirmwareAttempt::start() {
    const bool unanswered = !state_.started_at.empty();
    remake_operation();
    state_.started_at = now();
    keep(FirmwareState::Step::start);
    progress_.phase("starting " + task_.technique);
    const auto answer = operation_->start();
    add_commands(state_.commands, answer.commands, now());
    observe("start", ObjectWriter()
                         .add("answer", to_string(answer.start))
                         .add("detail", answer.detail)
                         .add("commands", sent_json(answer.commands, now()))
                         .take());
    if (answer.start == Start::refused) {
        refused(answer, unanswered);
        return;
    }
    keep(FirmwareState::Step::run);
}

/// Kept at once: a later process must not send it again, and must not take it for begun.
void FirmwareAttempt::refused(const StartAnswer& answer, bool unanswered) {
    state_.refusal =
        ObjectWriter()
            .add("at", now())
            .add("code", to_string(answer.why))
            .add("detail", printable(answer.detail))
            .add("commands", sent_json(answer.commands, now()))
            .add("begun", unanswered ? "an earlier command of this job was never answered" : "")
            .take();
    hooks_.save(state_);
    end_refused();
}

/// Another technique is only for a drive that is at nothing and in no failure.
void FirmwareAttempt::end_refused() {
    const auto code = reason_code_from_string(state_.refusal.value("code", ""));
    fail(Verdict::not_sanitized, code.value_or(ReasonCode::drive_refused),
         "the drive refused: " + state_.refusal.at("detail").get<std::string>());
    clean_up();
    const auto left = hooks_.commands().state();
    observe("state after the refusal", state_json(left));
    auto& begun = state_.refusal["begun"];
    if (!begun.get<std::string>().empty()) {
        return;
    }
    if (clean_up_.result == CleanUp::Result::failed) {
        begun = "the drive was not left as it was";
    } else if (left.phase == Phase::running || left.phase == Phase::verifying) {
        begun = "the drive is at an erasure";
    } else if (left.phase == Phase::failed) {
        begun = "the drive is in the failure of an erasure: " + printable(left.detail);
    } else if (left.phase == Phase::unknown) {
        begun = "the drive does not say whether an erasure runs";
    }
}

}  // namespace efface::method
