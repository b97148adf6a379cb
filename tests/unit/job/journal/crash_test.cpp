// SPDX-License-Identifier: Apache-2.0
// A run that is killed at any moment, with or without the loss of what was not flushed, is ended
// by running it again; no volume is lost from the account and nothing is claimed wrongly.
#include "efface/base/file.hpp"

#include "catch.hpp"
#include "fixture/killed.hpp"
#include "fixture/run_fixture.hpp"
#include "sample.hpp"

using namespace efface;
using namespace efface::job;

namespace {

/// Kills at the n-th operation on any disk; 0 = never. Counts on across the disks.
class Killer {
  public:
    Killer(RunFixture& fixture, std::uint64_t at) : at_(at) {
        for (const auto* path : {"/dev/a", "/dev/b"}) {
            fixture.host.at(path).disk->set_hook([this](const fake::Operation& /*operation*/) {
                if (++count_ == at_) {
                    throw Killed();
                }
                return fake::Fault{};
            });
        }
    }
    [[nodiscard]] bool reached() const noexcept { return at_ != 0 && count_ >= at_; }

  private:
    std::uint64_t at_;
    std::uint64_t count_ = 0;
};

void check_whole_account(RunFixture& fixture, const RunResult& result) {
    CHECK(result.verdict == method::Verdict::sanitized);
    CHECK(result.volumes.size() == 2);
    CHECK_FALSE(fixture.old_metadata_remains("/dev/a", fixture.before_a));
    CHECK_FALSE(fixture.old_metadata_remains("/dev/b", fixture.before_b));
    CHECK(fixture.verified_bundles() == 1);
    const auto log = fixture.log_text();
    const auto count = [&](const std::string& what) {
        std::size_t found = 0;
        for (auto at = log.find(what); at != std::string::npos; at = log.find(what, at + 1)) {
            ++found;
        }
        return found;
    };
    CHECK(count("\"run-intent\"") == 1);
    CHECK(count("\"run-outcome\"") == 1);
}

}  // namespace

TEST_CASE("crash: killed at the n-th operation on a disk, for every n", "[job][crash]") {
    const bool power_lost = GENERATE(false, true);
    // One in so many a day, with a loss of power and without in turn.
    constexpr unsigned kTurns = 8;
    bool ended = false;
    for (std::uint64_t n = 1; !ended; ++n) {
        REQUIRE(n < 2000);
        if (!test::has_its_turn(n + (power_lost ? kTurns / 2 : 0), kTurns)) {
            continue;
        }
        RunFixture fixture;
        Killer killer(fixture, n);
        try {
            (void)fixture.run();
            ended = !killer.reached();
        } catch (const Killed&) {
            CHECK(fixture.verified_bundles() == 0);
        }
        if (power_lost) {
            fixture.host.cut_power();
        }
        const Killer off(fixture, 0);
        CAPTURE(n, power_lost);
        check_whole_account(fixture, fixture.run());
    }
}

TEST_CASE("crash: killed at the n-th event, for every n", "[job][crash]") {
    bool ended = false;
    for (std::size_t n = 1; !ended; ++n) {
        REQUIRE(n < 100);
        RunFixture fixture;
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
        check_whole_account(fixture, fixture.run());
    }
}

TEST_CASE("crash: a resumed run does not take a foreign disk at the same path", "[job][crash]") {
    RunFixture fixture;
    fixture.on_event = [&](const Json& event) {
        if (event.at("event") == "verified") {
            throw Killed();
        }
    };
    CHECK_THROWS_AS(fixture.run(), Killed);
    fixture.on_event = nullptr;
    const Bytes foreign(fixture.before_b.size(), 0x5a);
    fixture.host.at("/dev/b").disk = std::make_shared<fake::MemoryDisk>(foreign);
    const auto result = fixture.run();
    CHECK(result.verdict == method::Verdict::not_sanitized);
    CHECK((fixture.host.at("/dev/b").disk->media() == foreign));
}

TEST_CASE("crash: a second process is told to wait", "[job][crash]") {
    RunFixture fixture;
    auto code = static_cast<ErrorCode>(0);
    fixture.on_event = [&](const Json& event) {
        if (event.at("event") == "started" && code == static_cast<ErrorCode>(0)) {
            fixture.on_event = nullptr;
            try {
                RunFixture* same = &fixture;
                (void)same->run();
            } catch (const Error& error) {
                code = error.code();
            }
        }
    };
    (void)fixture.run();
    CHECK(code == ErrorCode::busy);
}
