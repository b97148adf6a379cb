// SPDX-License-Identifier: Apache-2.0
// Taking free pages: how many, for how long, and what is said of it. Never more than a few MiB of
// this machine are taken here; whole machines are swept in the rig
// (tests/system/rig/memory/sweep.sh).
#include "memory/sweep.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <limits>

#include "efface/base/file.hpp"
#include "efface/device/name_lock.hpp"
#include "efface/policy/memory.hpp"

#include "catch.hpp"
#include "fake/scratch.hpp"
#include "support.hpp"

using namespace efface;
using inventory::FreeMemory;
using method::Verdict;
using test::has;
using test::joined;

namespace {

constexpr std::uint64_t kMib = std::uint64_t{1} << 20U;
constexpr std::uint64_t kGib = std::uint64_t{1} << 30U;

FreeMemory machine(std::uint64_t total, std::uint64_t free) {
    FreeMemory memory;
    memory.total_bytes = total;
    memory.free_bytes = free;
    memory.available_bytes = free;
    return memory;
}

/// Pages of this process, as many in each pass as the test says.
class ScriptedPages final : public method::FreePages {
  public:
    explicit ScriptedPages(std::vector<std::uint64_t> passes) : passes_(std::move(passes)) {}
    int prepare() override {
        ++pass_;
        return 0;
    }
    [[nodiscard]] std::uint64_t free_bytes() const override { return 64 * kMib; }
    [[nodiscard]] std::uint64_t room_bytes(std::optional<unsigned> /*node*/) const override {
        // What was asked for is taken; only the worker, which has a copy of this, asks.
        const auto left = pass_ < passes_.size() ? std::exchange(passes_[pass_], 0) : 0;
        return left;
    }
    [[nodiscard]] std::uint64_t held_bytes_max() const override { return 64 * kMib; }

  private:
    mutable std::vector<std::uint64_t> passes_;
    std::size_t pass_ = 0;
};

/// Whose worker comes back from no question.
class HangingPages final : public method::FreePages {
  public:
    [[nodiscard]] std::uint64_t free_bytes() const override { return 64 * kMib; }
    [[nodiscard]] std::uint64_t room_bytes(std::optional<unsigned> /*node*/) const override {
        for (;;) {
            ::pause();
        }
    }
    [[nodiscard]] std::uint64_t held_bytes_max() const override { return 64 * kMib; }
};

/// There is always room for more.
class EndlessPages final : public method::FreePages {
  public:
    [[nodiscard]] std::uint64_t free_bytes() const override { return 64 * kMib; }
    [[nodiscard]] std::uint64_t room_bytes(std::optional<unsigned> /*node*/) const override {
        ::usleep(kPauseUs);
        return kMib;
    }
    [[nodiscard]] std::uint64_t held_bytes_max() const override {
        return std::numeric_limits<std::uint64_t>::max();
    }

