// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "efface/method/overwrite.hpp"

#include "overwrite_json.hpp"

namespace efface::method {

namespace {

constexpr std::array kThens = {std::pair{Then::go_on, "go-on"}, std::pair{Then::pause, "pause"},
                               std::pair{Then::stop, "stop"}};

/// For the journal, which keeps error numbers; the record has their texts.
Json journal_areas(const stream::FaultAreas& faults) {
    Json areas = Json::array();
    for (const auto& area : faults.areas) {
        areas.push_back({area.offset, area.length, area.error});
    }
    return {{"count", faults.count}, {"bytes", faults.bytes}, {"areas", areas}};
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
        throw Error(ErrorCode::internal, "the journal is damaged: bad hex");
    }
    return *bytes;
}

Json pass_to_json(const PassState& pass) {
    const auto& report = pass.report;
    return {{"random", pass.pattern.kind == stream::Pattern::Kind::random},
            {"pattern", to_hex(pass.pattern.bytes)},
            {"startedAt", pass.started_at},
            {"completedAt", pass.completed_at},
            {"writtenTo", pass.written_to},
            {"bytesWritten", report.bytes_written},
            {"writeFaults", journal_areas(report.write_faults)},
            {"retries", report.retries},
            {"flushError", report.flush_error},
            {"engine", report.engine},
            {"engineNote", report.engine_note},
            {"resumedAt", pass.resumed_at}};
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
        areas.push_back({{"offset", area.offset},
                         {"length", area.length},
                         {"error", area.error == 0 ? "no progress" : errno_text(area.error)}});
    }
    return {{"count", faults.count}, {"bytes", faults.bytes}, {"areas", areas}};
}

Json differences_json(const stream::CheckReport& check) {
    Json list = Json::array();
    for (const auto& place : check.differences) {
        list.push_back(
            {{"offset", place.offset}, {"foundSha256", place.found_sha256}, {"zero", place.zero}});
    }
    return list;
}

const char* to_string(Then then) noexcept {
    return std::find_if(kThens.begin(), kThens.end(),
                        [&](const auto& entry) { return entry.first == then; })
        ->second;
}

std::optional<Then> then_from_string(std::string_view text) noexcept {
    const auto* found = std::find_if(kThens.begin(), kThens.end(),
                                     [&](const auto& entry) { return text == entry.second; });
    return found == kThens.end() ? std::nullopt : std::optional(found->first);
}

Json to_json(const Limits& limits) {
    return {{"bytesPerSecondMin", limits.bytes_per_second_min},
            {"whenSlow", to_string(limits.when_slow)},
            {"deadlineSeconds", limits.deadline.count()},
            {"whenLate", to_string(limits.when_late)},
            {"celsiusMax", limits.celsius_max},
            {"whenHot", to_string(limits.when_hot)}};
}

Limits limits_from_json(const Json& json) {
    const auto then = [&](const char* key) {
        return then_from_string(json.at(key).get<std::string>()).value_or(Then::stop);
    };
    Limits limits;
    json.at("bytesPerSecondMin").get_to(limits.bytes_per_second_min);
    limits.when_slow = then("whenSlow");
    limits.deadline = std::chrono::seconds(json.at("deadlineSeconds").get<std::int64_t>());
    limits.when_late = then("whenLate");
    json.at("celsiusMax").get_to(limits.celsius_max);
    limits.when_hot = then("whenHot");
    return limits;
}

Json to_json(const OverwriteState& state) {
    Json passes = Json::array();
    for (const auto& pass : state.passes) {
        passes.push_back(pass_to_json(pass));
    }
    return {
        {"passes", passes}, {"comparedTo", state.compared_to}, {"limitEvents", state.limit_events}};
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
