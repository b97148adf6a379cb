// SPDX-License-Identifier: Apache-2.0
// What the guard says, as whole runs: members, other names of the storage, and who comes after the
// announcement.
#include "efface/job/jobs.hpp"
#include "efface/job/places.hpp"

#include "catch.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;
using method::Verdict;

namespace {

using Refusal = std::pair<ErrorCode, ReasonCode>;

Refusal guard_refusal(TargetFixture& fixture) {
    try {
        (void)fixture.run();
    } catch (const Error& error) {
        return {error.code(), error.reason()};
    }
    FAIL_CHECK("it was not refused");
    return {};
}

mandate::Order order_releasing(const std::string& members) {
    return mandate::parse_order(
        R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant","targets":[)"
        R"({"target":"/dev/a","serial":"SERIAL-a","release_member":[)" +
        members + "]}]}");
}

const guard::Content kMember = {"a", "linux_raid_member", "0123abcd-4567", "host:0", {}, true};

}  // namespace

TEST_CASE("guard: an order must name the member that it tears", "[job][guard]") {
    TargetFixture fixture;
    fixture.host.at("/dev/a").contents = {kMember};
    fixture.order = order_releasing("");
    CHECK(guard_refusal(fixture) == Refusal{ErrorCode::safety, ReasonCode::member});
    fixture.order = order_releasing(R"("another")");
    CHECK(guard_refusal(fixture) == Refusal{ErrorCode::safety, ReasonCode::member});
    CHECK((fixture.disk().media() == fixture.before));
    CHECK(fixture.log_entries("run-intent") == 0);
    fixture.order = order_releasing(R"("0123ABCD-4567")");
    CHECK(fixture.run().verdict == Verdict::sanitized);
}

TEST_CASE("guard: a person who confirms the plan releases what it shows", "[job][guard]") {
    TargetFixture fixture;
    fixture.host.at("/dev/a").contents = {kMember};
    CHECK(fixture.run().verdict == Verdict::sanitized);
}

