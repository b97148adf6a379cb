// SPDX-License-Identifier: Apache-2.0
// Earlier attempts come from the log: deleting the state or renaming the target hides none.
#include <filesystem>

#include "efface/base/file.hpp"

#include "catch.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;
using method::Verdict;

namespace {

/// `attempts` of the certificate.
Json attempts_of(const RunResult& result) {
    const auto text = read_text_file(result.bundle / "certificate.json", std::size_t{1} << 20U);
    return parse_json(text.value(), "certificate.json").at("predicate").at("attempts");
}

/// Only the state of jobs: keys, log and certificates stay.
void forget_jobs(TargetFixture& fixture) {
    std::filesystem::remove_all(fixture.state.jobs());
}

void become_file(TargetFixture& fixture, const char* birth_time) {
    auto& identity = fixture.host.at("/dev/a").identity;
    identity.kind = inventory::Kind::file;
    identity.serial.clear();
    identity.wwid.clear();
    identity.transport = "file";
    identity.inode = 7;
    identity.birth_time = birth_time;
}

void become_loop(TargetFixture& fixture, const char* file, std::uint64_t inode,
                 std::uint64_t offset = 0) {
    auto& identity = fixture.host.at("/dev/a").identity;
    identity.kind = inventory::Kind::loop;
    identity.serial.clear();
    identity.wwid.clear();
    identity.transport = "loop";
    identity.backing_file = file;
    identity.backing = {259, 2, inode, "1763111222.000000001", offset};
}

void cut_short(TargetFixture& fixture) {
    fixture.disk().set_hook([&](const fake::Operation& operation) {
        if (operation.kind == fake::Operation::Kind::write) {
            fixture.stop.request_stop();
        }
        return fake::Fault{};
    });
    CHECK_THROWS_AS(fixture.run(), Error);
    fixture.stop = {};
    fixture.disk().set_hook({});
}

}  // namespace

TEST_CASE("an earlier attempt is declared whatever became of the jobs and of the names of a drive",
          "[job][target]") {
    TargetFixture fixture;
    auto& identity = fixture.host.at("/dev/a").identity;
    identity.wwid = "naa.5000c500a1b2c3d4";
    const auto first = fixture.run();
    SECTION("nothing") {}
    SECTION("the jobs are gone") {
        forget_jobs(fixture);
    }
    SECTION("it is behind a bridge") {
        identity.model = "BRIDGE";
        identity.wwid = "t10.BRIDGE";
    }
    SECTION("it has no serial number any more") {
        identity.serial.clear();
    }
    SECTION("both") {
        forget_jobs(fixture);
        identity.wwid.clear();
        identity.model.clear();
    }
    const auto second = fixture.run();
    const auto attempts = attempts_of(second);
    CHECK(attempts.at("number") == 2);
    REQUIRE(attempts.at("previous").size() == 1);
    CHECK(attempts.at("previous")[0].at("runId") == first.run_id);
    CHECK(attempts.at("previous")[0].at("status") == "sanitized");
    CHECK(fixture.verified_bundles() == 2);
}

TEST_CASE("another drive, or another file of that name, has no earlier attempt", "[job][target]") {
    TargetFixture fixture;
    auto& identity = fixture.host.at("/dev/a").identity;
    SECTION("another serial number") {
        (void)fixture.run();
        identity.serial = "SERIAL-other";
    }
    SECTION("another namespace") {
        identity.wwid = "eui.01";
        (void)fixture.run();
        identity.wwid = "eui.02";
    }
    SECTION("a file that was made since") {
        become_file(fixture, "1763111222.000000001");
        (void)fixture.run();
        become_file(fixture, "1763111222.000000002");
    }
    CHECK(attempts_of(fixture.run()).at("number") == 1);
    CHECK(fixture.verified_bundles() == 2);
}

TEST_CASE("a file that was renamed keeps its attempts", "[job][target]") {
    TargetFixture fixture;
    become_file(fixture, "1763111222.000000001");
    (void)fixture.run();
    fixture.host.rename("/dev/a", "/dev/b");
    fixture.target = "/dev/b";
    CHECK(attempts_of(fixture.run()).at("number") == 2);
    CHECK(fixture.verified_bundles() == 2);
}

