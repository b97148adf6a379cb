// SPDX-License-Identifier: Apache-2.0
#include "firmware_record.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "efface/base/digest.hpp"

namespace efface::method {

namespace {

/// Sums over surfaces, and over the looks at each.
struct Totals {
    std::uint64_t placed = 0;
    std::uint64_t refused = 0;
    std::uint64_t intact = 0;
    std::uint64_t unreadable = 0;
    std::uint64_t changed = 0;
    MarksSeen samples;
};

bool among(const std::vector<std::uint64_t>& offsets, std::uint64_t offset) {
    return std::find(offsets.begin(), offsets.end(), offset) != offsets.end();
}

/// A canary that stood in any look stands; one that could not be read in any was not read.
struct SurfaceSeen {
    std::vector<std::uint64_t> intact;
    std::vector<std::uint64_t> unreadable;
    std::vector<std::uint64_t> unexpected;
};

SurfaceSeen seen_on(const FirmwareState& state, const std::vector<MarksSeen>& looks,
                    std::size_t surface) {
    SurfaceSeen seen;
    const std::size_t surfaces = state.marks.size();
    if (looks.empty()) {
        return seen;  // nobody looked
    }
    for (const auto offset : state.marks[surface].canaries) {
        bool intact = false;
        bool read = false;
        bool unexpected = false;
        for (std::size_t look = surface; look < looks.size(); look += surfaces) {
            intact = intact || among(looks[look].intact, offset);
            read = read || !among(looks[look].unreadable, offset);
            unexpected = unexpected || among(looks[look].unexpected, offset);
        }
        if (intact) {
            seen.intact.push_back(offset);
        } else if (!read) {
            seen.unreadable.push_back(offset);
            if (unexpected) {
                seen.unexpected.push_back(offset);
            }
        }
    }
    return seen;
}

std::string places_in_words(const std::vector<std::uint64_t>& places) {
    const auto end =
        places.begin() + static_cast<std::ptrdiff_t>(std::min(places.size(), kPlacesNamedMax));
    const std::size_t more = places.size() - std::min(places.size(), kPlacesNamedMax);
    return fmt::format("byte {}{}", fmt::join(places.begin(), end, ", "),
                       more == 0 ? "" : fmt::format(" and {} more places", more));
}

Totals totals_of(const FirmwareState& state, const std::vector<MarksSeen>& looks) {
    Totals totals;
    for (std::size_t i = 0; i < state.marks.size(); ++i) {
        const auto seen = seen_on(state, looks, i);
        const auto placed = state.marks[i].canaries.size();
        totals.placed += placed;
        totals.refused += state.marks[i].refused;
        totals.intact += seen.intact.size();
        totals.unreadable += seen.unreadable.size();
        totals.changed += looks.empty() ? 0 : placed - seen.intact.size() - seen.unreadable.size();
    }
    for (const auto& look : looks) {
        totals.samples.samples_changed += look.samples_changed;
        totals.samples.samples_unchanged += look.samples_unchanged;
        totals.samples.samples_uninformative += look.samples_uninformative;
        totals.samples.samples_unreadable += look.samples_unreadable;
        totals.samples.promised_checked += look.promised_checked;
        totals.samples.promised_mismatches += look.promised_mismatches;
    }
    return totals;
}

Json statuses_of(const std::vector<MarksSeen>& looks) {
    std::map<MarksSeen::Status, std::uint64_t> all;
    for (const auto& look : looks) {
        for (const auto& [status, count] : look.statuses) {
            all[status] += count;
        }
    }
    Json list = Json::array();
    for (const auto& [status, count] : all) {
        list.push_back(ObjectWriter()
                           .add("status", status.text)
                           .add("count", count)
                           .add("expected", status.expected)
                           .take());
    }
    return list;
}

}  // namespace

const char* to_string(Phase phase) noexcept {
    switch (phase) {
        case Phase::idle:
            return "idle";
        case Phase::running:
            return "running";
        case Phase::verifying:
            return "verifying";
        case Phase::succeeded:
            return "succeeded";
        case Phase::failed:
            return "failed";
        case Phase::unknown:
            return "unknown";
    }
    return "unknown";
}

const char* to_string(Start start) noexcept {
    switch (start) {
        case Start::accepted:
            return "accepted";
        case Start::finished:
            return "finished";
        case Start::refused:
            return "refused";
        case Start::unknown:
            return "no answer";
    }
    return "no answer";
}

StartAnswer refused_start(const Reason& reason) {
    StartAnswer answer;
    answer.start = Start::refused;
    answer.detail = reason.text;
    answer.why = reason.code;
    return answer;
}

Json pages_json(const std::vector<RawPage>& pages) {
    Json list = Json::array();
    for (const auto& page : pages) {
        if (list.size() == kPagesMax) {
            break;
        }
        const ByteView kept =
            ByteView(page.bytes).first(std::min(page.bytes.size(), kPageBytesMax));
        list.push_back(ObjectWriter()
                           .add("page", printable(page.name))
                           .add("sha256", sha256_hex(kept))
                           .add("hex", to_hex(kept))
                           .take());
    }
    return list;
}

Json state_json(const OperationState& state) {
    return ObjectWriter()
        .add("phase", to_string(state.phase))
        .add("technique", state.technique)
        .add("detail", printable(state.detail))
        .add("pages", pages_json(state.pages))
        .take();
}

Json sent_json(const std::vector<SentCommand>& commands, const std::string& at) {
    Json list = Json::array();
    add_commands(list, commands, at);
    return list;
}

void add_commands(Json& record, const std::vector<SentCommand>& commands, const std::string& at) {
    for (const auto& command : commands) {
        if (record.size() < kCommandsKeptMax) {
            record.push_back(ObjectWriter()
                                 .add("at", at)
                                 .add("name", printable(command.name))
                                 .add("bytes", to_hex(command.bytes))
                                 .add("answer", printable(command.answer))
                                 .take());
        }
    }
}

std::vector<HiddenArea> hidden_areas_for(const DriveSurvey& survey,
                                         const TechniqueFacts& technique) {
    auto areas = survey.hidden_areas;
    const auto not_covered =
        technique.facts.value("hiddenAreasNotCovered", std::vector<std::string>());
    for (auto& area : areas) {
        const bool left =
            std::find(not_covered.begin(), not_covered.end(), area.kind) != not_covered.end();
        area.covered = area.covered && !left;
    }
    return areas;
}

Json hidden_area_json(const HiddenArea& area) {
    return ObjectWriter()
        .add("kind", area.kind)
        .add("detail", printable(area.detail))
        .add("bytes", area.bytes)
        .add("covered", area.covered)
        .add("opened", false)
        .add("why", printable(area.why_not))
        .take();
}

void note_opened(Json& areas, const OpenedAreas& opened) {
    const auto each = [&](const std::string& kind, const auto& change) {
        bool found = false;
        for (auto& area : areas) {
            if (kind.empty() || kind == area.at("kind").get<std::string>()) {
                change(area);
                found = true;
            }
        }
        return found;
    };
    for (const auto& kind : opened.opened) {
        const auto open = [](Json& area) {
            area["opened"] = true;
            area["why"] = "";
        };
        if (!each(kind, open)) {  // came to light when another one was opened
            HiddenArea late;
            late.kind = kind;
            late.detail = "found after another area was opened";
            areas.push_back(hidden_area_json(late));
            areas.back()["opened"] = true;
        }
    }
    for (const auto& refused : opened.refused) {
        (void)each(refused.kind, [&](Json& area) { area["why"] = printable(refused.why); });
    }
}

void note_vanished(Json& areas, const std::vector<HiddenArea>& still_hidden) {
    for (auto& area : areas) {
        const bool hidden =
            std::any_of(still_hidden.begin(), still_hidden.end(),
                        [&](const HiddenArea& other) { return area.at("kind") == other.kind; });
        if (!hidden) {
            area["opened"] = true;
            area["why"] = "";
        }
    }
}

void except_hidden_areas(const Json& areas, Outcome& outcome) {
    for (const auto& area : areas) {
        if (area.at("covered").get<bool>() || area.at("opened").get<bool>()) {
            continue;
        }
        outcome.exceptions.push_back(
            {ReasonCode::hidden_area,
             fmt::format("hidden area not reached: {}{}{}", area.at("detail").get<std::string>(),
                         area.at("why").get<std::string>().empty() ? "" : ": ",
                         area.at("why").get<std::string>())});
    }
}

namespace {

/// False when so many places can't be read that nobody can know what they hold.
bool judge_unexpected(const FirmwareState& state, const std::vector<MarksSeen>& seen,
                      Outcome& outcome) {
    bool bearable = true;
    for (std::size_t i = 0; i < state.marks.size(); ++i) {
        const auto& marks = state.marks[i];
        const auto unexpected = seen_on(state, seen, i).unexpected;
        const auto text = fmt::format(
            "{} of {} canaries on {} can not be read, and not as the "
            "technique leaves blocks: ",
            unexpected.size(), marks.canaries.size(), marks.name);
        if (unexpected.size() * kUnexpectedShare > marks.canaries.size()) {
            outcome.verdict = worst(outcome.verdict, Verdict::indeterminate);
            outcome.reasons.push_back(
                {ReasonCode::no_evidence_read, text + "nobody can know what became of them"});
            bearable = false;
        } else if (!unexpected.empty()) {
            outcome.exceptions.push_back(
                {ReasonCode::unreadable_blocks, text + places_in_words(unexpected)});
        }
    }
    return bearable;
}

}  // namespace

void judge_marks(const FirmwareState& state, const std::vector<MarksSeen>& seen, Outcome& outcome,
                 MarksReport& report) {
    const auto totals = totals_of(state, seen);
    const auto lower = [&](Verdict verdict, ReasonCode code, std::string text) {
        outcome.verdict = worst(outcome.verdict, verdict);
        outcome.reasons.push_back({code, std::move(text)});
    };
    report.seen = seen;
    report.statuses = statuses_of(seen);
    if (totals.intact > 0) {
        lower(Verdict::not_sanitized, ReasonCode::old_data_found,
              fmt::format("{} of {} canaries still stand: the drive has not erased them",
                          totals.intact, totals.placed));
    }
    if (totals.samples.samples_unchanged > 0) {
        lower(Verdict::not_sanitized, ReasonCode::old_data_found,
              fmt::format("{} sampled blocks hold what they held before",
                          totals.samples.samples_unchanged));
    }
    if (totals.samples.promised_mismatches > 0) {
        lower(Verdict::not_sanitized, ReasonCode::content_differs,
              fmt::format("{} of {} blocks do not hold what the technique leaves",
                          totals.samples.promised_mismatches, totals.samples.promised_checked));
    }
    if (totals.placed == 0 && !state.adopted) {
        lower(Verdict::indeterminate, ReasonCode::no_evidence_read,
              "not one canary could be placed, so nothing proves a change: erase the drive once "
              "more, by another technique where this one has nothing left to do");
    }
    const bool bearable = judge_unexpected(state, seen, outcome);
    for (const auto& status : report.statuses) {
        if (!status.at("expected").get<bool>()) {
            outcome.exceptions.push_back({ReasonCode::unreadable_blocks,
                                          fmt::format("{} places can not be read: {}",
                                                      status.at("count").get<std::uint64_t>(),
                                                      status.at("status").get<std::string>())});
        }
    }
    if (totals.refused > 0 && totals.placed > 0) {
        outcome.exceptions.push_back(
            {ReasonCode::canaries_refused,
             fmt::format("{} canaries could not be placed", totals.refused)});
    }
    report.passed = bearable && totals.intact == 0 && totals.samples.samples_unchanged == 0 &&
                    totals.samples.promised_mismatches == 0 && (totals.placed > 0 || state.adopted);
    outcome.observations.push_back({state.completed_at, "canaries looked for",
                                    ObjectWriter()
                                        .add("placed", totals.placed)
                                        .add("changed", totals.changed)
                                        .add("unreadable", totals.unreadable)
                                        .add("intact", totals.intact)
                                        .add("statuses", report.statuses)
                                        .take()});
}

Json operation_record(const FirmwareState& state, std::string_view command_set,
                      const std::optional<std::chrono::seconds>& estimate,
                      const OperationState& final_state, const CleanUp& clean_up) {
    return ObjectWriter()
        .add("commandSet", command_set)
        .add("adopted", state.adopted)
        .add("startedAt", state.started_at)
        .add("completedAt", state.completed_at)
        .add("polls", state.polls)
        .add("estimateSeconds", estimate ? std::optional(estimate->count()) : std::nullopt)
        .add("powerCycles", state.power_cycles)
        .add("commands", state.commands)
        .add("finalState", ObjectWriter()
                               .add("phase", to_string(final_state.phase))
                               .add("detail", printable(final_state.detail))
                               .take())
        .add("cleanUp", to_text(clean_up))
        .take();
}

std::string to_text(const CleanUp& clean_up) {
    switch (clean_up.result) {
        case CleanUp::Result::not_needed:
            return "not needed";
        case CleanUp::Result::done:
            return "ok";
        case CleanUp::Result::failed:
            break;
    }
    return clean_up.problem;
}

Json drive_record(const FirmwareState& state, std::string_view command_set,
                  const DriveSurvey& survey) {
    return ObjectWriter()
        .add("commandSet", command_set)
        .add("model", state.model)
        .add("serial", state.serial)
        .add("wwn", state.wwn)
        .add("firmware", state.firmware)
        .add("facts", survey.facts)
        .take();
}

Json verification_record(const FirmwareState& state, const MarksReport& report) {
    ObjectWriter record;
    record.add("method", report.whole       ? "full-read-back"
                         : report.performed ? "canaries"
                                            : "none")
        .add("performed", report.performed)
        .add("result", !report.performed ? "not-performed"
                       : report.passed   ? "pass"
                                         : "fail")
        .add("identity", report.identity)
        .add("seed", to_hex(state.seed));
    const auto totals = totals_of(state, report.seen);
    Json surfaces = Json::array();
    std::uint32_t block_bytes = kCanaryBytes;
    for (std::size_t i = 0; i < state.marks.size(); ++i) {
        const auto& marks = state.marks[i];
        const auto seen = seen_on(state, report.seen, i);
        block_bytes = std::max(block_bytes, marks.block_bytes);
        surfaces.push_back(ObjectWriter()
                               .add("name", printable(marks.name))
                               .add("sizeBytes", marks.size_bytes)
                               .add("offsets", Json(marks.canaries))
                               .add("intact", Json(seen.intact))
                               .add("unreadable", Json(seen.unreadable))
                               .add("unexpected", Json(seen.unexpected))
                               .take());
    }
    record.add("canaries", ObjectWriter()
                               .add("blockBytes", block_bytes)
                               .add("placed", totals.placed)
                               .add("changed", totals.changed)
                               .add("unreadable", totals.unreadable)
                               .add("intact", totals.intact)
                               .add("surfaces", std::move(surfaces))
                               .take());
    const auto& samples = totals.samples;
    record.add("samples",
               ObjectWriter()
                   .add("taken", samples.samples_changed + samples.samples_unchanged +
                                     samples.samples_uninformative + samples.samples_unreadable)
                   .add("changed", samples.samples_changed)
                   .add("uninformative", samples.samples_uninformative)
                   .add("unchanged", samples.samples_unchanged)
                   .add("unreadable", samples.samples_unreadable)
                   .take());
    record.add(
        "expected",
        ObjectWriter()
            .add("content", samples.promised_checked == 0 ? "nothing" : to_text(report.promise))
            .add("checked", samples.promised_checked)
            .add("mismatches", samples.promised_mismatches)
            .take());
    record.add("unreadableStatuses", report.statuses);
    if (report.whole) {
        record.add("whole", to_json(*report.whole));
    }
    return record.take();
}

}  // namespace efface::method
