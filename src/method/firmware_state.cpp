// SPDX-License-Identifier: Apache-2.0
// The journal of a drive's erasure.
#include "efface/method/firmware_erase.hpp"

namespace efface::method {

namespace {

const char* to_string(FirmwareState::Step step) {
    switch (step) {
        case FirmwareState::Step::open:
            return "open";
        case FirmwareState::Step::mark:
            return "mark";
        case FirmwareState::Step::start:
            return "start";
        case FirmwareState::Step::run:
            return "run";
        case FirmwareState::Step::check:
            return "check";
    }
    return "open";
}

FirmwareState::Step step_from(const std::string& text) {
    using Step = FirmwareState::Step;
    for (const auto step : {Step::open, Step::mark, Step::start, Step::run, Step::check}) {
        if (text == to_string(step)) {
            return step;
        }
    }
    throw Json::other_error::create(501, "no such step: " + text, nullptr);
}

Json marks_json(const SurfaceMarks& marks) {
    Json samples = Json::array();
    for (const auto& sample : marks.samples) {
        samples.push_back({sample.offset, sample.sha256, sample.uniform});
    }
    return {{"name", marks.name},
            {"sizeBytes", marks.size_bytes},
            {"blockBytes", marks.block_bytes},
            {"canaries", marks.canaries},
            {"refused", marks.refused},
            {"samples", samples}};
}

SurfaceMarks marks_from(const Json& json) {
    SurfaceMarks marks;
    json.at("name").get_to(marks.name);
    json.at("sizeBytes").get_to(marks.size_bytes);
    json.at("blockBytes").get_to(marks.block_bytes);
    json.at("canaries").get_to(marks.canaries);
    json.at("refused").get_to(marks.refused);
    for (const auto& sample : json.at("samples")) {
        marks.samples.push_back({sample.at(0).get<std::uint64_t>(), sample.at(1).get<std::string>(),
                                 sample.at(2).get<bool>()});
    }
    return marks;
}

}  // namespace

Json to_json(const FirmwareState& state) {
    Json marks = Json::array();
    for (const auto& surface : state.marks) {
        marks.push_back(marks_json(surface));
    }
    return {{"step", to_string(state.step)},
            {"seed", to_hex(state.seed)},
            {"model", state.model},
            {"serial", state.serial},
            {"wwn", state.wwn},
            {"firmware", state.firmware},
            {"adopted", state.adopted},
            {"adoptedNamed", state.adopted_named},
            {"startedAt", state.started_at},
            {"completedAt", state.completed_at},
            {"polls", state.polls},
            {"memory", state.memory},
            {"powerCycles", state.power_cycles},
            {"commands", state.commands},
            {"statusBefore", state.status_before},
            {"hiddenAreas", state.hidden_areas},
            {"sizesBefore", state.sizes_before},
            {"marks", marks},
            {"limitEvents", state.limit_events},
            {"areasListed", state.areas_listed},
            {"refusal", state.refusal}};
}

FirmwareState firmware_state_from_json(const Json& json) {
    FirmwareState state;
    state.step = step_from(json.at("step").get<std::string>());
    state.seed = from_hex(json.at("seed").get<std::string>()).value_or(Bytes{});
    if (state.seed.size() != kCanarySeedBytes) {
        throw Json::other_error::create(501, "the seed is damaged", nullptr);
    }
    json.at("model").get_to(state.model);
    json.at("serial").get_to(state.serial);
    json.at("wwn").get_to(state.wwn);
    json.at("firmware").get_to(state.firmware);
    json.at("adopted").get_to(state.adopted);
    json.at("adoptedNamed").get_to(state.adopted_named);
    json.at("startedAt").get_to(state.started_at);
    json.at("completedAt").get_to(state.completed_at);
    json.at("polls").get_to(state.polls);
    state.memory = json.at("memory");
    state.power_cycles = json.at("powerCycles");
    state.commands = json.at("commands");
    state.status_before = json.at("statusBefore");
    state.hidden_areas = json.at("hiddenAreas");
    json.at("sizesBefore").get_to(state.sizes_before);
    for (const auto& surface : json.at("marks")) {
        state.marks.push_back(marks_from(surface));
    }
    state.limit_events = json.at("limitEvents");
    json.at("areasListed").get_to(state.areas_listed);
    state.refusal = json.at("refusal");
    return state;
}

FirmwareState state_after_refusal(const FirmwareState& refused, Bytes seed) {
    FirmwareState state;
    state.seed = std::move(seed);
    state.power_cycles = refused.power_cycles;
    state.sizes_before = refused.sizes_before;
    for (const auto& area : refused.hidden_areas) {
        if (area.at("opened").get<bool>()) {
            state.hidden_areas.push_back(area);
        }
    }
    return state;
}

}  // namespace efface::method
