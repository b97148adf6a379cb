// SPDX-License-Identifier: Apache-2.0
// `changed` is about the job, whichever process of it had begun to write, and no text of a refusal
// says otherwise: whether work had begun × why it is not gone on with.
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

}  // namespace

TEST_CASE("changed: what is said of a job that is not gone on with agrees with its field",
          "[job][changed]") {
    for (const auto& obstacle : obstacles()) {
        for (const bool began : {false, true}) {
            for (const bool resumed : {false, true}) {
                CAPTURE(obstacle.what, began, resumed);
                TargetFixture fixture;
                fixture.order = mandate::parse_order(
                    R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",
                        "not_after":"2026-01-02T00:00:00Z",
                        "targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
                fixture.disk().set_hook([&](const fake::Operation& operation) {
                    if (began && operation.kind == fake::Operation::Kind::write) {
                        throw Killed();
                    }
                    return fake::Fault{};
                });
                fixture.on_event = [&](const Json& event) {
                    if (!began && event.at("event") == "started") {
                        throw Killed();
                    }
                };
                CHECK_THROWS_AS(fixture.run(), Killed);
                fixture.on_event = nullptr;
                fixture.disk().set_hook({});
                const auto job = fixture.open_job();
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
