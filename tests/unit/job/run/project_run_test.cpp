// SPDX-License-Identifier: Apache-2.0
#include "efface/base/file.hpp"

#include "catch.hpp"
#include "fixture/run_fixture.hpp"

using namespace efface;
using namespace efface::job;

namespace {
ErrorCode refusal(RunFixture& fixture) {
    try {
        (void)fixture.run();
    } catch (const Error& error) {
        return error.code();
    }
    return static_cast<ErrorCode>(0);
}
}  // namespace

TEST_CASE("run: a project ends sanitized, with a bundle that verifies", "[job][run]") {
    RunFixture fixture;
    const auto result = fixture.run();
    CHECK(result.verdict == method::Verdict::sanitized);
    CHECK(result.level == method::Level::purge);
    CHECK(result.exit_code() == 0);
    CHECK(result.changed);
    CHECK(result.volumes.size() == 2);
    CHECK_FALSE(fixture.old_metadata_remains("/dev/a", fixture.before_a));
    CHECK_FALSE(fixture.old_metadata_remains("/dev/b", fixture.before_b));
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("run: the payload is left as it was", "[job][run]") {
    RunFixture fixture;
    (void)fixture.run();
    const auto payload = [](const Bytes& image) { return ByteView(image).subspan(2'097'152); };
    const auto after = payload(fixture.host.at("/dev/a").disk->media());
    CHECK(std::equal(after.begin(), after.end(), payload(fixture.before_a).begin()));
}

TEST_CASE("run: running again gives the same certificate and touches nothing", "[job][run]") {
    RunFixture fixture;
    const auto first = fixture.run();
    const auto media = fixture.host.at("/dev/a").disk->media();
    const auto log = fixture.log_text();
    const auto second = fixture.run();
    CHECK_FALSE(second.changed);
    CHECK(second.certificate_sha256 == first.certificate_sha256);
    CHECK(second.exit_code() == 0);
    CHECK(second.done_before);
    CHECK(second.completed_at == first.completed_at);
    CHECK((fixture.host.at("/dev/a").disk->media() == media));
    CHECK(fixture.log_text() == log);
    CHECK(fixture.authorizations == 1);
}

TEST_CASE("run: the intent is in the log before the first byte is written", "[job][run]") {
    RunFixture fixture;
    std::string log_at_first_write;
    fixture.host.at("/dev/a").disk->set_hook([&](const fake::Operation& operation) {
        if (operation.kind == fake::Operation::Kind::write && log_at_first_write.empty()) {
            log_at_first_write = fixture.log_text();
        }
        return fake::Fault{};
    });
    (void)fixture.run();
    CHECK(log_at_first_write.find("\"run-intent\"") != std::string::npos);
    CHECK(log_at_first_write.find("\"run-outcome\"") == std::string::npos);
}

TEST_CASE("run: both headers go before anything else", "[job][run]") {
    RunFixture fixture;
    std::vector<std::uint64_t> offsets;
    fixture.host.at("/dev/a").disk->set_hook([&](const fake::Operation& operation) {
        if (operation.kind != fake::Operation::Kind::read) {
            offsets.push_back(operation.kind == fake::Operation::Kind::flush ? ~std::uint64_t{0}
                                                                             : operation.offset);
        }
        return fake::Fault{};
    });
    (void)fixture.run();
    REQUIRE(offsets.size() > 2);
    CHECK(offsets[0] == 0);
    CHECK(offsets[1] == ~std::uint64_t{0});
}

TEST_CASE("run: an area that still reads as surveyed is found, whatever the read-back saw",
          "[job][run]") {
    constexpr std::uint64_t kFirstKeyArea = 4096;  // fake/luks1_image.hpp
    RunFixture fixture;
    bool written = false;
    fixture.host.at("/dev/a").disk->set_hook([&](const fake::Operation& operation) {
        written = written || operation.kind == fake::Operation::Kind::write;
        // The read-back begins its pieces at multiples of 1 MiB; the first key area is read alone.
        const bool key_area =
            operation.kind == fake::Operation::Kind::read && operation.offset == kFirstKeyArea;
        return written && key_area ? fake::Fault{fake::Fault::Kind::stale, 0, 0} : fake::Fault{};
    });
    const auto result = fixture.run();
    CHECK(result.volumes.at(0).verdict == method::Verdict::not_sanitized);
    REQUIRE(result.volumes.at(0).reasons.size() == 1);
    CHECK(result.volumes.at(0).reasons.front().code == ReasonCode::key_material_left);
    CHECK(result.volumes.at(1).verdict == method::Verdict::sanitized);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("run: a failed volume makes a signed record, and a new attempt tells of it",
          "[job][run]") {
    RunFixture fixture;
    fixture.host.library.load_after_destroy.reset();  // crypt_load still says yes: not gone
    const auto first = fixture.run();
    CHECK(first.verdict == method::Verdict::not_sanitized);
    CHECK(first.level == method::Level::none);
    CHECK(first.exit_code() == 3);
    CHECK(fixture.verified_bundles() == 1);
    fixture.host.library.load_after_destroy = device::LoadAnswer{-22, "", "", {}, "", ""};
    const auto second = fixture.run();
    CHECK(second.verdict == method::Verdict::sanitized);
    CHECK(second.run_id != first.run_id);
    const auto text = read_text_file(second.bundle / "certificate.json", 1U << 20U);
    REQUIRE(text);
    const auto attempts = parse_json(*text, "certificate").at("predicate").at("attempts");
    CHECK(attempts.at("number") == 2);
    CHECK(attempts.at("previous").at(0).at("runId") == first.run_id);
    CHECK(attempts.at("previous").at(0).at("status") == "not-sanitized");
    CHECK(fixture.verified_bundles() == 2);
}

TEST_CASE("run: one volume's failure does not keep the other from its end", "[job][run]") {
    RunFixture fixture;
    fixture.host.at("/dev/a").disk->set_hook([](const fake::Operation& operation) {
        return operation.kind == fake::Operation::Kind::write
                   ? fake::Fault{fake::Fault::Kind::fail, EIO, 0}
                   : fake::Fault{};
    });
    const auto result = fixture.run();
    CHECK(result.verdict == method::Verdict::not_sanitized);
    CHECK(result.volumes.at(0).verdict == method::Verdict::not_sanitized);
    CHECK(result.volumes.at(1).verdict == method::Verdict::sanitized);
    CHECK_FALSE(fixture.old_metadata_remains("/dev/b", fixture.before_b));
    // Whatever becomes of the other later: what was erased before is older than the attempt.
    for (const std::size_t bundles : {2U, 3U}) {
        fixture.clock.advance(std::chrono::hours(1));
        CHECK(fixture.run().exit_code() == 3);
        CHECK(fixture.verified_bundles() == bundles);
    }
    fixture.clock.advance(std::chrono::hours(1));
    fixture.host.at("/dev/a").disk->set_hook({});
    CHECK(fixture.run().exit_code() == 0);
    CHECK(fixture.verified_bundles() == 4);
}

TEST_CASE("run: a volume that is refused when the run comes to it was not written", "[job][run]") {
    RunFixture fixture;
    fixture.on_event = [&](const Json& event) {
        if (event.value("event", "") == "started" &&
            event.dump().find(kUuidB) != std::string::npos) {
            fixture.host.at("/dev/b").uses = {{ReasonCode::mounted, "mounted at /mnt"}};
        }
    };
    const auto result = fixture.run();
    CHECK(result.volumes.at(0).verdict == method::Verdict::sanitized);
    CHECK(result.volumes.at(1).verdict == method::Verdict::not_sanitized);
    REQUIRE(result.volumes.at(1).reasons.size() == 1);
    CHECK(result.volumes.at(1).reasons.front().code == ReasonCode::mounted);
    CHECK(result.volumes.at(1).reasons.front().text.find("refused before anything was written") !=
          std::string::npos);
    CHECK((fixture.host.at("/dev/b").disk->media() == fixture.before_b));
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("run: without attestation keys go, but no level is claimed", "[job][run]") {
    RunFixture fixture;
    const auto at = fixture.manifest_text.find("\"attestation\"");
    fixture.manifest_text.erase(at, fixture.manifest_text.find("\"volumes\"") - at);
    const auto result = fixture.run();
    CHECK(result.verdict == method::Verdict::sanitized);
    CHECK(result.level == method::Level::none);
}

TEST_CASE("run: a level that cannot be reached is refused beforehand", "[job][run]") {
    RunFixture fixture;
    const auto at = fixture.manifest_text.find("\"attestation\"");
    fixture.manifest_text.replace(at, fixture.manifest_text.find("\"volumes\"") - at,
                                  "\"minimum_level\":\"purge\",");
    CHECK(refusal(fixture) == ErrorCode::safety);
    CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
    CHECK(fixture.log_text().empty());
}

TEST_CASE("run: before the agreed date nothing happens", "[job][run]") {
    RunFixture fixture;
    fixture.manifest_text.insert(1, R"("not_before":"2999-01-01T00:00:00Z",)");
    CHECK(refusal(fixture) == ErrorCode::authorisation);
    CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
}

TEST_CASE("run: a plan that changed since it was shown is refused", "[job][run]") {
    RunFixture fixture;
    fixture.plan_digest =
        plan_digest(mandate::parse_manifest(fixture.manifest_text), fixture.plan());
    fixture.host.at("/dev/b").disk->media()[100] ^= 1U;
    CHECK(refusal(fixture) == ErrorCode::safety);
    fixture.host.at("/dev/b").disk->media()[100] ^= 1U;
    CHECK(fixture.run().verdict == method::Verdict::sanitized);
}

TEST_CASE("run: a stop ends at a safe point and the next run finishes", "[job][run]") {
    RunFixture fixture;
    fixture.on_event = [&](const Json& event) {
        if (event.at("event") == "verified") {
            fixture.stop.request_stop();
        }
    };
    CHECK(refusal(fixture) == ErrorCode::interrupted);
    CHECK(fixture.verified_bundles() == 0);
    fixture.on_event = nullptr;
    fixture.stop = std::stop_source();
    const auto result = fixture.run();
    CHECK(result.verdict == method::Verdict::sanitized);
    CHECK(fixture.authorizations == 1);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("run: a credential that does not open the volume stops everything", "[job][run]") {
    RunFixture fixture;
    write_file_durably(fixture.scratch.path() / "pass", std::string_view("secret\n"));
    const auto at = fixture.manifest_text.find("},{\"name\":\"b\"");
    fixture.manifest_text.insert(at, R"(,"credential":{"passphrase_file":")" +
                                         (fixture.scratch.path() / "pass").string() + "\"}");
    fixture.host.library.unlock_answer = {0, -1, ""};
    CHECK(refusal(fixture) == ErrorCode::safety);
    CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
    // printf secret | sha256sum: the line feed is no part of a passphrase.
    CHECK(fixture.host.library.credential_sha256 ==
          "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b");
}

TEST_CASE("run: a certificate that vanished is said, not made anew", "[job][run]") {
    RunFixture fixture;
    const auto result = fixture.run();
    std::filesystem::remove_all(result.bundle);
    CHECK(refusal(fixture) == ErrorCode::evidence);
}

TEST_CASE("run: without keys the next step is named", "[job][run]") {
    RunFixture fixture;
    std::filesystem::remove_all(fixture.state.keys());
    try {
        (void)fixture.run();
        FAIL("it must not run");
    } catch (const Error& error) {
        CHECK_FALSE(error.hint().empty());
    }
}
