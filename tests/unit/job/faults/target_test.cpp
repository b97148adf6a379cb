// SPDX-License-Identifier: Apache-2.0
// Disks that fail, lie, vanish or are cut from power: whenever a record says sanitized, no block of
// the old content remains.
#include <algorithm>
#include <array>

#include "efface/base/file.hpp"

#include "catch.hpp"
#include "fixture/killed.hpp"
#include "fixture/target_fixture.hpp"
#include "sample.hpp"

using namespace efface;
using namespace efface::job;
using fake::Fault;
using fake::Operation;
using method::Verdict;

namespace {

constexpr std::uint64_t kBadOffset = 1'536'000;  // of one 512-byte sector

Fault bad_sector(const Operation& operation, Operation::Kind kind) {
    const bool hit = operation.kind == kind && operation.offset <= kBadOffset &&
                     operation.offset + operation.length > kBadOffset;
    return hit ? Fault{Fault::Kind::fail, EIO, 0} : Fault{};
}

Json certificate_of(const RunResult& result) {
    const auto text = read_text_file(result.bundle / "certificate.json", 1U << 20U).value_or("");
    return parse_json(text, "certificate").at("predicate");
}

}  // namespace

TEST_CASE("target: killed at the n-th operation, for every n, and resumed", "[job][crash]") {
    const bool power_lost = GENERATE(false, true);
    // One in so many a day, with a loss of power and without in turn.
    constexpr unsigned kTurns = 4;
    bool ended = false;
    for (std::uint64_t n = 1; !ended; ++n) {
        REQUIRE(n < 200);
        if (!test::has_its_turn(n + (power_lost ? kTurns / 2 : 0), kTurns)) {
            continue;
        }
        TargetFixture fixture;
        std::uint64_t count = 0;
        fixture.disk().set_hook([&](const Operation&) {
            if (++count == n) {
                throw Killed();
            }
            return Fault{};
        });
        std::string job;
        try {
            (void)fixture.run();
            ended = true;
        } catch (const Killed&) {
            CHECK(fixture.verified_bundles() == 0);
            job = fixture.open_job();  // none: it ended before anything was decided
        }
        CAPTURE(n, power_lost);
        fixture.disk().set_hook({});
        if (power_lost) {
            fixture.host.cut_power();
        }
        if (!ended) {
            fixture.host.at("/dev/a").opened_exclusively = false;
            CHECK((job.empty() ? fixture.run() : fixture.resume(job)).verdict ==
                  Verdict::sanitized);
        }
        CHECK_FALSE(fixture.old_content_remains());
        CHECK(fixture.verified_bundles() == 1);
        CHECK(fixture.log_entries("run-intent") == 1);
        CHECK(fixture.log_entries("run-outcome") == 1);
    }
}

TEST_CASE("target: killed at the n-th event, for every n, and resumed", "[job][crash]") {
    bool ended = false;
    for (std::size_t n = 1; !ended; ++n) {
        REQUIRE(n < 100);
        TargetFixture fixture;
        std::size_t count = 0;
        fixture.on_event = [&](const Json& /*event*/) {
            if (++count == n) {
                throw Killed();
            }
        };
        try {
            (void)fixture.run();
            ended = true;
        } catch (const Killed&) {
        }
        fixture.on_event = nullptr;
        CAPTURE(n);
        const auto job = fixture.open_job();
        if (!job.empty()) {
            CHECK(fixture.resume(job).verdict == Verdict::sanitized);
        } else if (!ended && fixture.verified_bundles() == 0) {
            CHECK(fixture.run().verdict == Verdict::sanitized);
        }
        CHECK_FALSE(fixture.old_content_remains());
        CHECK(fixture.verified_bundles() == 1);
    }
}

TEST_CASE("target: the n-th operation goes wrong, for every n and kind", "[job][fault]") {
    // Each operation goes wrong in one of these ways, tomorrow in the next.
    static constexpr std::array kKinds = {Fault::Kind::fail, Fault::Kind::drop,
                                          Fault::Kind::shorten, Fault::Kind::partial,
                                          Fault::Kind::corrupt};
    const auto turn = GENERATE(range(std::size_t{0}, kKinds.size()));
    const auto kind = kKinds.at(turn);
    bool reached = true;
    for (std::uint64_t n = 1; reached; ++n) {
        REQUIRE(n < 200);
        if (!test::has_its_turn(n + turn, kKinds.size())) {
            continue;
        }
        TargetFixture fixture;
        reached = false;
        bool flush_lied = false;  // nothing shows that before the power goes
        fixture.disk().set_hook([&](const Operation& operation) {
            if (operation.ordinal != n) {
                return Fault{};
            }
            reached = true;
            flush_lied = operation.kind == Operation::Kind::flush && kind == Fault::Kind::drop;
            return Fault{kind, EIO, 512};
        });
        const auto result = fixture.run();
        CAPTURE(n, static_cast<int>(kind));
        if (!flush_lied) {
            fixture.host.cut_power();
        }
        if (result.verdict == Verdict::sanitized && !flush_lied) {
            CHECK_FALSE(fixture.old_content_remains());
        }
        CHECK(fixture.verified_bundles() == 1);
    }
}

