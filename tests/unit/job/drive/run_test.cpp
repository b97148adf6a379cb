// SPDX-License-Identifier: Apache-2.0
// The whole path of an erasure by the drive itself: plan, run, resume, certificate.
#include "efface/job/jobs.hpp"
#include "efface/job/target_run.hpp"

#include "catch.hpp"
#include "fake/scripted_drive.hpp"
#include "station.hpp"

using namespace efface;
using namespace efface::job;
using fake::DriveLies;
using fake::ScriptedDrive;
using method::Level;
using method::Verdict;

namespace {

class ScriptedModel final : public DriveModel {
  public:
    explicit ScriptedModel(ScriptedDrive& drive) : drive_(drive) {}
    std::vector<method::CommandSet*> command_sets() override { return {&drive_}; }
    std::vector<device::BlockTarget*> surfaces() override { return {&drive_}; }
    std::vector<fake::DriveMedia*> media() override { return {}; }

  private:
    ScriptedDrive& drive_;
};

/// The drive at /dev/a is a scripted one.
struct Station : DriveStation {
    explicit Station(DriveLies lies = {}) : drive(clock, std::move(lies)), model(drive) {
        attach(model, "SERIAL-a");
        request.choice.policy = ScriptedDrive::kTechnique;
    }
    ScriptedDrive drive;
    ScriptedModel model;
};

}  // namespace

TEST_CASE("a drive is purged by its own command, with a certificate that verifies") {
    Station station;
    const auto plan = station.plan();
    CHECK(plan.objections.empty());
    CHECK(plan.level == Level::purge);
    CHECK(plan.confirm_token == "SERIAL-a");
    const auto result = station.run();
    INFO(to_json(result.reasons).dump());
    CHECK(result.verdict == Verdict::sanitized);
    CHECK(result.level == Level::purge);
    CHECK_FALSE(station.drive.old_content_remains());
    CHECK(station.verified_bundles() == 1);
}

TEST_CASE("whatever a drive does, its run ends in a certificate that verifies") {
    const auto each = [](const std::function<void(DriveLies&)>& change, Verdict verdict) {
        DriveLies lies;
        change(lies);
        Station station(lies);
        const auto result = station.run();
        INFO(to_json(result.reasons).dump() << to_json(result.exceptions).dump());
        CHECK(result.verdict == verdict);
        if (verdict != Verdict::sanitized && verdict != Verdict::sanitized_with_exceptions) {
            CHECK(result.level == Level::none);
        }
        CHECK(station.verified_bundles() == 1);
    };
    each([](DriveLies& lies) { lies.erases_nothing = true; }, Verdict::not_sanitized);
    each([](DriveLies& lies) { lies.keeps_share = 0.05; }, Verdict::not_sanitized);
    each([](DriveLies& lies) { lies.fails = true; }, Verdict::not_sanitized);
    each([](DriveLies& lies) { lies.forgets = true; }, Verdict::indeterminate);
    each([](DriveLies& lies) { lies.stands_still = true; }, Verdict::indeterminate);
    each([](DriveLies& lies) { lies.refuses = true; }, Verdict::not_sanitized);
    each([](DriveLies& lies) { lies.no_status = true; }, Verdict::indeterminate);
    each([](DriveLies& lies) { lies.reverts_writes = true; }, Verdict::not_sanitized);
    each([](DriveLies& lies) { lies.drops_canaries = true; }, Verdict::indeterminate);
    each([](DriveLies& lies) { lies.serial_after = "SERIAL-b"; }, Verdict::indeterminate);
    each([](DriveLies& lies) { lies.gone_for_good = true; }, Verdict::indeterminate);
    each([](DriveLies& lies) { lies.clean_up_fails = true; }, Verdict::not_sanitized);
    each([](DriveLies& lies) { lies.unreadable_after = true; }, Verdict::indeterminate);
    each(
        [](DriveLies& lies) {
            lies.unreadable_after = true;
            lies.promises_nothing = true;
        },
        Verdict::sanitized_with_exceptions);
    each(
        [](DriveLies& lies) {
            lies.unreadable_after = true;
            lies.unreadable_as_expected = false;
        },
        Verdict::indeterminate);
    each(
        [](DriveLies& lies) {
            lies.unreadable_after = true;
            lies.unreadable_as_expected = false;
            lies.unreadable_share = 0.01;
        },
        Verdict::sanitized_with_exceptions);
    each([](DriveLies& lies) { lies.hidden_area = true; }, Verdict::sanitized);
    each(
        [](DriveLies& lies) {
            lies.hidden_area = true;
            lies.hidden_area_stays = true;
        },
        Verdict::sanitized_with_exceptions);
    each([](DriveLies& lies) { lies.runs_already = ScriptedDrive::kTechnique; },
         Verdict::sanitized_with_exceptions);
}

