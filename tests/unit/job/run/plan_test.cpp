// SPDX-License-Identifier: Apache-2.0
#include "efface/job/plan.hpp"

#include "catch.hpp"
#include "fixture/killed.hpp"
#include "fixture/run_fixture.hpp"

using namespace efface;
using namespace efface::job;

TEST_CASE("plan: a volume survives the journal unchanged", "[job][plan]") {
    RunFixture fixture;
    auto plan = fixture.plan();
    auto& volume = plan.volumes.at(0);
    volume.credential_opened = true;
    volume.locations.at(0).stream_key = Bytes(32, 0x5a);
    const auto again = to_journal(from_journal(to_journal(volume)));
    CHECK(again == to_journal(volume));
}

TEST_CASE("plan: a damaged journal is a failure, not an empty plan", "[job][plan]") {
    CHECK_THROWS_AS(from_journal(Json::object()), Error);
    RunFixture fixture;
    auto json = to_journal(fixture.plan().volumes.at(0));
    json["locations"][0]["streamKey"] = "no hex";
    CHECK_THROWS_AS(from_journal(json), Error);
    json["locations"][0]["role"] = "else";
    CHECK_THROWS_AS(from_journal(json), Error);
}

TEST_CASE("plan: making it changes nothing on the disks", "[job][plan]") {
    RunFixture fixture;
    (void)fixture.plan();
    CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
    CHECK(fixture.log_text().empty());
    CHECK(fixture.host.library.destroys == 0);
}

TEST_CASE("plan: the same storage gives the same digest, other storage another", "[job][plan]") {
    RunFixture fixture;
    const auto manifest = mandate::parse_manifest(fixture.manifest_text);
    const auto digest = plan_digest(manifest, fixture.plan());
    CHECK(digest == plan_digest(manifest, fixture.plan()));
    fixture.host.at("/dev/a").disk->media()[5000] ^= 1U;  // in a key area
    CHECK(digest != plan_digest(manifest, fixture.plan()));
}

TEST_CASE("plan: the document names ranges, level and what is not reached", "[job][plan]") {
    RunFixture fixture;
    fixture.host.at("/dev/a").layers = {{"nvme0n1", "disk", false, false, false, false, true, ""}};
    const auto document =
        plan_document(mandate::parse_manifest(fixture.manifest_text), fixture.plan());
    const auto& volume = document.at("volumes").at(0);
    CHECK(volume.at("locations").at(0).at("regions").at(0) ==
          Json{{"offset", 0}, {"length", 2097152}});
    CHECK(volume.at("level") == "clear");
    CHECK(volume.at("notReached").dump().find("flash") != std::string::npos);
    CHECK(document.dump().find("streamKey") == std::string::npos);
}

TEST_CASE("plan: of a project that was interrupted it is what it began with, and names the job",
          "[job][plan]") {
    RunFixture fixture;
    const auto before = fixture.plan();
    fixture.on_event = [&](const Json& event) {
        if (event.at("event") == "verified") {
            throw Killed();
        }
    };
    CHECK_THROWS_AS(fixture.run(), Killed);  // the header of the first volume is gone
    fixture.on_event = nullptr;
    const auto plan = fixture.plan();
    REQUIRE(plan.open_job);
    const auto manifest = mandate::parse_manifest(fixture.manifest_text);
    CHECK(plan.open_job->job_id == job_id_of(manifest));
    CHECK(plan.open_job->phase == "running");
    CHECK(plan.objections().empty());
    CHECK(plan_digest(manifest, plan) == plan_digest(manifest, before));
    CHECK(plan_document(manifest, plan).at("openJob").at("jobId") == plan.open_job->job_id);
    CHECK(plan_document(manifest, before).at("openJob").is_null());
    CHECK(fixture.run().exit_code() == 0);
    CHECK_FALSE(fixture.plan().open_job);
}
