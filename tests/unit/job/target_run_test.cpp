// SPDX-License-Identifier: Apache-2.0
#include "efface/base/file.hpp"
#include "efface/job/jobs.hpp"
#include "efface/method/memory_method.hpp"

#include "catch.hpp"
#include "target_fixture.hpp"

using namespace efface;
using namespace efface::job;
using method::Verdict;

namespace {

ReasonCode reason_of(const std::function<RunResult()>& run) {
    try {
        (void)run();
    } catch (const Error& error) {
        return error.reason();
    }
    FAIL_CHECK("it was not refused");
    return ReasonCode::internal;
}

ReasonCode refusal(TargetFixture& fixture) {
    return reason_of([&] { return fixture.run(); });
}

Order order_for(const std::string& more) {
    return parse_order(R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",)" + more +
                       R"("targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
}

}  // namespace

TEST_CASE("target: a disk is overwritten to its last byte and certified", "[job][target]") {
    TargetFixture fixture;
    const auto result = fixture.run();
    CHECK(result.verdict == Verdict::sanitized);
    CHECK(result.level == method::Level::clear);
    CHECK_FALSE(fixture.old_content_remains());
    CHECK(fixture.disk().media() == fixture.disk().durable());
    CHECK(fixture.verified_bundles() == 1);
    CHECK(fixture.log_entries("run-intent") == 1);
    CHECK(fixture.log_entries("run-outcome") == 1);
    const auto jobs = list_jobs(fixture.state);
    REQUIRE(jobs.size() == 1);
    CHECK(jobs.front().verdict == "sanitized");
    CHECK_FALSE(jobs.front().running);
}

TEST_CASE("target: every policy of passes ends with its own pattern", "[job][target]") {
    TargetFixture fixture;
    const auto* name =
        GENERATE("overwrite-zero", "overwrite-pattern", "dod-5220.22-m", "bsi-vsitr");
    fixture.choice.policy = name;
    if (fixture.choice.policy == "overwrite-pattern") {
        fixture.choice.pattern = {0xde, 0xad, 0x01};
    }
    CAPTURE(name);
    CHECK(fixture.run().verdict == Verdict::sanitized);
    CHECK(fixture.verified_bundles() == 1);
    const auto& media = fixture.disk().media();
    if (fixture.choice.policy == "overwrite-zero") {
        CHECK(all_zero(media));
    } else if (fixture.choice.policy == "overwrite-pattern") {
        CHECK(media[3 * 1000 + 1] == 0xad);
        CHECK(media.back() == fixture.choice.pattern[(media.size() - 1) % 3]);
    } else if (fixture.choice.policy == "bsi-vsitr") {
        CHECK(media.front() == 0xaa);
    }
    CHECK_FALSE(fixture.old_content_remains());
}

TEST_CASE("target: what was not read back is never sanitized", "[job][target]") {
    TargetFixture fixture;
    fixture.choice.verification = policy::Verification::none;
    const auto result = fixture.run();
    CHECK(result.verdict == Verdict::indeterminate);
    CHECK(result.level == method::Level::none);
    CHECK(result.exit_code() == 3);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: a representative read-back is certified as one", "[job][target]") {
    TargetFixture fixture;
    fixture.choice.verification = policy::Verification::representative;
    CHECK(fixture.run().verdict == Verdict::sanitized);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: what is in use is refused and not written to", "[job][target]") {
    TargetFixture fixture;
    fixture.host.at("/dev/a").uses = {{ReasonCode::mounted, "at /srv"}};
    CHECK(refusal(fixture) == ReasonCode::mounted);
    CHECK((fixture.disk().media() == fixture.before));
    CHECK(fixture.authorizations == 0);
    CHECK(fixture.log_entries("run-intent") == 0);
}

TEST_CASE("target: an order is carried out once and then answered from its certificate",
          "[job][target]") {
    TargetFixture fixture;
    fixture.order = order_for("");
    const auto first = fixture.run();
    CHECK(first.verdict == Verdict::sanitized);
    CHECK(first.changed);
    fixture.disk().media() = fixture.before;  // given to somebody else since
    const auto second = fixture.run();
    CHECK_FALSE(second.changed);
    CHECK(second.certificate_sha256 == first.certificate_sha256);
    CHECK((fixture.disk().media() == fixture.before));
    CHECK(fixture.authorizations == 1);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: a typed erasure is done anew each time, and tells of those before",
          "[job][target]") {
    TargetFixture fixture;
    const auto first = fixture.run();
    fixture.disk().media() = fixture.before;
    const auto second = fixture.run();
    CHECK(second.changed);
    CHECK(second.job_id != first.job_id);
    CHECK_FALSE(fixture.old_content_remains());
    CHECK(fixture.verified_bundles() == 2);
    const auto text = read_text_file(second.bundle / "certificate.json", 1U << 20U).value_or("");
    CHECK(parse_json(text, "certificate").at("predicate").at("attempts").at("number") == 2);
}

TEST_CASE("target: an order that does not fit is refused", "[job][target]") {
    TargetFixture fixture;
    auto expected = ReasonCode::other_identity;
    SECTION("another serial number") {
        fixture.order = order_for("");
        fixture.order->targets.front().serial = "SERIAL-b";
    }
    SECTION("another size") {
        fixture.order = order_for("");
        fixture.order->targets.front().size_bytes = 512;
    }
    SECTION("a level that overwriting can not claim") {
        fixture.order = order_for(R"("minimum_level":"purge",)");
        expected = ReasonCode::no_drive_commands;
    }
    SECTION("not yet in force") {
        fixture.order = order_for(R"("not_before":"2999-01-01T00:00:00Z",)");
        expected = ReasonCode::not_yet_in_force;
    }
    SECTION("a target that does not stand in it") {
        fixture.order = order_for("");
        fixture.order->targets.front().name = "/dev/b";
        expected = ReasonCode::not_in_order;
    }
    CHECK(refusal(fixture) == expected);
    CHECK((fixture.disk().media() == fixture.before));
}

TEST_CASE("an order names a technique of the drive, or leaves it to the level", "[job][target]") {
    CHECK(order_for("").choice.policy == policy::kOverwritePolicyDefault);
    CHECK(order_for(R"("minimum_level":"clear",)").choice.policy ==
          policy::kOverwritePolicyDefault);
    const auto by_level = order_for(R"("minimum_level":"purge",)").choice;
    CHECK(by_level.policy == kPolicyAuto);
    CHECK(by_level.level == method::Level::purge);
    const auto named = order_for(
        R"("policy":"tcg-psid-revert","credential_file":"/run/psid","fallbacks":["overwrite-zero"],)");
    CHECK(named.choice.policy == "tcg-psid-revert");
    CHECK(named.choice.credential_file == "/run/psid");
    CHECK(named.choice.fallbacks == std::vector<std::string>{"overwrite-zero"});
    CHECK(to_json(choice_from_json(to_json(named.choice))) == to_json(named.choice));
    for (const char* wrong :
         {R"("policy":"nvme-sanitize",)", R"("policy":"nvme-sanitize-block","fallbacks":["x"],)",
          R"("policy":"nvme-sanitize-block","pattern":"a5",)",
          R"("policy":"nvme-sanitize-block","verification":"representative",)",
          R"("policy":"tcg-psid-revert","credential_file":"psid",)",
          R"("policy":"overwrite-zero","fallbacks":["nvme-sanitize-block"],)",
          R"("policy":"nvme-sanitize-block","fallbacks":["overwrite-pattern"],)",
          R"("policy":"auto",)"}) {
        INFO(wrong);
        CHECK_THROWS_AS(order_for(wrong), Error);
    }
}

TEST_CASE("target: a stop ends at a safe point, and resuming finishes", "[job][target]") {
    TargetFixture fixture;
    unsigned writes = 0;
    fixture.disk().set_hook([&](const fake::Operation& operation) {
        if (operation.kind == fake::Operation::Kind::write && ++writes == 2) {
            fixture.stop.request_stop();
        }
        return fake::Fault{};
    });
    CHECK(refusal(fixture) == ReasonCode::interrupted);
    CHECK(fixture.verified_bundles() == 0);
    const auto job = fixture.open_job();
    REQUIRE_FALSE(job.empty());
    fixture.stop = {};
    fixture.disk().set_hook({});
    const auto result = fixture.resume(job);
    CHECK(result.verdict == Verdict::sanitized);
    CHECK_FALSE(fixture.old_content_remains());
    CHECK(fixture.verified_bundles() == 1);
    CHECK(fixture.authorizations == 1);
}

TEST_CASE("target: a job that has ended is not resumed", "[job][target]") {
    TargetFixture fixture;
    fixture.choice.verification = policy::Verification::none;
    const auto result = fixture.run();
    fixture.disk().media() = fixture.before;
    CHECK(reason_of([&] { return fixture.resume(result.job_id); }) == ReasonCode::job_ended);
    CHECK((fixture.disk().media() == fixture.before));
}

TEST_CASE("target: an interrupted job that another one replaces is closed as lost",
          "[job][target]") {
    TargetFixture fixture;
    fixture.disk().set_hook([&](const fake::Operation& operation) {
        if (operation.kind == fake::Operation::Kind::write) {
            fixture.stop.request_stop();
        }
        return fake::Fault{};
    });
    CHECK(refusal(fixture) == ReasonCode::interrupted);
    fixture.stop = {};
    fixture.disk().set_hook({});
    fixture.choice.policy = "overwrite-zero";
    const auto result = fixture.run();
    CHECK(result.verdict == Verdict::sanitized);
    CHECK(fixture.log_entries("run-intent") == 2);
    CHECK(fixture.log_entries("lost") == 1);
    CHECK(fixture.open_job().empty());
    const auto audit = evidence::audit_log(fixture.state.log(), fixture.keys().log_verifier_key());
    CHECK(audit.problems.empty());
    CHECK(audit.open_intents.empty());
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: an order that says sweep has free memory as its last target", "[job][order]") {
    const auto parse = [](const std::string& targets, const std::string& sweep) {
        return parse_order(R"({"schema":"efface.order/1","id":"s-1","owner":"Tenant",)" + sweep +
                           R"("targets":[)" + targets + "]}");
    };
    const std::string tmpfs = R"({"target":"memory:tmpfs:/mnt/a","size_bytes":4096})";
    const std::string disk = R"({"target":"/dev/a","serial":"SERIAL-a"})";
    const std::string free = R"({"target":"memory:free"})";
    const std::string yes = R"("sweep":true,)";
    CHECK(parse(tmpfs, "").targets.size() == 1);
    CHECK(parse(tmpfs, R"("sweep":false,)").targets.size() == 1);
    CHECK(parse(tmpfs, yes).targets.back().name == method::kFreeMemoryTarget);
    CHECK(parse(tmpfs, yes).targets.size() == 2);
    CHECK(parse(free, "").targets.size() == 1);  // told apart by its name alone
    CHECK(parse(free + "," + tmpfs, yes).targets.size() == 2);
    CHECK(parse(disk + "," + tmpfs, yes).targets.back().name == method::kFreeMemoryTarget);
    CHECK_THROWS_AS(parse(disk, yes), Error);
    CHECK_THROWS_AS(parse(tmpfs, R"("sweep":"yes",)"), Error);
    CHECK_THROWS_AS(parse(R"({"target":"memory:sysv:3"})", ""), Error);
}
