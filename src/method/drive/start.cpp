// SPDX-License-Identifier: Apache-2.0
// Places canaries, and has the drive begin.
#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"

#include "attempt.hpp"
#include "drive/medium/reach.hpp"

namespace efface::method {

namespace {

/// Canaries behind the end that the host sees: the area counts as opened when enough of them could
/// be placed, else why not is kept. False: they are not to be looked for.
bool note_marked_behind(EraseState& state, const SurfaceMarks& marks) {
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

/// What is there before the erasure, and canaries unless the task wants none.
SurfaceMarks mark_reach(const Attempt& attempt, const Reach& reach) {
    if (!attempt.task.canaries) {
        SurfaceMarks unmarked;
        unmarked.name = reach.name;
        return unmarked;
    }
    const auto& sizes = attempt.state.sizes_before;
    const auto known = sizes.find(reach.name);
    return mark_surface({.name = reach.name, .storage = reach.storage},
                        known == sizes.end() ? 0 : known->second, attempt.state.seed, attempt.stop);
}

/// A block that an overwrite of the first pass left: the second one leaves the same.
void disregard_own_pattern(const Bytes& pattern, SurfaceMarks& marks) {
    Bytes block(marks.block_bytes);
    for (std::size_t at = 0; at < block.size(); ++at) {
        block[at] = pattern[at % pattern.size()];
    }
    const auto own = sha256_hex(block);
    for (auto& sample : marks.samples) {
        sample.uniform = sample.uniform || sample.sha256 == own;
    }
}

/// Why another technique is not to be tried on a drive that refused this one: only one that is at
/// nothing and in no failure may be. Empty: it may.
std::string begun_all_the_same(const CleanUp& clean_up, const OperationState& left) {
    if (clean_up.result == CleanUp::Result::failed) {
        return "a setting on the drive was not undone";
    }
    switch (left.phase) {
        case Phase::running:
        case Phase::verifying:
            return "an erase is running on the drive";
        case Phase::failed:
            return "an erase of the drive has failed: " + printable(left.detail);
        case Phase::unknown:
            return "the drive does not report whether an erase is running";
        case Phase::idle:
        case Phase::succeeded:
            break;
    }
    return {};
}

void end_refused(Attempt& attempt) {
    auto& refusal = attempt.state.refusal;
    const auto code = reason_code_from_string(refusal.value("code", ""));
    attempt.fail(Verdict::not_sanitized, code.value_or(ReasonCode::drive_refused),
                 "the drive refused: " + refusal.at("detail").get<std::string>());
    clean_up(attempt);
    const auto left = attempt.access.commands().state();
    attempt.observe("state after the refusal", state_json(left));
    auto& begun = refusal["begun"];
    if (begun.get<std::string>().empty()) {
        begun = begun_all_the_same(attempt.end.clean_up, left);
    }
}

void start(Attempt& attempt) {
    auto& state = attempt.state;
    const bool unanswered = !state.started_at.empty();
    attempt.remake_operation();
    state.started_at = attempt.now();
    attempt.keep(Step::start);
    attempt.progress.phase("starting " + attempt.task.technique);
    const auto answer = attempt.operation->start();
    attempt.add_commands(answer.commands);
    attempt.observe("start", ObjectWriter()
                                 .add("answer", to_string(answer.start))
                                 .add("detail", answer.detail)
                                 .add("commands", sent_json(answer.commands, attempt.now()))
                                 .take());
    if (answer.start != Start::refused) {
        attempt.keep(Step::run);
        return;
    }
    // Kept at once: a later process must not send it again, and must not take it for begun.
    state.refusal =
        ObjectWriter()
            .add("at", attempt.now())
            .add("code", to_string(answer.why))
            .add("detail", printable(answer.detail))
            .add("commands", sent_json(answer.commands, attempt.now()))
            .add("begun", unanswered ? "an earlier command of this job was never answered" : "")
            .take();
    attempt.access.save(state);
    end_refused(attempt);
}

}  // namespace

void mark_step(Attempt& attempt) {
    auto& state = attempt.state;
    state.marks.clear();
    attempt.progress.phase("placing canaries");
    for (const auto& reach : Reaches(attempt.access, state.behind)) {
        if (attempt.stop.stop_requested()) {
            return;
        }
        const bool behind = reach.name != reach.surface;
        if (behind && !attempt.task.canaries) {
            continue;
        }
        auto marks = mark_reach(attempt, reach);
        if (state.second_pass) {
            disregard_own_pattern(attempt.memory.pattern, marks);
        }
        attempt.observe("canaries placed", ObjectWriter()
                                               .add("surface", marks.name)
                                               .add("placed", marks.canaries.size())
                                               .add("refused", marks.refused)
                                               .add("samples", marks.samples.size())
                                               .take());
        if (!behind || note_marked_behind(state, marks)) {
            state.marks.push_back(std::move(marks));
        }
    }
    if (!attempt.stop.stop_requested()) {
        attempt.keep(Step::start);
    }
}

void start_step(Attempt& attempt) {
    if (attempt.stop.stop_requested()) {
        return;
    }
    // A process that died before the answer came: the drive may be at it already.
    const bool running = attempt.access.commands().state().phase == Phase::running;
    if (!attempt.state.refusal.is_null()) {
        attempt.remake_operation();
        end_refused(attempt);
    } else if (running && !attempt.state.started_at.empty()) {
        attempt.remake_operation();
        attempt.add_commands(attempt.operation->sent_before());
        attempt.keep(Step::run);
    } else {
        start(attempt);
    }
}

}  // namespace efface::method
