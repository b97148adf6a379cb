// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "efface/base/digest.hpp"
#include "efface/method/overwrite.hpp"

#include "fields.hpp"
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
    return faults_json(faults, write_list(faults.areas, [](const stream::Fault& area) {
                           return Json::array({area.offset, area.length, area.error});
                       }));
}

stream::FaultAreas areas_from_journal(const Json& json, const char* operation) {
    stream::FaultAreas faults;
    json.at("count").get_to(faults.count);
    json.at("bytes").get_to(faults.bytes);
    faults.areas = read_list(json.at("areas"), [&](const Json& area) {
        return stream::Fault{.operation = operation,
                             .offset = area.at(0).get<std::uint64_t>(),
                             .length = area.at(1).get<std::uint64_t>(),
                             .error = area.at(2).get<int>()};
    });
    return faults;
}

Bytes bytes_from_hex(const Json& json) {
    const auto bytes = from_hex(json.get<std::string>());
    if (!bytes) {
        throw Json::other_error::create(501, "bad hex", nullptr);
    }
    return *bytes;
}

constexpr auto kPassFields = [](auto& pass, const auto& field) {
    field("startedAt", pass.started_at);
    field("completedAt", pass.completed_at);
    field("writtenTo", pass.written_to);
    field("bytesWritten", pass.report.bytes_written);
    field("retries", pass.report.retries);
    field("flushError", pass.report.flush_error);
    field("engine", pass.report.engine);
    field("engineNote", pass.report.engine_note);
    field("resumedAt", pass.resumed_at);
};

Json pass_to_json(const PassState& pass) {
    auto json = write_fields(kPassFields, pass);
    json["random"] = pass.pattern.kind == stream::Pattern::Kind::random;
    json["pattern"] = to_hex(pass.pattern.bytes);
    json["writeFaults"] = journal_areas(pass.report.write_faults);
    return json;
}

PassState pass_from_json(const Json& json) {
    auto pass = read_fields<PassState>(kPassFields, json);
    pass.pattern.kind = json.at("random").get<bool>() ? stream::Pattern::Kind::random
                                                      : stream::Pattern::Kind::repeating;
    pass.pattern.bytes = bytes_from_hex(json.at("pattern"));
    pass.report.write_faults = areas_from_journal(json.at("writeFaults"), "write");
    return pass;
}

constexpr Word<Limit> kLimits[] = {
    {Limit::deadline, "deadline"},
    {Limit::speed, "speed"},
    {Limit::temperature, "temperature"},
};

constexpr Word<ReadBack> kReadBacks[] = {
    {ReadBack::full, "full-read-back"},
    {ReadBack::representative, "representative"},
    {ReadBack::none, "none"},
};

std::string pattern_text(const stream::Pattern& pattern) {
    return pattern.kind == stream::Pattern::Kind::random ? "aes-256-ctr"
                                                         : "repeat:" + to_hex(pattern.bytes);
}

}  // namespace

Json areas_json(const stream::FaultAreas& faults) {
    return faults_json(faults, write_list(faults.areas, [](const stream::Fault& area) {
                           return ObjectWriter()
                               .add("offset", area.offset)
                               .add("length", area.length)
                               .add("error",
                                    area.error == 0 ? "no progress" : errno_text(area.error))
                               .take();
                       }));
}

Json differences_json(const stream::CheckReport& check) {
    return write_list(check.differences, [](const auto& place) {
        return ObjectWriter()
            .add("offset", place.offset)
            .add("foundSha256", place.found_sha256)
            .add("zero", place.zero)
            .take();
    });
}

Json pass_record(const PassState& pass, std::size_t number) {
    const auto& report = pass.report;
    ObjectWriter record;
    record.add("number", number)
        .add("pattern", pattern_text(pass.pattern))
        .add("bytesWritten", report.bytes_written)
        .add("writeFaults", areas_json(report.write_faults))
        .add("retries", report.retries)
        .add("flush", report.flush_error == 0 ? "ok" : errno_text(report.flush_error))
        .add("resumedAt", Json(pass.resumed_at));
    if (!pass.started_at.empty()) {
        record.add("startedAt", pass.started_at);
    }
    if (!pass.completed_at.empty()) {
        record.add("completedAt", pass.completed_at);
    }
    if (pass.pattern.kind == stream::Pattern::Kind::random) {
        record.add("streamKeyDigest",
                   ObjectWriter().add("sha256", sha256_hex(pass.pattern.bytes)).take());
    }
    return record.take();
}

const char* to_string(ReadBack read_back) noexcept {
    return word_of(kReadBacks, read_back);
}

const char* to_string(Limit limit) noexcept {
    return word_of(kLimits, limit);
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
    return ObjectWriter()
        .add("passes", write_list(state.passes, pass_to_json))
        .add("comparedTo", state.compared_to)
        .add("limitEvents", state.limit_events)
        .take();
}

OverwriteState overwrite_state_from_json(const Json& json) {
    OverwriteState state;
    state.passes = read_list(json.at("passes"), pass_from_json);
    json.at("comparedTo").get_to(state.compared_to);
    state.limit_events = json.at("limitEvents");
    return state;
}

}  // namespace efface::method
