// SPDX-License-Identifier: Apache-2.0
// The journal of a drive's erasure.
#include "efface/method/drive/erase.hpp"

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
        Json one = Json::array();
        one.push_back(sample.offset);
        one.push_back(sample.sha256);
        one.push_back(sample.uniform);
        samples.push_back(std::move(one));
    }
    return ObjectWriter()
        .add("name", marks.name)
        .add("sizeBytes", marks.size_bytes)
        .add("blockBytes", marks.block_bytes)
        .add("canaries", Json(marks.canaries))
        .add("refused", marks.refused)
        .add("samples", std::move(samples))
        .take();
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
    Json behind = Json::array();
    for (const auto& part : state.behind) {
        behind.push_back(ObjectWriter()
                             .add("surface", part.surface)
                             .add("from", part.from)
                             .add("to", part.to)
                             .add("blockBytes", part.block_bytes)
                             .take());
    }
    return ObjectWriter()
        .add("step", to_string(state.step))
        .add("seed", to_hex(state.seed))
        .add("model", state.model)
        .add("serial", state.serial)
        .add("wwn", state.wwn)
        .add("firmware", state.firmware)
        .add("adopted", state.adopted)
        .add("adoptedNamed", state.adopted_named)
        .add("startedAt", state.started_at)
        .add("completedAt", state.completed_at)
        .add("polls", state.polls)
        .add("memory", state.memory)
        .add("powerCycles", state.power_cycles)
        .add("commands", state.commands)
        .add("statusBefore", state.status_before)
        .add("hiddenAreas", state.hidden_areas)
        .add("sizesBefore", Json(state.sizes_before))
        .add("behind", std::move(behind))
        .add("marks", std::move(marks))
        .add("limitEvents", state.limit_events)
        .add("areasListed", state.areas_listed)
        .add("refusal", state.refusal)
        .take();
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
    for (const auto& part : json.at("behind")) {
        state.behind.push_back(
            {part.at("surface").get<std::string>(), part.at("from").get<std::uint64_t>(),
             part.at("to").get<std::uint64_t>(), part.at("blockBytes").get<std::uint32_t>()});
    }
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
        // What is opened for the time of one technique was taken back, and is found again.
        const bool kept = area.at("kind") != kUnattachedNamespace && area.at("kind") != kNotShown;
        if (kept && area.at("opened").get<bool>()) {
            state.hidden_areas.push_back(area);
        }
    }
    return state;
}

}  // namespace efface::method
