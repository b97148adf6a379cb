// SPDX-License-Identifier: Apache-2.0
#include "record.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"

#include "fields.hpp"

namespace efface::method {

namespace {

constexpr Word<Phase> kPhases[] = {
    {Phase::idle, "idle"},           {Phase::running, "running"}, {Phase::verifying, "verifying"},
    {Phase::succeeded, "succeeded"}, {Phase::failed, "failed"},   {Phase::unknown, "unknown"},
};

constexpr Word<Start> kStarts[] = {
    {Start::accepted, "accepted"},
    {Start::finished, "finished"},
    {Start::refused, "refused"},
    {Start::unknown, "no answer"},
};

}  // namespace

const char* to_string(Phase phase) noexcept {
    return word_of(kPhases, phase);
}

const char* to_string(Start start) noexcept {
    return word_of(kStarts, start);
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

namespace {

/// Whole numbers of a record: RFC 8785.
constexpr std::uint64_t kRecordCountMax = (std::uint64_t{1} << 53U) - 1;

}  // namespace

Json hidden_area_json(const HiddenArea& area) {
    return ObjectWriter()
        .add("kind", area.kind)
        .add("detail", printable(area.detail))
        .add("bytes", std::min(area.bytes, kRecordCountMax))
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

void note_attached(Json& areas, const std::vector<HiddenArea>& found_since) {
    const auto still = [&](const Json& area) {
        return std::any_of(found_since.begin(), found_since.end(), [&](const HiddenArea& other) {
            return area.at("kind") == other.kind && area.at("detail") == printable(other.detail);
        });
    };
    for (auto& area : areas) {
        if (area.at("kind") == kUnattachedNamespace) {
            area["opened"] = !still(area);
            area["why"] = area.at("opened").get<bool>() ? Json("") : area.at("why");
        }
    }
    for (const auto& found : found_since) {
        const auto json = hidden_area_json(found);
        const bool known = std::any_of(areas.begin(), areas.end(), [&](const Json& area) {
            return area.at("kind") == json.at("kind") && area.at("detail") == json.at("detail");
        });
        if (found.kind == kUnattachedNamespace && !known) {
            areas.push_back(json);
        }
    }
}

void except_hidden_areas(const Json& areas, Outcome& outcome) {
    for (const auto& area : areas) {
        if (area.at("covered").get<bool>() || area.at("opened").get<bool>()) {
            continue;
        }
        if (area.at("kind") == kNotShown) {
            // Whoever attaches the drive elsewhere reads it.
            outcome.level_limit = Level::none;
        }
        outcome.exceptions.push_back(
            {ReasonCode::hidden_area,
             fmt::format("hidden area not reached: {}{}{}", area.at("detail").get<std::string>(),
                         area.at("why").get<std::string>().empty() ? "" : ": ",
                         area.at("why").get<std::string>())});
    }
}

Json operation_record(const EraseState& state, std::string_view command_set,
                      const std::optional<std::chrono::seconds>& estimate, const EraseEnd& end) {
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
                               .add("phase", to_string(end.said.phase))
                               .add("detail", printable(end.said.detail))
                               .take())
        .add("cleanUp", to_text(end.clean_up))
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

Json drive_record(const EraseState& state, std::string_view command_set,
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

}  // namespace efface::method