  private:
    static constexpr unsigned kPauseUs = 200'000;  // so that the stop comes before memory runs out
};

struct SweepFixture {
    method::Outcome finish(const method::MemorySurvey& survey = {}) {
        return run.finish(survey, Json::object());
    }
    fake::FixedClock clock;
    test::Watcher sink;
    Bytes key = Bytes(32, 0x11);
    std::stop_source stop;
    method::MemoryRun run{"technique", key, clock, sink, stop.get_token()};
};

/// A machine of files that says it has this much memory.
class Recorded {
  public:
    Recorded(std::uint64_t total_kib, std::uint64_t free_kib) {
        view.proc = scratch_.path() / "proc";
        view.sysfs = scratch_.path() / "sys";
        view.dev = scratch_.path() / "dev";
        view.live = false;
        put("proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
        put("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
        put("proc/sys/vm/drop_caches", "");
        put("proc/sys/vm/compact_memory", "");
        put("run/x", "");
        put("proc/meminfo", "MemTotal: " + std::to_string(total_kib) +
                                " kB\nMemFree: " + std::to_string(free_kib) +
                                " kB\nMemAvailable: " + std::to_string(free_kib) + " kB\n");
    }
    void put(const std::string& path, const std::string& text) const {
        const auto whole = scratch_.path() / path;
        std::filesystem::create_directories(whole.parent_path());
        std::ofstream(whole, std::ios::trunc) << text;
    }
    [[nodiscard]] std::filesystem::path path(const std::string& name) const {
        return scratch_.path() / name;
    }
    inventory::SystemView view;

  private:
    fake::ScratchDirectory scratch_;
};

}  // namespace

TEST_CASE("a margin stays free, and nothing beyond any limit is taken") {
    CHECK(method::sweep_margin_bytes(256 * kMib) == 8 * kMib);
    CHECK(method::sweep_margin_bytes(24 * kGib) == 384 * kMib);
    CHECK(method::sweep_margin_bytes(4096 * kGib) == kGib);
    const auto plain = machine(kGib, 512 * kMib);
    const auto room = method::sweep_room_bytes(plain);
    CHECK(room == 512 * kMib - 16 * kMib);

    auto less = plain;
    SECTION("what others need to go on (MemAvailable)") {
        less.available_bytes = 100 * kMib;
        CHECK(method::sweep_room_bytes(less) == 84 * kMib);
    }
    SECTION("a control group") {
        less.limit = inventory::GroupLimit{"/a", 50 * kMib};
        CHECK(method::sweep_room_bytes(less) == 42 * kMib);
        less.limit->room_bytes = kMib;
        CHECK(method::sweep_room_bytes(less) == 0);
    }
    SECTION("a control group that cannot be read") {
        less.limit_unknown = true;
        CHECK(method::sweep_room_bytes(less) == 0);
    }
    SECTION("a node") {
        less.nodes = {{0, 400 * kMib}, {1, 112 * kMib}};
        CHECK(method::sweep_room_bytes(less, 0U) == 392 * kMib);
        CHECK(method::sweep_room_bytes(less, 1U) == 104 * kMib);
        CHECK(method::sweep_room_bytes(less, 7U) == 0);
    }
    SECTION("less than the margin") {
        CHECK(method::sweep_room_bytes(machine(kGib, 15 * kMib)) == 0);
    }
}

TEST_CASE("pages are held while what became free meanwhile is taken, and given back as zeros") {
    SweepFixture fixture;
    ScriptedPages pages({8 * kMib, 4 * kMib, 0});
    const auto tally = method::sweep(pages, fixture.run);
    CHECK(tally.ended);
    CHECK(tally.passes == 3);
    // A chunk is at most a 64th of what is free: one each time that the script gives room.
    CHECK(tally.held_bytes == 2 * kMib);
    CHECK(tally.returned_bytes == tally.held_bytes);
    CHECK(tally.mismatches == 0);
    CHECK(tally.compared_bytes * method::kSweepSamplePart == tally.held_bytes);
    if (tally.frames_known) {
        CHECK(tally.frames * 4096 >= tally.held_bytes);
    }
    CHECK(fixture.sink.bytes == 2 * tally.held_bytes);
    fixture.run.complete();
    CHECK(fixture.finish().verdict == Verdict::sanitized);
}

TEST_CASE("a sweep that is stopped is no success and holds nothing any more") {
    SweepFixture fixture;
    fixture.stop.request_stop();
    EndlessPages pages;  // only the stop ends it
    const auto tally = method::sweep(pages, fixture.run);
    CHECK_FALSE(tally.ended);
    CHECK_FALSE(tally.silent);
    const auto outcome = fixture.finish();
    CHECK(outcome.verdict == Verdict::not_sanitized);
    CHECK(has(outcome.reasons, ReasonCode::stopped));
}

TEST_CASE("a worker that does not answer is killed, and that is told as what it is") {
    SweepFixture fixture;
    HangingPages pages;
    const auto tally = method::sweep(pages, fixture.run, {.stop_ms = 100, .silence_ms = 100});
    CHECK(tally.silent);
    CHECK_FALSE(tally.ended);
    const auto outcome = fixture.finish();
    CHECK(outcome.verdict == Verdict::not_sanitized);
    CHECK(has(outcome.reasons, ReasonCode::not_completed));
}

TEST_CASE("the unit of a pool is its page, however small") {
    for (const std::uint64_t page : {64 * kMib / 1024, 2 * kMib, kGib}) {
        CHECK(method::sweep_unit_bytes(page) == page);
    }
    CHECK(method::sweep_unit_bytes(0) == kMib);
}

TEST_CASE("free memory is swept up to the margin, as the machine says it has it") {
    const Recorded machine(64 * 1024, 48 * 1024);
    test::Driver driver("memory:free", machine.view);
    const auto survey = driver.method->survey();
    INFO(joined(survey.objections));
    CHECK(survey.objections.empty());
    CHECK(survey.size_bytes == 40 * kMib);
    CHECK(survey.identity.at("kind") == "free");
    CHECK(survey.identity.at("place") == "");
    CHECK(survey.confirm_token.starts_with("free-"));
    CHECK(survey.confirm_token == driver.method->survey().confirm_token);

    const auto outcome = driver.run();
    INFO(outcome.record.dump(1) << joined(outcome.reasons));
    CHECK(outcome.verdict == Verdict::sanitized_with_exceptions);
    CHECK(has(outcome.exceptions, ReasonCode::kernel_keeps));
    const auto& sweep = outcome.record.at("sweep");
    CHECK(sweep.at("freeBytes") == 48 * kMib);
    // The recording always says the same: as much is taken as the machine has beyond the margin.
    CHECK(outcome.record.at("passes").at(0).at("bytesWritten") == 56 * kMib);
    CHECK(sweep.at("takenBytes") == 48 * kMib);
    CHECK(policy::memory_claim(outcome.record.at("facts")).level == method::Level::clear);
    CHECK_NOTHROW(canonical_json(outcome.record));
    // Caches were dropped first.
    std::ifstream dropped(machine.path("proc/sys/vm/drop_caches"));
    std::string text;
    dropped >> text;
    CHECK(text == "3");
    for (const auto& step : outcome.record.at("steps")) {
        CHECK(step.at("result") == "done");
    }

    // A kernel without one of the two is said to lack that one only.
    std::filesystem::remove(machine.path("proc/sys/vm/compact_memory"));
    test::Driver other("memory:free", machine.view);
    const auto steps = other.run().record.at("steps");
    REQUIRE(steps.size() >= 2);
    CHECK(steps.at(0).at("result") == "done");
    CHECK(steps.at(1).at("result") == "not possible");
}

TEST_CASE("a control group takes the level of a sweep, and is named") {
    const Recorded machine(64 * 1024, 48 * 1024);
    machine.put("proc/self/cgroup", "0::/box\n");
    machine.put("sys/fs/cgroup/box/memory.max", std::to_string(30 * kMib) + "\n");
    machine.put("sys/fs/cgroup/box/memory.current", std::to_string(10 * kMib) + "\n");
    test::Driver driver("memory:free", machine.view);
    const auto survey = driver.method->survey();
    CHECK(survey.size_bytes == 12 * kMib);
    CHECK(joined(survey.steps).find("/box") != std::string::npos);
    CHECK(policy::memory_claim(survey.facts).level == method::Level::none);
}

TEST_CASE("only one sweep runs at a time, and none where nothing may be taken") {
    const Recorded machine(64 * 1024, 48 * 1024);
    {
        const auto held =
            device::NameLock::acquire(machine.path("run/efface-memory.lock"), "memory:free");
        REQUIRE(held.state() == device::NameLock::State::ours);
        test::Driver driver("memory:free", machine.view);
        try {
            static_cast<void>(driver.run());
            FAIL("two at a time");
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::busy);
        }
    }
    const Recorded full(64 * 1024, 4 * 1024);
    test::Driver driver("memory:free", full.view);
    CHECK(has(driver.method->survey().objections, ReasonCode::nothing_to_erase));
    machine.put("proc/self/cgroup", "no such line\n");
    test::Driver unknown("memory:free", machine.view);
    CHECK(has(unknown.method->survey().objections, ReasonCode::unreadable_state));
}

TEST_CASE("a pool of huge pages has what is free and not promised") {
    const Recorded machine(64 * 1024, 48 * 1024);
    const std::string pool = "sys/kernel/mm/hugepages/hugepages-2048kB/";
    machine.put(pool + "nr_hugepages", "8\n");
    machine.put(pool + "free_hugepages", "6\n");
    machine.put(pool + "resv_hugepages", "2\n");
    test::Driver driver("memory:hugepages:2048kB", machine.view);
    const auto survey = driver.method->survey();
    CHECK(survey.size_bytes == 8 * kMib);
    CHECK(survey.objections.empty());
    CHECK(survey.facts.at("sweep").at("freeBytes") == 12 * kMib);
    CHECK(policy::memory_claim(survey.facts).level == method::Level::none);  // 4 of 6
    machine.put(pool + "resv_hugepages", "6\n");
    CHECK(has(driver.method->survey().objections, ReasonCode::nothing_to_erase));
    test::Driver other("memory:hugepages:1048576kB", machine.view);
    CHECK_THROWS_AS(other.method->survey(), Error);
}
