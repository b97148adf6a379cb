// SPDX-License-Identifier: Apache-2.0
// Disks that fail or lie at the n-th operation. Whenever the record says sanitized, no original
// block of the metadata remains.
#include <cerrno>

#include "catch.hpp"
#include "fixture/run_fixture.hpp"
#include "sample.hpp"

using namespace efface;
using namespace efface::job;

namespace {

using Kind = fake::Fault::Kind;

constexpr unsigned kTurns = 12;  // one operation in so many a day

/// Runs with one fault at the n-th operation of disk a, for every n until none is met: with each of
/// the four faults in its turn, which number `turn` has.
void for_every_operation(const fake::Fault& fault, unsigned turn) {
    bool met = true;
    for (std::uint64_t n = 1; met; ++n) {
        REQUIRE(n < 2000);
        if (!test::has_its_turn(n + turn, kTurns)) {
            continue;
        }
        RunFixture fixture;
        met = false;
        fixture.host.at("/dev/a").disk->set_hook([&](const fake::Operation& operation) {
            if (operation.ordinal == n) {
                met = true;
                return fault;
            }
            return fake::Fault{};
        });
        CAPTURE(n, static_cast<int>(fault.kind));
        try {
            const auto result = fixture.run();
            if (result.volumes.at(0).verdict == method::Verdict::sanitized) {
                CHECK_FALSE(fixture.old_metadata_remains("/dev/a", fixture.before_a));
            } else {
                CHECK_FALSE(result.volumes.at(0).reasons.empty());
                CHECK(result.exit_code() == 3);
            }
            CHECK(fixture.verified_bundles() == 1);
        } catch (const Error& error) {  // the survey could not read: refused, nothing changed
            CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
        }
    }
}

}  // namespace

TEST_CASE("lying disk: EIO at the n-th operation", "[job][lies]") {
    for_every_operation({Kind::fail, EIO, 0}, 0);
}

TEST_CASE("lying disk: the n-th transfer is short", "[job][lies]") {
    for_every_operation({Kind::shorten, 0, 512}, kTurns / 4);
}

TEST_CASE("lying disk: the n-th transfer breaks in the middle", "[job][lies]") {
    for_every_operation({Kind::partial, EIO, 4096}, kTurns / 2);
}

TEST_CASE("lying disk: one bit is turned in the n-th transfer", "[job][lies]") {
    for_every_operation({Kind::corrupt, 0, 0}, 3 * kTurns / 4);
}

TEST_CASE("lying disk: a write that is acknowledged and dropped is never sanitized",
          "[job][lies]") {
    bool met = true;
    for (std::uint64_t n = 1; met; ++n) {
        RunFixture fixture;
        met = false;
        std::uint64_t writes = 0;
        fixture.host.at("/dev/a").disk->set_hook([&](const fake::Operation& operation) {
            if (operation.kind == fake::Operation::Kind::write && ++writes == n) {
                met = true;
                return fake::Fault{Kind::drop, 0, 0};
            }
            return fake::Fault{};
        });
        const auto result = fixture.run();
        CAPTURE(n);
        CHECK((result.volumes.at(0).verdict == method::Verdict::sanitized) == !met);
    }
}

TEST_CASE("lying disk: a failed flush is a failed erase", "[job][lies]") {
    RunFixture fixture;
    fixture.host.at("/dev/a").disk->set_hook([](const fake::Operation& operation) {
        return operation.kind == fake::Operation::Kind::flush ? fake::Fault{Kind::fail, EIO, 0}
                                                              : fake::Fault{};
    });
    const auto result = fixture.run();
    CHECK(result.volumes.at(0).verdict == method::Verdict::not_sanitized);
    CHECK(result.volumes.at(0).reasons.at(0).code == ReasonCode::flush_failed);
}

TEST_CASE("lying disk: unreadable after the write is indeterminate, not sanitized", "[job][lies]") {
    RunFixture fixture;
    bool written = false;
    fixture.host.at("/dev/a").disk->set_hook([&](const fake::Operation& operation) {
        written = written || operation.kind == fake::Operation::Kind::flush;
        return written && operation.kind == fake::Operation::Kind::read && operation.offset >= 8192
                   ? fake::Fault{Kind::fail, EIO, 0}
                   : fake::Fault{};
    });
    const auto result = fixture.run();
    CHECK(result.volumes.at(0).verdict == method::Verdict::indeterminate);
    CHECK(result.exit_code() == 3);
}

TEST_CASE("lying disk: an active mapping after the erase is not sanitized", "[job][lies]") {
    RunFixture fixture;
    fixture.host.at("/dev/a").disk->set_hook([&](const fake::Operation& operation) {
        if (operation.kind == fake::Operation::Kind::write) {
            fixture.host.mappings = {"dm-3 (luks-a)"};
        }
        return fake::Fault{};
    });
    const auto result = fixture.run();
    CHECK(result.volumes.at(0).verdict == method::Verdict::not_sanitized);
    REQUIRE_FALSE(result.volumes.at(0).reasons.empty());
    CHECK(result.volumes.at(0).reasons.front().code == ReasonCode::active_mapping);
}

TEST_CASE("lying disk: libblkid still seeing LUKS is not sanitized", "[job][lies]") {
    RunFixture fixture;
    fixture.host.signature = {"crypto_LUKS", kUuidA, "", "crypto", false, 0};
    CHECK(fixture.run().verdict == method::Verdict::not_sanitized);
}

TEST_CASE("lying disk: a libcryptsetup that destroys nothing does not matter", "[job][lies]") {
    RunFixture fixture;
    fixture.host.library.destroy_answer = {-22, {}, {}, ""};
    CHECK(fixture.run().verdict == method::Verdict::sanitized);
    CHECK_FALSE(fixture.old_metadata_remains("/dev/a", fixture.before_a));
}