TEST_CASE("target: a sector that can be neither written nor read is a named exception",
          "[job][fault]") {
    TargetFixture fixture;
    fixture.choice.bad_blocks_are_exceptions = GENERATE(true, false);
    fixture.disk().set_hook([](const Operation& operation) {
        auto fault = bad_sector(operation, Operation::Kind::write);
        return fault.kind != Fault::Kind::none ? fault
                                               : bad_sector(operation, Operation::Kind::read);
    });
    const auto result = fixture.run();
    CHECK(result.verdict == (fixture.choice.bad_blocks_are_exceptions
                                 ? Verdict::sanitized_with_exceptions
                                 : Verdict::not_sanitized));
    const auto certificate = certificate_of(result);
    const auto& faults = certificate.at("sanitization").at("passes").at(0).at("writeFaults");
    CHECK(faults.at("bytes") == 512);
    CHECK(faults.at("areas").at(0).at("offset") == kBadOffset);
    CHECK(certificate.at("verification").at("mismatches") == 0);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: a sector that refuses to be written and can still be read is old data",
          "[job][fault]") {
    TargetFixture fixture;
    fixture.disk().set_hook(
        [](const Operation& operation) { return bad_sector(operation, Operation::Kind::write); });
    const auto result = fixture.run();
    CHECK(result.verdict == Verdict::not_sanitized);
    CHECK(certificate_of(result).at("sanitization").at("reasons").at(0).at("code") ==
          "old-data-found");
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: a sector that was written and cannot be read back is a named exception",
          "[job][fault]") {
    TargetFixture fixture;
    fixture.disk().set_hook(
        [](const Operation& operation) { return bad_sector(operation, Operation::Kind::read); });
    const auto result = fixture.run();
    CHECK(result.verdict == Verdict::sanitized_with_exceptions);
    CHECK(certificate_of(result).at("verification").at("readFaults").at("bytes") == 512);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: a disk of which half fails is no disk with bad sectors", "[job][fault]") {
    const auto kind = GENERATE(Operation::Kind::write, Operation::Kind::read);
    TargetFixture fixture;
    const std::uint64_t half = fixture.disk().size_bytes() / 2;
    fixture.disk().set_hook([&](const Operation& operation) {
        const bool dead = operation.offset + operation.length > half &&
                          (operation.kind == kind || operation.kind == Operation::Kind::read);
        return dead ? Fault{Fault::Kind::fail, EIO, 0} : Fault{};
    });
    CHECK(fixture.run().verdict == Verdict::indeterminate);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: a failed flush is a failed erase", "[job][fault]") {
    TargetFixture fixture;
    fixture.disk().set_hook([](const Operation& operation) {
        return operation.kind == Operation::Kind::flush ? Fault{Fault::Kind::fail, EIO, 0}
                                                        : Fault{};
    });
    CHECK(fixture.run().verdict == Verdict::not_sanitized);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: a disk that becomes another one in the middle is never sanitized",
          "[job][fault]") {
    TargetFixture fixture;
    unsigned writes = 0;
    fixture.disk().set_hook([&](const Operation& operation) {
        if (operation.kind == Operation::Kind::write && ++writes == 2) {
            fixture.host.at("/dev/a").identity.disk_sequence = 8;
        }
        fixture.clock.advance(std::chrono::seconds(2));
        return Fault{};
    });
    CHECK(fixture.run().verdict == Verdict::indeterminate);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: what stands there at the end is what was erased, or it is no success",
          "[job][fault]") {
    struct Row {
        const char* name;
        void (*change)(inventory::Identity&);
    };
    const auto row = GENERATE(
        Row{"serial number", [](inventory::Identity& identity) { identity.serial = "ANOTHER"; }},
        Row{"WWID", [](inventory::Identity& identity) { identity.wwid = "naa.1"; }},
        Row{"kind", [](inventory::Identity& identity) { identity.kind = inventory::Kind::loop; }},
        Row{"inode", [](inventory::Identity& identity) { identity.inode = 78; }},
        Row{"device", [](inventory::Identity& identity) { identity.minor = 79; }});
    TargetFixture fixture;
    auto& identity = fixture.host.at("/dev/a").identity;
    const bool of_file = row.name == std::string("inode") || row.name == std::string("device");
    if (of_file) {
        identity.kind = inventory::Kind::file;
        identity.inode = 77;
    }
    bool changed = false;
    fixture.disk().set_hook([&](const Operation& operation) {
        if (operation.kind == Operation::Kind::read && operation.length > 4096 && !changed) {
            changed = true;
            row.change(fixture.host.at("/dev/a").identity);
        }
        return Fault{};
    });
    INFO(row.name);
    const auto result = fixture.run();
    CHECK(changed);
    CHECK(result.verdict == Verdict::indeterminate);
    CHECK(result.level == method::Level::none);
    REQUIRE(!result.reasons.empty());
    CHECK(result.reasons.front().code == ReasonCode::other_identity);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: what changed after a part was read back is found when the job goes on",
          "[job][fault]") {
    TargetFixture fixture;
    fixture.host.add("/dev/a", Bytes(std::size_t{20} << 20U, 0x11));
    unsigned reads = 0;
    fixture.disk().set_hook([&](const Operation& operation) {
        fixture.clock.advance(std::chrono::seconds(20));  // a watermark after each operation
        if (operation.kind == Operation::Kind::read && operation.length > 512 && ++reads == 18) {
            throw Killed();
        }
        return Fault{};
    });
    CHECK_THROWS_AS(fixture.run(), Killed);
    fixture.host.at("/dev/a").opened_exclusively = false;
    fixture.disk().set_hook({});
    // Somebody used the disk meanwhile, or its flush had lied and the power went.
    std::copy_n(fixture.before.begin() + 4096, 512, fixture.disk().media().begin() + 4096);
    const auto result = fixture.resume(fixture.open_job());
    CHECK(result.verdict == Verdict::not_sanitized);
    CHECK(certificate_of(result).at("verification").at("mismatches") == 1);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("target: a job is not resumed on another disk at the same path", "[job][crash]") {
    TargetFixture fixture;
    const bool has_serial = GENERATE(true, false);
    if (!has_serial) {
        fixture.host.at("/dev/a").identity.serial.clear();
    }
    fixture.disk().set_hook([&](const Operation& operation) {
        if (operation.kind == Operation::Kind::write) {
            fixture.stop.request_stop();
        }
        return Fault{};
    });
    CHECK_THROWS_AS(fixture.run(), Error);
    fixture.stop = {};
    const auto job = fixture.open_job();
    auto original = fixture.host.at("/dev/a");
    original.disk->set_hook({});
    Bytes foreign = fixture.before;
    std::reverse(foreign.begin(), foreign.end());
    fixture.host.add("/dev/a", foreign);
    fixture.host.at("/dev/a").identity.serial = has_serial ? "SERIAL-other" : "";
    auto code = static_cast<ErrorCode>(0);
    try {
        (void)fixture.resume(job);
    } catch (const Error& error) {
        code = error.code();
    }
    CHECK(code == ErrorCode::safety);
    CHECK((fixture.disk().media() == foreign));
    fixture.host.at("/dev/a") = original;
    CHECK(fixture.resume(job).verdict == Verdict::sanitized);
    CHECK_FALSE(fixture.old_content_remains());
}

TEST_CASE("target: a disk that is too slow, too late or too hot is left, and the record says so",
          "[job][limits]") {
    TargetFixture fixture;
    auto& limits = fixture.choice.limits;
    SECTION("late") {
        limits.deadline = std::chrono::seconds(3);
    }
    SECTION("hot") {
        limits.celsius_max = 55;
        limits.when_hot = mandate::Then::stop;
        fixture.host.temperature = 70;
    }
    fixture.disk().set_hook([&](const Operation&) {
        fixture.clock.advance(std::chrono::seconds(2));
        return Fault{};
    });
    const auto result = fixture.run();
    CHECK(result.verdict == Verdict::not_sanitized);
    const auto certificate = certificate_of(result);
    CHECK(certificate.at("sanitization").at("limits").at("events").size() == 1);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("what a failed flush left in doubt is not counted when the run goes on",
          "[job][target]") {
    TargetFixture fixture;
    bool failing = true;
    fixture.disk().set_hook([&](const fake::Operation& operation) {
        if (operation.kind == fake::Operation::Kind::flush && failing) {
            fixture.stop.request_stop();
            return fake::Fault{.kind = fake::Fault::Kind::fail, .error = EIO};
        }
        return fake::Fault{};
    });
    CHECK_THROWS_AS(fixture.run(), Error);
    REQUIRE(fixture.ended.exit_code() == 8);
    failing = false;
    fixture.stop = {};
    CHECK(fixture.run().exit_code() == 0);
    CHECK(fixture.verified_bundles() == 1);
}
