// SPDX-License-Identifier: Apache-2.0
// `changed` is about the job, whichever process of it had begun to write, and no text of a refusal
// says otherwise: whether work had begun × why it is not continued.
#include "efface/mandate/order.hpp"

#include "catch.hpp"
#include "fixture/killed.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;

namespace {

struct InTheWay {
    const char* what;
    std::function<void(TargetFixture& fixture)> make;
    ReasonCode answer;
};

const std::vector<InTheWay>& obstacles() {
    static const std::vector<InTheWay> all = {
        {"another disk",
         [](TargetFixture& fixture) { fixture.host.at("/dev/a").identity.serial = "ANOTHER-1"; },
         ReasonCode::other_identity},
        {"another loop device",
         [](TargetFixture& fixture) {
             auto& identity = fixture.host.at("/dev/a").identity;
             identity.kind = inventory::Kind::loop;
             identity.serial = "ANOTHER-1";
         },
         ReasonCode::other_identity},
        {"two that could be it",
         [](TargetFixture& fixture) {
             fixture.host.rename("/dev/a", "/dev/y");
             auto& twin = fixture.host.add("/dev/z", fixture.before);
             twin.identity = fixture.host.at("/dev/y").identity;
             twin.identity.path = twin.identity.canonical_path = "/dev/z";
         },
         ReasonCode::other_identity},
        {"nothing", [](TargetFixture& fixture) { fixture.host.remove("/dev/a"); },
         ReasonCode::target_absent},
        {"somebody uses it",
         [](TargetFixture& fixture) {
             fixture.host.at("/dev/a").uses = {{ReasonCode::mounted, "mounted at /srv"}};
         },
         ReasonCode::mounted},
        {"the order has ended",
         [](TargetFixture& fixture) { fixture.clock.advance(std::chrono::hours(48)); },
         ReasonCode::no_longer_in_force},
    };
    return all;
}

/// Killed at its first write, or before it.
std::string interrupt(TargetFixture& fixture, bool began) {
    fixture.order = mandate::parse_order(
        R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",
            "not_after":"2026-01-02T00:00:00Z",
            "targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
    fixture.disk().set_hook([began](const fake::Operation& operation) {
        if (began && operation.kind == fake::Operation::Kind::write) {
            throw Killed();
        }
        return fake::Fault{};
    });
    fixture.on_event = [began](const Json& event) {
        if (!began && event.at("event") == "started") {
            throw Killed();
        }
    };
    CHECK_THROWS_AS(fixture.run(), Killed);
    fixture.on_event = nullptr;
    fixture.disk().set_hook({});
    return fixture.open_job();
}

}  // namespace

TEST_CASE("changed: what is said of a job that is not gone on with agrees with its field",
          "[job][changed]") {
    for (const auto& obstacle : obstacles()) {
        for (const bool began : {false, true}) {
            for (const bool resumed : {false, true}) {
                CAPTURE(obstacle.what, began, resumed);
                TargetFixture fixture;
                const auto job = interrupt(fixture, began);
                obstacle.make(fixture);
                if (obstacle.answer != ReasonCode::no_longer_in_force) {
                    const auto plan = fixture.plan();
                    REQUIRE(plan.open_job.has_value());
                    CHECK(plan.open_job->job_id == job);
                    REQUIRE_FALSE(plan.objections.empty());
                    CHECK(plan.objections.front().reason.code == obstacle.answer);
                }
                if (resumed) {
                    CHECK_THROWS_AS(fixture.resume(job), Error);
                } else {
                    CHECK_THROWS_AS(fixture.run(), Error);
                }
                REQUIRE(fixture.ended.error);
                CHECK(fixture.ended.error->reason() == obstacle.answer);
                CHECK(fixture.ended.changed == began);
                const std::string text = fixture.ended.error->what();
                CHECK((!began || text.find("nothing was changed") == std::string::npos));
            }
        }
    }
}

TEST_CASE("changed: what is found before the job is opened says the same of it", "[job][changed]") {
    for (const bool began : {false, true}) {
        for (const bool resumed : {false, true}) {
            for (const char* lost : {"keys/station.key", "log/entries.jsonl", "log/checkpoint"}) {
                CAPTURE(began, resumed, lost);
                TargetFixture fixture;
                const auto job = interrupt(fixture, began);
                std::filesystem::remove(fixture.state.root / lost);
                if (resumed) {
                    CHECK_THROWS_AS(fixture.resume(job), Error);
                } else {
                    CHECK_THROWS_AS(fixture.run(), Error);
                }
                CHECK(fixture.ended.changed == began);
            }
        }
    }
}

TEST_CASE("changed: the journal alone says it of a request that never came to be a run",
          "[job][changed]") {
    for (const bool began : {false, true}) {
        CAPTURE(began);
        TargetFixture fixture;
        TargetRequest by_order;
        by_order.target = fixture.target;
        TargetRequest typed = by_order;
        TargetRequest by_job = by_order;
        by_job.job_id = interrupt(fixture, began);
        by_order.order = &*fixture.order;
        CHECK(may_have_changed(fixture.state, by_order) == began);
        CHECK(may_have_changed(fixture.state, by_job) == began);
        CHECK_FALSE(may_have_changed(fixture.state, typed));
        by_job.job_id = std::string(32, '0');
        CHECK_FALSE(may_have_changed(fixture.state, by_job));
        CHECK(fixture.run().exit_code() == 0);  // what is done is done
        CHECK_FALSE(may_have_changed(fixture.state, by_order));
    }
}

TEST_CASE("changed: of a damaged journal nobody knows", "[job][changed]") {
    TargetFixture fixture;
    TargetRequest request;
    request.target = fixture.target;
    request.job_id = interrupt(fixture, false);
    std::filesystem::resize_file(fixture.state.jobs() / request.job_id / "run.json", 20);
    CHECK(may_have_changed(fixture.state, request));
}

TEST_CASE("a job goes on only under the plan that was expected: the one it began with, or today's",
          "[job][changed]") {
    for (const bool began : {false, true}) {
        for (const bool resumed : {false, true}) {
            for (const auto* which : {"begun with", "today's", "another"}) {
                CAPTURE(began, resumed, which);
                TargetFixture fixture;
                const auto first = plan_digest(fixture.plan());
                const auto job = interrupt(fixture, began);
                const auto media = fixture.disk().media();
                const bool other = which == std::string("another");
                fixture.plan_digest = other ? std::string(64, '0')
                                      : which == std::string("begun with")
                                          ? first
                                          : plan_digest(fixture.plan());
                const auto go_on = [&] { return resumed ? fixture.resume(job) : fixture.run(); };
                if (other) {
                    CHECK_THROWS_AS(go_on(), Error);
                    CHECK(fixture.ended.error->reason() == ReasonCode::plan_changed);
                    CHECK(fixture.ended.exit_code() == 7);
                    CHECK((fixture.disk().media() == media));
                    CHECK(fixture.ended.changed == began);
                    fixture.plan_digest.clear();
                }
                CHECK(go_on().exit_code() == 0);
            }
        }
    }
}

TEST_CASE("a job whose work is over delivers its evidence without its target", "[job][changed]") {
    const std::string killed_at = GENERATE("verified", "result", "evidence");
    CAPTURE(killed_at);
    TargetFixture fixture;
    std::string job;
    fixture.on_event = [&](const Json& seen) {
        if (seen.at("event") == killed_at) {
            job = seen.at("job_id");
            throw Killed();
        }
    };
    CHECK_THROWS_AS(fixture.run(), Killed);
    fixture.on_event = nullptr;
    fixture.host.remove("/dev/a");
    CHECK(fixture.resume(job).exit_code() == 0);
    CHECK(fixture.verified_bundles() == 1);
}
