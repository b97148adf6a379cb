// SPDX-License-Identifier: Apache-2.0
#include "efface/job/events.hpp"

#include "catch.hpp"
#include "fake/disk/fixed.hpp"

using namespace efface;
using namespace efface::job;

TEST_CASE("events: each has its number, time, job and name", "[job][events]") {
    fake::FixedClock clock(from_rfc3339("2026-11-21T09:41:07Z").value());
    std::vector<Json> seen;
    Events events([&](const Json& event) { seen.push_back(event); }, clock);
    events.set_job("j1");
    events.emit("started", {{"target", {{"name", "a"}}}});
    events.emit("verified", Json::object());
    REQUIRE(seen.size() == 2);
    CHECK(seen[0] == Json{{"schema", "efface.event/1"},
                          {"ts", "2026-11-21T09:41:07Z"},
                          {"seq", 0},
                          {"job_id", "j1"},
                          {"event", "started"},
                          {"target", {{"name", "a"}}}});
    CHECK(seen[1].at("seq") == 1);
}

TEST_CASE("events: each names the target of its run, and none is missing a number",
          "[job][events]") {
    fake::FixedClock clock;
    std::vector<Json> seen;
    Events events([&](const Json& event) { seen.push_back(event); }, clock, "/dev/sdb");
    events.emit("resumed", {{"run_id", "r1"}});
    events.emit("verified", {{"target", {{"name", "a"}}}});
    emit_failure(events, "", Error(ErrorCode::busy, "busy"), false);
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].at("target").at("name") == "/dev/sdb");
    CHECK(seen[1].at("target").at("name") == "a");
    CHECK(seen[2].at("target").at("name") == "/dev/sdb");
    for (std::size_t i = 0; i < seen.size(); ++i) {
        CHECK(seen[i].at("seq") == i);
    }
}

TEST_CASE("events: who receives them does not end the run, whatever it throws", "[job][events]") {
    fake::FixedClock clock;
    int thrown = 0;
    Events events(
        [&](const Json&) {
            if (++thrown % 2 == 1) {
                throw std::runtime_error("full");
            }
            throw Error(ErrorCode::internal, "full");
        },
        clock);
    events.emit("started", Json::object());
    events.emit("verified", Json::object());
    CHECK(thrown == 2);
    CHECK(events.lost() == 2);
}

TEST_CASE("events: progress comes at most once a second, and an ETA when it means something",
          "[job][events]") {
    fake::FixedClock clock;
    std::vector<Json> seen;
    Events events([&](const Json& event) { seen.push_back(event); }, clock);
    ProgressMeter meter(events, clock, 1000);
    meter.advance(10);
    CHECK(seen.empty());
    clock.advance(std::chrono::seconds(1));
    meter.advance(90);
    meter.advance(1);
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].at("bytes_done") == 100);
    CHECK(seen[0].at("total") == 1000);
    CHECK(seen[0].at("bps") == 100);
    CHECK_FALSE(seen[0].contains("eta_s"));
    clock.advance(std::chrono::seconds(4));
    meter.advance(399);
    REQUIRE(seen.size() == 2);
    CHECK(seen[1].at("bps") == 100);
    CHECK(seen[1].at("eta_s") == 5);
}

TEST_CASE("events: each phase says how much of it is done", "[job][events]") {
    fake::FixedClock clock;
    std::vector<Json> seen;
    Events events([&](const Json& event) { seen.push_back(event); }, clock);
    ProgressMeter meter(events, clock, 1000, event_target("a"));
    for (const auto& [phase, bytes] :
         {std::pair{"writing pass 1 of 1", 500U}, {"reading back", 30U}}) {
        meter.phase(phase);
        clock.advance(std::chrono::seconds(1));
        meter.advance(bytes);
        CHECK(seen.back().at("phase") == phase);
        CHECK(seen.back().at("phase_done") == bytes);
    }
    CHECK(seen.back().at("bytes_done") == 530);
}
