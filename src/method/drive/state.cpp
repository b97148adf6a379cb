// SPDX-License-Identifier: Apache-2.0
// The journal of a drive's erase.
#include "efface/method/drive/erase.hpp"

#include "fields.hpp"

namespace efface::method {

namespace {

constexpr Word<EraseState::Step> kStepWords[] = {
    {EraseState::Step::format, "format"}, {EraseState::Step::open, "open"},
    {EraseState::Step::mark, "mark"},     {EraseState::Step::start, "start"},
    {EraseState::Step::run, "run"},       {EraseState::Step::check, "check"},
};

constexpr auto kStateFields = [](auto& state, const auto& field) {
    field("model", state.model);
    field("serial", state.serial);
    field("wwn", state.wwn);
    field("firmware", state.firmware);
    field("adopted", state.adopted);
    field("adoptedNamed", state.adopted_named);
    field("startedAt", state.started_at);
    field("completedAt", state.completed_at);
    field("polls", state.polls);
    field("memory", state.memory);
    field("powerCycles", state.power_cycles);
    field("commands", state.commands);
    field("statusBefore", state.status_before);
    field("hiddenAreas", state.hidden_areas);
    field("sizesBefore", state.sizes_before);
    field("limitEvents", state.limit_events);
    field("areasListed", state.areas_listed);
    field("refusal", state.refusal);
    field("healthBefore", state.health_before);
};

constexpr auto kNotShownFields = [](auto& part, const auto& field) {
    field("surface", part.surface);
    field("from", part.from);
    field("to", part.to);
    field("blockBytes", part.block_bytes);
};

constexpr auto kMarksFields = [](auto& marks, const auto& field) {
    field("name", marks.name);
    field("sizeBytes", marks.size_bytes);
    field("blockBytes", marks.block_bytes);
    field("canaries", marks.canaries);
    field("refused", marks.refused);
};

Json marks_json(const SurfaceMarks& marks) {
    auto json = write_fields(kMarksFields, marks);
    json["samples"] = write_list(marks.samples, [](const SampledBlock& sample) {
        return Json::array({sample.offset, sample.sha256, sample.uniform});
    });
    return json;
}

SurfaceMarks marks_from(const Json& json) {
    auto marks = read_fields<SurfaceMarks>(kMarksFields, json);
    marks.samples = read_list(json.at("samples"), [](const Json& sample) {
        return SampledBlock{.offset = sample.at(0).get<std::uint64_t>(),
                            .sha256 = sample.at(1).get<std::string>(),
                            .uniform = sample.at(2).get<bool>()};
    });
    return marks;
}

}  // namespace

Json to_json(const EraseState& state) {
    auto json = write_fields(kStateFields, state);
    json["step"] = word_of(kStepWords, state.step);
    json["seed"] = to_hex(state.seed);
    json["failedBefore"] = state.failed_before;
    json["secondPass"] = state.second_pass;
    if (!state.sector_format.is_null()) {
        json["sectorFormat"] = state.sector_format;
    }
    json["behind"] = write_list(
        state.behind, [](const NotShown& part) { return write_fields(kNotShownFields, part); });
    json["marks"] = write_list(state.marks, marks_json);
    return json;
}

EraseState erase_state_from_json(const Json& json) {
    auto state = read_fields<EraseState>(kStateFields, json);
    const auto text = json.at("step").get<std::string>();
    const auto step = find_word(kStepWords, text);
    if (!step) {
        throw Json::other_error::create(501, "no such step: " + text, nullptr);
    }
    state.step = *step;
    state.seed = from_hex(json.at("seed").get<std::string>()).value_or(Bytes{});
    if (state.seed.size() != kCanarySeedBytes) {
        throw Json::other_error::create(501, "the seed is damaged", nullptr);
    }
    state.failed_before = json.value("failedBefore", false);  // not in journals of release 0.2
    state.second_pass = json.value("secondPass", false);
    state.sector_format = json.value("sectorFormat", Json());
    state.behind = read_list(json.at("behind"), [](const Json& part) {
        return read_fields<NotShown>(kNotShownFields, part);
    });
    state.marks = read_list(json.at("marks"), marks_from);
    return state;
}

EraseState state_after_refusal(const EraseState& refused, Bytes seed) {
    EraseState state;
    state.seed = std::move(seed);
    state.power_cycles = refused.power_cycles;
    state.sizes_before = refused.sizes_before;
    state.health_before = refused.health_before;
    state.sector_format = refused.sector_format;
    for (const auto& area : refused.hidden_areas) {
        // What is opened for the time of one technique was taken back, and is found again.
        const bool kept = area.at("kind") != kUnattachedNamespace && area.at("kind") != kNotShown;
        if (kept && area.at("opened").get<bool>()) {
            state.hidden_areas.push_back(area);
        }
    }
    return state;
}

}  // namespace efface::method