TEST_CASE("guard: who comes after the announcement refuses the run, and nothing is certified",
          "[job][guard]") {
    const auto comes =
        GENERATE(std::pair{inventory::Use{ReasonCode::opened, "process 17"}, ErrorCode::safety},
                 std::pair{inventory::Use{ReasonCode::busy, "another efface"}, ErrorCode::busy});
    TargetFixture fixture;
    const bool ordered = GENERATE(false, true);
    if (ordered) {
        fixture.order = order_releasing("");
    }
    fixture.host.before_uses = [&] {
        if (fixture.log_entries("run-intent") > 0) {
            fixture.host.at("/dev/a").uses = {comes.first};
        }
    };
    CHECK(guard_refusal(fixture) == Refusal{comes.second, comes.first.code});
    CHECK((fixture.disk().media() == fixture.before));
    CHECK(fixture.log_entries("run-intent") == 1);
    CHECK(fixture.log_entries("run-refused") == 1);
    CHECK(fixture.log_entries("run-outcome") == 0);
    CHECK(fixture.verified_bundles() == 0);
    CHECK_FALSE(fixture.host.at("/dev/a").opened_exclusively);

    fixture.host.before_uses = nullptr;
    fixture.host.at("/dev/a").uses.clear();
    CHECK(fixture.run().verdict == Verdict::sanitized);
    CHECK(fixture.log_entries("run-intent") == 2);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("guard: another name of the storage that is held elsewhere makes it busy",
          "[job][guard]") {
    TargetFixture fixture;
    fixture.host.add("/dev/b", Bytes(512)).opened_exclusively = true;
    fixture.host.drive.other_paths.push_back({"b", "/dev/b", 0});
    CHECK(guard_refusal(fixture) == Refusal{ErrorCode::busy, ReasonCode::busy});
    CHECK((fixture.disk().media() == fixture.before));
    fixture.host.at("/dev/b").opened_exclusively = false;
    CHECK(fixture.run().verdict == Verdict::sanitized);
}

TEST_CASE("guard: two names of one storage are seen before anything", "[job][guard]") {
    TargetFixture fixture;
    fixture.host.add("/dev/b", Bytes(512));
    CHECK_NOTHROW(Places(fixture.host, {"/dev/a", "/dev/b", "/dev/gone"}).check_distinct());
    CHECK_THROWS_AS(Places(fixture.host, {"/dev/a", "/dev/a"}).check_distinct(), Error);
    fixture.host.drive.other_paths.push_back({"b", "/dev/b", 0});
    CHECK_THROWS_AS(Places(fixture.host, {"/dev/a", "/dev/b"}).check_distinct(), Error);
}

TEST_CASE("guard: the token is unique among the disks present", "[job][guard]") {
    TargetFixture fixture;
    Events events([](const Json&) {}, fixture.clock);
    RunContext context{fixture.state, fixture.host, fixture.clock, fixture.random, events};
    TargetRequest request;
    request.target = "/dev/a";
    CHECK(make_target_plan(context, request).confirm_token == "SERIAL-a");
    fixture.host.add("/dev/b", Bytes(512)).identity.serial = "SERIAL-a";
    CHECK(make_target_plan(context, request).confirm_token != "SERIAL-a");
}

TEST_CASE("guard: the plan's digest covers what will be destroyed", "[job][guard]") {
    TargetFixture fixture;
    Events events([](const Json&) {}, fixture.clock);
    RunContext context{fixture.state, fixture.host, fixture.clock, fixture.random, events};
    TargetRequest request;
    request.target = "/dev/a";
    const auto before = plan_digest(make_target_plan(context, request));
    fixture.host.at("/dev/a").contents = {{"a", "ext4", "1", "data", "/srv", false}};
    CHECK(plan_digest(make_target_plan(context, request)) != before);
}

TEST_CASE("guard: a serial number that a USB bridge may have made up is a risk of the plan",
          "[job][guard]") {
    TargetFixture fixture;
    auto& identity = fixture.host.at("/dev/a").identity;
    const bool usb = GENERATE(false, true);
    const bool by_drive = GENERATE(false, true);
    identity.transport = usb ? "usb" : "sata";
    identity.serial_by_drive = by_drive;
    Events events([](const Json&) {}, fixture.clock);
    RunContext context{fixture.state, fixture.host, fixture.clock, fixture.random, events};
    TargetRequest request;
    request.target = "/dev/a";
    const auto plan = make_target_plan(context, request);
    const bool told =
        std::any_of(plan.residual_risks.begin(), plan.residual_risks.end(),
                    [](const Reason& reason) { return reason.code == ReasonCode::bridge_serial; });
    CHECK(told == (usb && !by_drive));
}

TEST_CASE("guard: what has no commands of a drive says which way leads to one", "[job][guard]") {
    struct Row {
        inventory::Kind kind;
        const char* mapper_uuid;
        const char* way;
    };
    const auto row = GENERATE(Row{inventory::Kind::partition, "", "name that drive"},
                              Row{inventory::Kind::device_mapper, "mpath-3600", "multipath -f"},
                              Row{inventory::Kind::md, "", "mdadm --stop"},
                              Row{inventory::Kind::device_mapper, "LVM-x", "close it"});
    TargetFixture fixture;
    auto& disk = fixture.host.at("/dev/a");
    disk.identity.kind = row.kind;
    disk.identity.device_mapper_uuid = row.mapper_uuid;
    for (const auto* name : {"sda", "sdb"}) {
        disk.layers.emplace_back();
        disk.layers.back().name = name;
        disk.layers.back().type = "disk";
    }
    Events events([](const Json&) {}, fixture.clock);
    RunContext context{fixture.state, fixture.host, fixture.clock, fixture.random, events};
    TargetRequest request;
    request.target = "/dev/a";
    request.choice.policy = "scsi-sanitize-block";
    const auto plan = make_target_plan(context, request);
    REQUIRE(plan.objections.size() == 1);
    CHECK(plan.objections.front().reason.code == ReasonCode::no_drive_commands);
    CHECK(plan.objections.front().reason.text.find(row.way) != std::string::npos);
    CHECK(plan.objections.front().reason.text.find("sda, sdb") != std::string::npos);
}

TEST_CASE("guard: a disk of which nothing is shown, or whose zones go in order, says what to do",
          "[job][guard]") {
    TargetFixture fixture;
    auto& disk = fixture.host.at("/dev/a");
    auto expected = ReasonCode::zoned_disk;
    SECTION("host-managed zones") {
        disk.identity.host_managed_zones = true;
    }
    SECTION("no bytes: blocks of 520 bytes") {
        disk.identity.size_bytes = 0;
        expected = ReasonCode::no_capacity;
    }
    CHECK(guard_refusal(fixture) == Refusal{ErrorCode::safety, expected});
    CHECK((fixture.disk().media() == fixture.before));
}