TEST_CASE("an adopted erasure reaches no level, the next one does") {
    DriveLies lies;
    lies.runs_already = ScriptedDrive::kTechnique;
    Station station(lies);
    station.request.choice.level = Level::purge;
    const auto adopted = station.run();
    CHECK(adopted.verdict == Verdict::sanitized_with_exceptions);
    CHECK(adopted.exit_code() == 4);
    CHECK(adopted.level == Level::none);
    CHECK(station.drive.starts == 0);
    const auto again = station.run();
    CHECK(again.verdict == Verdict::sanitized);
    CHECK(again.level == Level::purge);
    CHECK(station.drive.starts == 1);
    CHECK(station.verified_bundles() == 2);
}

TEST_CASE("a level asks for the best technique that reaches it") {
    Station station;
    station.request.choice.policy = mandate::kPolicyAuto;
    station.request.choice.level = Level::purge;
    CHECK(station.plan().technique == ScriptedDrive::kTechnique);
    CHECK(station.run().level == Level::purge);

    Station plain;
    plain.host.drive = {};
    plain.request.choice = station.request.choice;
    CHECK_FALSE(plain.plan().objections.empty());
    plain.request.choice.level = Level::clear;
    CHECK(plain.plan().technique == "overwrite-random");
}

TEST_CASE("nothing is fallen back on that was not named") {
    Station station;
    station.request.choice.policy = "nvme-sanitize-crypto";
    CHECK_FALSE(station.plan().objections.empty());
    CHECK_THROWS_AS(station.run(), Error);
    CHECK(station.drive.starts == 0);
    station.request.choice.fallbacks = {"nvme-sanitize-overwrite", ScriptedDrive::kTechnique};
    CHECK(station.run().verdict == Verdict::sanitized);
}

TEST_CASE("a drive in use is refused, also by its other namespaces and paths") {
    Station station;
    station.host.add("/dev/b", Bytes(4096)).uses = {{ReasonCode::mounted, "mounted at /srv"}};
    station.host.drive.surfaces.push_back({"b", "/dev/b", 2});
    CHECK_THROWS_AS(station.run(), Error);
    station.host.drive.surfaces.pop_back();
    station.host.drive.other_paths.push_back({"b", "/dev/b", 1});
    CHECK_THROWS_AS(station.run(), Error);
    CHECK(station.drive.starts == 0);
    station.host.at("/dev/b").uses.clear();
    CHECK(station.run().verdict == Verdict::sanitized);
}

TEST_CASE("after a power cycle for a hidden area the job goes on by its number") {
    DriveLies lies;
    lies.hidden_area = true;
    lies.hidden_area_needs_power = true;
    Station station(lies);
    try {
        (void)station.run();
        FAIL("it did not ask for a power cycle");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::interrupted);
    }
    station.drive.power_cycle();
    const auto jobs = list_jobs(station.state);
    REQUIRE(jobs.size() == 1);
    CHECK(jobs.front().resumable());
    station.request.job_id = jobs.front().id;
    const auto result = station.run();
    CHECK(result.verdict == Verdict::sanitized);
    CHECK(station.verified_bundles() == 1);
}

TEST_CASE("a stop leaves the drive at work; erasing it again goes on with the same job") {
    Station station;
    station.drive.on_command = [&](const std::string& what) {
        if (what == "state" && station.drive.starts == 1) {
            station.stop.request_stop();
        }
    };
    CHECK_THROWS_AS(station.run(), Error);
    station.drive.on_command = nullptr;
    station.stop = std::stop_source();
    CHECK(station.run().verdict == Verdict::sanitized);
    CHECK(station.drive.starts == 1);
    CHECK(station.verified_bundles() == 1);
}

TEST_CASE("no block of a drive that erases itself is read before it is adopted") {
    // The kernel would hold the reader until the drive is at its end, and nothing could be adopted.
    DriveLies lies;
    lies.runs_already = ScriptedDrive::kTechnique;
    Station station(lies);
    const auto result = station.run();
    CHECK(result.verdict == Verdict::sanitized_with_exceptions);
    CHECK(station.drive.starts == 0);
    REQUIRE_FALSE(station.host.moments.empty());
    for (const auto moment : station.host.moments) {
        CHECK(moment == Moment::now_unread);
    }

    Station idle;
    CHECK(idle.run().verdict == Verdict::sanitized);
    // Read before the start; what is on it after the end is the engine's to look at.
    CHECK(idle.host.moments.front() == Moment::now);
    CHECK(idle.host.moments.back() == Moment::now_unread);
}