TEST_CASE("a loop device keeps the attempts of the file below it", "[job][target]") {
    TargetFixture fixture;
    std::uint64_t number = 2;
    become_loop(fixture, "/srv/a.img", 7);
    (void)fixture.run();
    SECTION("as it was") {}
    SECTION("the file was renamed") {
        become_loop(fixture, "/srv/b.img", 7);
    }
    SECTION("another file has its name now") {
        become_loop(fixture, "/srv/a.img", 8);
        number = 1;
    }
    SECTION("it begins within the file") {
        become_loop(fixture, "/srv/a.img", 7, 4096);
        number = 1;
    }
    CHECK(attempts_of(fixture.run()).at("number") == number);
    CHECK(fixture.verified_bundles() == 2);
}

TEST_CASE("an open job of a target under another name is closed as lost", "[job][target]") {
    TargetFixture fixture;
    become_loop(fixture, "/srv/a.img", 7);
    cut_short(fixture);
    become_loop(fixture, "/srv/b.img", 7);
    const auto attempts = attempts_of(fixture.run());
    CHECK(attempts.at("number") == 2);
    CHECK(attempts.at("previous")[0].at("status") == "lost");
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("a run that was cut short and whose journal is gone is closed as lost, and declared",
          "[job][target]") {
    TargetFixture fixture;
    const bool ordered = GENERATE(false, true);
    if (ordered) {  // its job has the same number again
        fixture.order =
            mandate::parse_order(R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",)"
                                 R"("targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
    }
    cut_short(fixture);
    forget_jobs(fixture);
    const auto result = fixture.run();
    CHECK(result.verdict == Verdict::sanitized);
    const auto attempts = attempts_of(result);
    CHECK(attempts.at("number") == 2);
    REQUIRE(attempts.at("previous").size() == 1);
    CHECK(attempts.at("previous")[0].at("status") == "lost");
    CHECK(fixture.log_entries("lost") == 1);
    const auto audit = evidence::audit_log(fixture.state.log(), fixture.keys().log_verifier_key());
    CHECK(audit.problems.empty());
    CHECK(audit.open_intents.empty());
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("a failed order is tried again, but not what another job has erased since",
          "[job][target]") {
    const bool typed = GENERATE(false, true);
    const bool erased_since = GENERATE(false, true);
    CAPTURE(typed, erased_since);
    TargetFixture fixture;
    const auto order = [](const std::string& id) {
        return mandate::parse_order(
            R"({"schema":"efface.order/1","id":")" + id +
            R"(","owner":"Tenant","targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
    };
    const auto failing = [](const fake::Operation& operation) {
        return operation.kind == fake::Operation::Kind::flush
                   ? fake::Fault{.kind = fake::Fault::Kind::fail, .error = EIO}
                   : fake::Fault{};
    };
    fixture.order = order("first");
    fixture.disk().set_hook(failing);
    REQUIRE(fixture.run().verdict == Verdict::not_sanitized);
    fixture.disk().set_hook(erased_since ? fake::MemoryDisk::Hook()
                                         : fake::MemoryDisk::Hook(failing));
    fixture.order = typed ? std::nullopt : std::optional(order("second"));
    REQUIRE(fixture.run().exit_code() == (erased_since ? 0 : 3));

    fixture.disk().set_hook({});
    fixture.order = order("first");
    const auto media = fixture.disk().media();
    const auto objections = fixture.plan().objections;
    if (!erased_since) {
        CHECK(objections.empty());
        CHECK(fixture.run().exit_code() == 0);
        return;
    }
    REQUIRE(objections.size() == 1);
    CHECK(objections.front().reason.code == ReasonCode::job_ended);
    CHECK_THROWS_AS(fixture.run(), Error);
    CHECK(fixture.ended.error->reason() == ReasonCode::job_ended);
    CHECK(fixture.ended.exit_code() == 2);
    CHECK((fixture.disk().media() == media));
}
