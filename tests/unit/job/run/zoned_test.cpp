// SPDX-License-Identifier: Apache-2.0
// Host-managed zoned disks, which are overwritten zone by zone.
#include "catch.hpp"
#include "fake/disk/zoned_disk.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;
using method::Verdict;

namespace {

constexpr std::uint64_t kZone = std::uint64_t{256} << 10U;

struct Zoned {
    explicit Zoned(std::size_t conventional = 2)
        : disk(TargetFixture::kDiskBytes, kZone, conventional) {
        disk.medium = fixture.before;
        auto& there = fixture.host.at(fixture.target);
        there.medium = &disk;
        there.zones = &disk;
        there.identity.host_managed_zones = true;
    }
    [[nodiscard]] bool old_remains() const {
        for (std::size_t at = 0; at + 512 <= disk.medium.size(); at += 512) {
            const auto now = ByteView(disk.medium).subspan(at, 512);
            const auto then = ByteView(fixture.before).subspan(at, 512);
            if (std::equal(now.begin(), now.end(), then.begin())) {
                return true;
            }
        }
        return false;
    }
    TargetFixture fixture;
    fake::ZonedDisk disk;
};

}  // namespace

TEST_CASE("a host-managed zoned disk is overwritten in order, by each kind of pattern", "[job]") {
    for (const char* policy : {"overwrite-random", "overwrite-zero", "dod-5220.22-m"}) {
        for (const std::size_t conventional : {0U, 2U}) {
            Zoned zoned(conventional);
            zoned.fixture.choice.policy = policy;
            INFO(policy);
            const auto result = zoned.fixture.run();
            INFO(to_json(result.reasons).dump() << to_json(result.exceptions).dump());
            CHECK(result.verdict == Verdict::sanitized);
            CHECK(result.level == method::Level::clear);
            CHECK_FALSE(zoned.old_remains());
            CHECK(zoned.disk.refused == 0);
            CHECK(zoned.fixture.verified_bundles() == 1);
        }
    }
}

TEST_CASE("a job that was stopped inside a zone writes its pass again", "[job]") {
    Zoned zoned;
    zoned.fixture.choice.policy = "overwrite-random";
    const unsigned stop_at = 5;
    zoned.fixture.on_event = [&](const Json& /*event*/) {
        if (zoned.disk.writes >= stop_at) {
            zoned.fixture.stop.request_stop();
        }
    };
    std::optional<RunResult> result;
    for (unsigned i = 0; i < 4 && !result; ++i) {
        try {
            result = zoned.fixture.run();
        } catch (const Error& error) {
            REQUIRE(error.code() == ErrorCode::interrupted);
            zoned.fixture.on_event = {};
            zoned.fixture.stop = std::stop_source();
        }
    }
    REQUIRE(result);
    CHECK(result->verdict == Verdict::sanitized);
    CHECK_FALSE(zoned.old_remains());
    CHECK(zoned.disk.refused == 0);
}

TEST_CASE("a block that takes no write fails its zone from there on, and is never sanitized whole",
          "[job]") {
    Zoned zoned;
    zoned.disk.bad_from = 3 * kZone + 4096;
    zoned.fixture.choice.policy = "overwrite-random";
    const auto result = zoned.fixture.run();
    CHECK(result.verdict != Verdict::sanitized);
    CHECK(zoned.fixture.verified_bundles() == 1);
}

TEST_CASE("zones that the kernel does not report are a refusal of their own", "[job]") {
    Zoned zoned;
    zoned.fixture.host.at(zoned.fixture.target).zones = nullptr;
    try {
        (void)zoned.fixture.run();
        FAIL("it was overwritten");
    } catch (const Error& error) {
        CHECK(error.reason() == ReasonCode::zoned_disk);
    }
    CHECK(zoned.old_remains());
}
