// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "efface/method/overwrite.hpp"

#include "json.hpp"

namespace efface::method {

namespace {

Json faults_json(const stream::FaultAreas& faults, Json areas) {
    return ObjectWriter()
        .add("count", faults.count)
        .add("bytes", faults.bytes)
        .add("areas", std::move(areas))
        .take();
}

/// For the journal, which keeps error numbers; the record has their texts.
Json journal_areas(const stream::FaultAreas& faults) {
    Json areas = Json::array();
    for (const auto& area : faults.areas) {
        Json place = Json::array();
        place.push_back(area.offset);
        place.push_back(area.length);
        place.push_back(area.error);
        areas.push_back(std::move(place));
    }
    return faults_json(faults, std::move(areas));
}

stream::FaultAreas areas_from_journal(const Json& json, const char* operation) {
    stream::FaultAreas faults;
    json.at("count").get_to(faults.count);
    json.at("bytes").get_to(faults.bytes);
    for (const auto& area : json.at("areas")) {
        faults.areas.push_back({operation, area.at(0).get<std::uint64_t>(),
                                area.at(1).get<std::uint64_t>(), area.at(2).get<int>()});
    }
    return faults;
}

Bytes bytes_from_hex(const Json& json) {
    const auto bytes = from_hex(json.get<std::string>());
    if (!bytes) {
        throw Json::other_error::create(501, "bad hex", nullptr);
    }
    return *bytes;
}

Json pass_to_json(const PassState& pass) {
    const auto& report = pass.report;
    return ObjectWriter()
        .add("random", pass.pattern.kind == stream::Pattern::Kind::random)
        .add("pattern", to_hex(pass.pattern.bytes))
        .add("startedAt", pass.started_at)
        .add("completedAt", pass.completed_at)
        .add("writtenTo", pass.written_to)
        .add("bytesWritten", report.bytes_written)
        .add("writeFaults", journal_areas(report.write_faults))
        .add("retries", report.retries)
        .add("flushError", report.flush_error)
        .add("engine", report.engine)
        .add("engineNote", report.engine_note)
        .add("resumedAt", Json(pass.resumed_at))
        .take();
}

PassState pass_from_json(const Json& json) {
    PassState pass;
    pass.pattern.kind = json.at("random").get<bool>() ? stream::Pattern::Kind::random
                                                      : stream::Pattern::Kind::repeating;
    pass.pattern.bytes = bytes_from_hex(json.at("pattern"));
    json.at("startedAt").get_to(pass.started_at);
    json.at("completedAt").get_to(pass.completed_at);
    json.at("writtenTo").get_to(pass.written_to);
    json.at("bytesWritten").get_to(pass.report.bytes_written);
    pass.report.write_faults = areas_from_journal(json.at("writeFaults"), "write");
    json.at("retries").get_to(pass.report.retries);
    json.at("flushError").get_to(pass.report.flush_error);
    json.at("engine").get_to(pass.report.engine);
    json.at("engineNote").get_to(pass.report.engine_note);
    json.at("resumedAt").get_to(pass.resumed_at);
    return pass;
}

}  // namespace

Json areas_json(const stream::FaultAreas& faults) {
    Json areas = Json::array();
    for (const auto& area : faults.areas) {
        areas.push_back(ObjectWriter()
                            .add("offset", area.offset)
                            .add("length", area.length)
                            .add("error", area.error == 0 ? "no progress" : errno_text(area.error))
                            .take());
    }
    return faults_json(faults, std::move(areas));
}

Json differences_json(const stream::CheckReport& check) {
    Json list = Json::array();
    for (const auto& place : check.differences) {
        list.push_back(ObjectWriter()
                           .add("offset", place.offset)
                           .add("foundSha256", place.found_sha256)
                           .add("zero", place.zero)
                           .take());
    }
    return list;
}

const char* to_string(Limit limit) noexcept {
    switch (limit) {
        case Limit::deadline:
            return "deadline";
        case Limit::speed:
            return "speed";
        case Limit::temperature:
            return "temperature";
    }
    return "deadline";
}

Json limit_event(std::string at, Limit limit, std::string what, mandate::Then then) {
    return ObjectWriter()
        .add("at", std::move(at))
        .add("limit", to_string(limit))
        .add("what", std::move(what))
        .add("then", to_string(then))
        .take();
}

Json to_json(const OverwriteState& state) {
    Json passes = Json::array();
    for (const auto& pass : state.passes) {
        passes.push_back(pass_to_json(pass));
    }
    return ObjectWriter()
        .add("passes", std::move(passes))
        .add("comparedTo", state.compared_to)
        .add("limitEvents", state.limit_events)
        .take();
}

OverwriteState overwrite_state_from_json(const Json& json) {
    OverwriteState state;
    for (const auto& pass : json.at("passes")) {
        state.passes.push_back(pass_from_json(pass));
    }
    json.at("comparedTo").get_to(state.compared_to);
    state.limit_events = json.at("limitEvents");
    return state;
}

}  // namespace efface::method
