// SPDX-License-Identifier: Apache-2.0
#include "efface/base/file.hpp"
#include "efface/job/jobs.hpp"
#include "efface/method/memory.hpp"

#include "catch.hpp"
#include "fixture/target_fixture.hpp"

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

mandate::Order order_for(const std::string& more) {
    return mandate::parse_order(R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",)" +
                                more + R"("targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
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
    fixture.choice.verification = mandate::Verification::none;
    const auto result = fixture.run();
    CHECK(result.verdict == Verdict::indeterminate);
    CHECK(result.level == method::Level::none);
    CHECK(result.exit_code() == 3);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: a representative read-back is certified as one", "[job][target]") {
    TargetFixture fixture;
    fixture.choice.verification = mandate::Verification::representative;
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
    const auto left = fixture.disk().media();
    const auto second = fixture.run();
    CHECK_FALSE(second.changed);
    CHECK(second.done_before);
    CHECK(second.completed_at == first.completed_at);
    CHECK(second.certificate_sha256 == first.certificate_sha256);
    CHECK((fixture.disk().media() == left));
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
    SECTION("a level that overwriting cannot claim") {
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

TEST_CASE("target: a job that ended without success is tried again, as another attempt",
          "[job][target]") {
    TargetFixture fixture;
    fixture.choice.verification = mandate::Verification::none;
    const auto first = fixture.run();
    CHECK(first.exit_code() == 3);
    fixture.disk().media() = fixture.before;
    const auto second = fixture.resume(first.job_id);
    CHECK(second.job_id == first.job_id);
    CHECK(second.run_id != first.run_id);
    CHECK_FALSE(fixture.old_content_remains());
    CHECK(fixture.verified_bundles() == 2);
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
