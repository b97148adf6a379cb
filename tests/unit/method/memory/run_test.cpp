// SPDX-License-Identifier: Apache-2.0
// The verdict of a run on memory: only what was told as good is good.
#include "memory/run.hpp"

#include "catch.hpp"
#include "fake/disk/memory_disk.hpp"
#include "support.hpp"

using namespace efface;
using method::ControlResult;
using method::MemoryRun;
using method::Verdict;

namespace {

struct Fixture {
    Fixture() : key(32, 0x11), run("technique", key, clock, sink, {}) {}

    /// A run whose whole target was written and compared.
    void make_good() {
        run.begin_pass(8192);
        run.pass.bytes_written = 8192;
        run.end_pass();
        run.verification.method = "full-read-back";
        run.verification.performed = true;
        run.verification.bytes_planned = 8192;
        run.verification.bytes_compared = 8192;
        run.complete();
    }
    Verdict verdict() { return run.finish({}, Json::object()).verdict; }

    fake::FixedClock clock;
    test::Watcher sink;
    Bytes key;
    MemoryRun run;
};

}  // namespace

TEST_CASE("a run of which nothing was told is not sanitized") {
    Fixture fixture;
    CHECK(fixture.verdict() == Verdict::not_sanitized);
}

TEST_CASE("a run that was written and compared to its end is sanitized") {
    Fixture fixture;
    fixture.make_good();
    CHECK(fixture.verdict() == Verdict::sanitized);
}

TEST_CASE("each fact that is not good lowers the verdict of an otherwise good run") {
    Fixture fixture;
    fixture.make_good();
    SECTION("fewer bytes written than planned") {
        fixture.run.pass.bytes_written = 8191;
        CHECK(fixture.verdict() == Verdict::not_sanitized);
    }
    SECTION("a write fault") {
        fixture.run.pass.write_faults.add("", 0, 512, EIO);
        CHECK(fixture.verdict() == Verdict::not_sanitized);
    }
    SECTION("a failed flush") {
        fixture.run.pass.flush_error = EIO;
        const auto outcome = fixture.run.finish({}, Json::object());
        CHECK(outcome.verdict == Verdict::not_sanitized);
        CHECK(test::has(outcome.reasons, ReasonCode::flush_failed));
    }
    SECTION("a mismatch") {
        fixture.run.verification.mismatches = 1;
        CHECK(fixture.verdict() == Verdict::not_sanitized);
    }
    SECTION("fewer bytes compared than planned") {
        fixture.run.verification.bytes_compared = 4096;
        CHECK(fixture.verdict() == Verdict::not_sanitized);
    }
    SECTION("no verification") {
        fixture.run.verification.performed = false;
        CHECK(fixture.verdict() == Verdict::not_sanitized);
    }
    SECTION("a read fault") {
        fixture.run.verification.read_faults.add("", 0, 4096, EIO);
        fixture.run.verification.bytes_compared = 4096;
        CHECK(fixture.verdict() == Verdict::indeterminate);
    }
    SECTION("a negative control that fails") {
        fixture.run.control("empty", ControlResult::fail, "2 entries left");
        CHECK(fixture.verdict() == Verdict::not_sanitized);
    }
    SECTION("a negative control without an answer") {
        fixture.run.control("empty", ControlResult::unknown, "unreadable");
        CHECK(fixture.verdict() == Verdict::indeterminate);
    }
    SECTION("an area that was not reached") {
        const Reason swap{ReasonCode::swap_in_use, "swap"};
        fixture.run.except(swap);
        const auto outcome = fixture.run.finish({}, Json::object());
        CHECK(outcome.verdict == Verdict::sanitized_with_exceptions);
        CHECK(outcome.exceptions == std::vector<Reason>{swap});
    }
    SECTION("a failure beside an exception") {
        fixture.run.except({ReasonCode::swap_in_use, "swap"});
        fixture.run.fail({ReasonCode::busy, "no"});
        CHECK(fixture.verdict() == Verdict::not_sanitized);
    }
}

TEST_CASE("a run that did not reach its end is not sanitized whatever was compared") {
    fake::FixedClock clock;
    test::Watcher sink;
    const Bytes key(32, 0x11);
    MemoryRun run("technique", key, clock, sink, {});
    run.verification.performed = true;
    CHECK(run.finish({}, {}).verdict == Verdict::not_sanitized);
}

namespace {

/// A disk of 300 KiB with original content, overwritten and checked under a fault.
method::Outcome overwrite(fake::MemoryDisk& disk) {
    fake::FixedClock clock;
    test::Watcher sink;
    const Bytes key(32, 0x11);
    MemoryRun run("technique", key, clock, sink, {});
    overwrite_and_check(disk, run);
    return run.finish({}, Json::object());
}
Bytes original() {
    return Bytes(300U << 10U, 0xa5);
}
/// A whole sector of the original is left.
bool original_left(const Bytes& media) {
    for (std::size_t at = 0; at + 512 <= media.size(); at += 512) {
        if (std::all_of(media.begin() + static_cast<std::ptrdiff_t>(at),
                        media.begin() + static_cast<std::ptrdiff_t>(at + 512),
                        [](std::uint8_t byte) { return byte == 0xa5; })) {
            return true;
        }
    }
    return false;
}

}  // namespace

TEST_CASE(
    "whatever operation a block of memory fails or lies about, original bytes left are told") {
    using Kind = fake::Fault::Kind;
    bool clean_run = false;
    constexpr std::uint64_t kOperationsMax = 64;
    for (std::uint64_t n = 1; n < kOperationsMax && !clean_run; ++n) {
        clean_run = true;
        for (const auto kind : {Kind::fail, Kind::drop, Kind::shorten, Kind::partial}) {
            fake::MemoryDisk disk(original());
            bool hit = false;
            disk.set_hook([&](const fake::Operation& operation) -> fake::Fault {
                if (operation.ordinal != n) {
                    return {};
                }
                hit = true;
                // A flush that is acknowledged and not carried out shows only when the power goes.
                const bool lies = kind == Kind::drop || kind == Kind::shorten;
                if (operation.kind == fake::Operation::Kind::flush && lies) {
                    return {};
                }
                return {kind, EIO, 512};
            });
            const auto outcome = overwrite(disk);
            clean_run = clean_run && !hit;
            INFO("operation " << n << ", fault " << static_cast<int>(kind));
            if (outcome.verdict == Verdict::sanitized) {
                CHECK_FALSE(original_left(disk.media()));
                CHECK_FALSE(original_left(disk.durable()));
            }
        }
    }
    CHECK(clean_run);  // every operation was hit
}

TEST_CASE("sizes are written in the largest unit that divides them") {
    CHECK(method::size_text(0) == "0B");
    CHECK(method::size_text(4097) == "4097B");
    CHECK(method::size_text(536870912) == "512MiB");
    CHECK(method::size_text(1099511627776) == "1TiB");
    CHECK(method::size_text(3221225472) == "3GiB");
}
