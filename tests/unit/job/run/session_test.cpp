// SPDX-License-Identifier: Apache-2.0
// Several runs in one session, without any terminal.
#include "efface/job/session.hpp"

#include <latch>
#include <map>
#include <thread>

#include "efface/inventory/memory_name.hpp"

#include "catch.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;

namespace {

struct Sessions : TargetFixture {
    Sessions() { host.add("/dev/b", before); }
    [[nodiscard]] Session::Basis basis() { return {state, host, clock, for_threads, wait_or_stop}; }
    [[nodiscard]] EventReceiver receiver() {
        return [this](const Json& event) {
            const auto name = event.contains("target") ? event.at("target").at("name") : Json("");
            events[name.get<std::string>()].push_back(event.at("event").get<std::string>());
        };
    }
    static TargetRequest request_for(const std::string& target) {
        TargetRequest request;
        request.target = target;
        request.program = "/bin/true";
        request.authorize = [](const TargetPlan&) {
            return mandate::Authorization{"typed-token", "tester", {}, {}};
        };
        return request;
    }
    SystemRandom for_threads;
    std::map<std::string, std::vector<std::string>> events;  ///< by the name of their target
};

RunResult ended_with(std::optional<method::Verdict> verdict) {
    RunResult result;
    result.verdict = verdict;
    return result;
}

}  // namespace

TEST_CASE("session: of two statuses the worse one, whichever comes first", "[job][session]") {
    constexpr std::array kFromWorst{3, 1, 7, 6, 2, 75, 8, 4, 5, 0};
    for (std::size_t i = 0; i < kFromWorst.size(); ++i) {
        for (std::size_t j = i; j < kFromWorst.size(); ++j) {
            CHECK(worst_status(kFromWorst.at(i), kFromWorst.at(j)) == kFromWorst.at(i));
            CHECK(worst_status(kFromWorst.at(j), kFromWorst.at(i)) == kFromWorst.at(i));
        }
    }
    CHECK(SessionResult{}.exit_status() == 0);
    CHECK_FALSE(SessionResult{}.changed());
}

TEST_CASE("session: what fails for one target does not touch the others", "[job][session]") {
    Sessions fixture;
    fixture.host.at("/dev/a").uses = {{ReasonCode::mounted, "at /srv"}};
    Session session(fixture.basis(), fixture.receiver());
    session.add(Sessions::request_for("/dev/a"));
    session.add(Sessions::request_for("/dev/b"));
    session.carry_out();
    const auto result = session.result();
    REQUIRE(result.runs.size() == 2);
    CHECK(result.runs[0].error->reason() == ReasonCode::mounted);
    CHECK_FALSE(result.runs[0].changed);
    CHECK(result.runs[1].verdict == method::Verdict::sanitized);
    CHECK(result.runs[1].changed);
    CHECK(result.exit_status() == 7);
    CHECK(result.changed());
    CHECK(fixture.disk().media() == fixture.before);
    CHECK(fixture.events.at("/dev/a") == std::vector<std::string>{"refused"});
    CHECK(fixture.events.at("/dev/b").back() == "evidence");
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("session: a project that never comes to be a run is told of as one", "[job][session]") {
    Sessions fixture;
    Session session(fixture.basis(), fixture.receiver());
    const bool known = GENERATE(true, false);
    session.add_project("p.json", [&](RunContext&, const std::stop_token&) -> RunResult {
        if (known) {
            throw Error(ErrorCode::usage, "no manifest");
        }
        throw std::runtime_error("anything");
    });
    session.carry_out();
    const auto result = session.result();
    CHECK(result.runs.at(0).name == "p.json");
    CHECK(result.exit_status() == (known ? 2 : 1));
    CHECK_FALSE(result.changed());
    CHECK(fixture.events.at("") == std::vector<std::string>{"refused"});
}

TEST_CASE("session: what is refused before it is a run tells what an earlier run of it changed",
          "[job][session]") {
    Sessions fixture;
    Session session(fixture.basis(), fixture.receiver());
    const bool began = GENERATE(true, false);
    session.add_project(
        "p.json",
        [](RunContext&, const std::stop_token&) -> RunResult {
            throw Error(ErrorCode::authorisation, "no approval");
        },
        [&] { return began; });
    session.carry_out();
    CHECK(session.result().changed() == began);
    CHECK(fixture.events.at("") == std::vector<std::string>{began ? "stopped" : "refused"});
}

TEST_CASE("session: free memory is swept after the others, and not after a stop",
          "[job][session]") {
    Sessions fixture;
    Session session(fixture.basis(), fixture.receiver());
    session.add(Sessions::request_for(inventory::kFreeMemoryTarget));
    session.add_project("first", [&](RunContext&, const std::stop_token& stop) {
        session.request_stop();
        return ended_with(stop.stop_requested() ? std::optional(method::Verdict::sanitized)
                                                : std::nullopt);
    });
    session.carry_out();
    const auto result = session.result();
    CHECK(result.runs.at(0).error->code() == ErrorCode::interrupted);
    CHECK_FALSE(result.runs.at(0).changed);
    CHECK(result.runs.at(1).verdict == method::Verdict::sanitized);
    CHECK(fixture.events.at(inventory::kFreeMemoryTarget) == std::vector<std::string>{"refused"});
}

TEST_CASE("session: what has not ended is told as left at work, and as what it was once it has",
          "[job][session]") {
    Sessions fixture;
    Session session(fixture.basis(), fixture.receiver());
    std::latch begun(1);
    std::latch looked(1);
    session.add_project("hangs", [&](RunContext&, const std::stop_token&) {
        begun.count_down();
        looked.wait();
        return ended_with(method::Verdict::sanitized);
    });
    session.add_project("ends", [](RunContext&, const std::stop_token&) {
        return ended_with(method::Verdict::sanitized_with_exceptions);
    });
    std::thread runs([&] { session.carry_out(); });
    begun.wait();
    const auto now = session.result().runs.at(0);
    looked.count_down();
    runs.join();
    CHECK(now.name == "hangs");
    CHECK(now.exit_code() == 8);
    CHECK(now.changed);
    CHECK(session.result().runs.at(0).exit_code() == 0);
    CHECK(session.result().exit_status() == 4);
    CHECK_FALSE(session.result().changed());
}

TEST_CASE("session: a receiver that throws loses events and steers no run", "[job][session]") {
    Sessions fixture;
    Session session(fixture.basis(), [](const Json&) { throw std::runtime_error("full"); });
    session.add(Sessions::request_for("/dev/a"));
    session.add(Sessions::request_for("/dev/b"));
    session.carry_out();
    const auto result = session.result();
    CHECK(result.exit_status() == 0);
    CHECK(result.events_lost >= 10);
    CHECK(fixture.verified_bundles() == 2);
}
