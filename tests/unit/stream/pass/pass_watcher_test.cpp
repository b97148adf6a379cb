// SPDX-License-Identifier: Apache-2.0
// What a pass tells its watcher, and what the watcher can tell it.
#include "catch.hpp"
#include "pass_support.hpp"

using namespace stream_test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::size_t kDiskBytes = 100 * kSlot + 512;

/// A pass in which each piece takes `step` of the clock.
struct Timed {
    explicit Timed(milliseconds step) : disk(Bytes(kDiskBytes, kOldByte)) {
        watcher.on_advance = [this, step](std::uint64_t) { clock.advance(step); };
    }
    FillReport fill(const PassOptions& options = small_options()) {
        return efface::stream::fill(disk, random_pattern(), 0, options, watcher, clock, {});
    }
    CheckReport check(const PassOptions& options = small_options()) {
        return efface::stream::check(disk, random_pattern(), {{0, kDiskBytes}}, options, watcher,
                                     clock, {});
    }
    MemoryDisk disk;
    RecordingWatcher watcher;
    efface::fake::FixedClock clock;
};

}  // namespace

TEST_CASE("the watcher hears of every byte, and is asked at least once") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    RecordingWatcher watcher;
    const efface::fake::FixedClock clock;
    (void)efface::stream::fill(disk, random_pattern(), 0, small_options(), watcher, clock, {});
    CHECK(watcher.advanced == kDiskBytes);
    CHECK_FALSE(watcher.paces.empty());
    CHECK(watcher.watermarks == std::vector<std::uint64_t>{kDiskBytes});
    RecordingWatcher second;
    (void)efface::stream::check(disk, random_pattern(), {{0, kDiskBytes}}, small_options(), second,
                                clock, {});
    CHECK(second.advanced == kDiskBytes);
    CHECK(second.compared_to == std::vector<std::uint64_t>{kDiskBytes});
    CHECK_FALSE(second.paces.empty());
}

TEST_CASE("bytes that failed are told as well") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    disk.set_hook(bad_area(Operation::Kind::write, 10 * kSlot, kSlot, 5));
    RecordingWatcher watcher;
    const efface::fake::FixedClock clock;
    (void)efface::stream::fill(disk, random_pattern(), 0, small_options(), watcher, clock, {});
    CHECK(watcher.advanced == kDiskBytes);
}

TEST_CASE("the watcher is asked every second of the clock, and told the pace") {
    Timed timed(milliseconds(300));
    (void)timed.fill();
    CHECK(timed.watcher.paces.size() >= 30);
    milliseconds previous{0};
    for (const Pace& pace : timed.watcher.paces) {
        CHECK(pace.elapsed - previous <= seconds(1));
        previous = pace.elapsed;
        CHECK((pace.bytes_per_second == 0) == (pace.elapsed < seconds(10)));
        CHECK(pace.bytes_done <= kDiskBytes);
        CHECK(pace.offset_bytes <= pace.bytes_done);
    }
    // A piece every 300 ms: 218453 bytes a second.
    const double speed = static_cast<double>(timed.watcher.paces.back().bytes_per_second);
    CHECK(speed == Approx(static_cast<double>(kSlot) / 0.3).epsilon(0.2));
}

TEST_CASE("a watermark comes after every so many bytes, however late a worker is") {
    Timed timed(milliseconds(0));
    PassOptions options = small_options();
    options.watermark_bytes = 10 * kSlot;
    std::vector<std::uint64_t> expected;
    for (std::uint64_t slots = 10; slots <= 100; slots += 10) {
        expected.push_back(slots * kSlot);
    }
    expected.push_back(kDiskBytes);
    CHECK(timed.fill(options).watermark == kDiskBytes);
    CHECK(timed.watcher.watermarks == expected);
    CHECK(timed.check(options).matches());
    CHECK(timed.watcher.compared_to == expected);
}

TEST_CASE("a watermark comes after so much time") {
    // Small pieces, so that there are many more (1601) than may be begun and not over (64), which
    // a slow worker can make wait for one.
    Timed timed(seconds(1));
    PassOptions options = small_options();
    options.slot_bytes = 4096;
    CHECK(timed.fill(options).watermark == kDiskBytes);
    CHECK(timed.watcher.watermarks.size() >= 1601 / (10 + 64));
    CHECK(timed.watcher.watermarks.size() <= 1601 / 10 + 1);
}

TEST_CASE("less than two watermark distances are written and not durable") {
    constexpr std::uint64_t kDistance = 3 * kSlot;
    Timed timed(milliseconds(0));
    PassOptions options = small_options();
    options.watermark_bytes = kDistance;
    // The first piece is tried again and again while others could go on.
    options.failed_blocks_per_slot_max = 1000;
    std::uint64_t furthest = 0;
    timed.disk.set_hook([&](const Operation& operation) -> Fault {
        if (operation.kind != Operation::Kind::write) {
            return {};
        }
        const std::uint64_t durable =
            timed.watcher.watermarks.empty() ? 0 : timed.watcher.watermarks.back();
        furthest = std::max(furthest, operation.offset + operation.length - durable);
        return operation.offset < kSlot ? Fault{Fault::Kind::fail, 5, 0} : Fault{};
    });
    CHECK(timed.fill(options).watermark == kDiskBytes);
    CHECK(furthest < 2 * kDistance);
}

TEST_CASE("a watcher that says stop ends the pass with what is in flight") {
    Timed timed(seconds(1));
    timed.watcher.answer = [](const Pace& pace) {
        return pace.elapsed > seconds(20) ? PassWatcher::Go::stop : PassWatcher::Go::on;
    };
    const FillReport report = timed.fill();
    CHECK(report.stopped);
    CHECK(report.watermark >= 20 * kSlot);
    CHECK(report.watermark < 50 * kSlot);
    CHECK(timed.watcher.watermarks.back() == report.watermark);
    // Behind one that was dropped others may have been written.
    CHECK(timed.watcher.advanced >= report.watermark);
    CHECK(timed.watcher.advanced < report.watermark + small_options().slots * kSlot);
    timed.watcher.paces.clear();
    const CheckReport seen = timed.check();
    CHECK(seen.stopped);
    CHECK_FALSE(seen.matches());
    CHECK(seen.bytes_compared < kDiskBytes);
}

TEST_CASE("a watcher that says stop at once keeps the pass from writing anything") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    RecordingWatcher watcher;
    watcher.answer = [](const Pace&) { return PassWatcher::Go::stop; };
    const efface::fake::FixedClock clock;
    const FillReport report =
        efface::stream::fill(disk, random_pattern(), kSlot, small_options(), watcher, clock, {});
    CHECK(report.stopped);
    CHECK(report.watermark == kSlot);
    CHECK(disk.media() == Bytes(kDiskBytes, kOldByte));
}

TEST_CASE("while the watcher says pause nothing is transferred, and the time does not count") {
    Timed timed(milliseconds(600));
    unsigned asked = 0;
    std::uint64_t operations = 0;
    timed.watcher.answer = [&](const Pace& pace) {
        ++asked;
        if (asked > 3 && asked <= 6) {
            CHECK((asked == 4 || timed.disk.operations() == operations));
            operations = timed.disk.operations();
            timed.clock.advance(seconds(100));
            return PassWatcher::Go::pause;
        }
        // The clock of 101 pieces, without the 300 seconds of the pauses.
        CHECK(pace.elapsed <= 101 * milliseconds(600));
        return PassWatcher::Go::on;
    };
    const FillReport report = timed.fill();
    CHECK(report.watermark == kDiskBytes);
    CHECK_FALSE(report.stopped);
    CHECK(asked > 6);
}

TEST_CASE("a stop is heard while the watcher says pause") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    RecordingWatcher watcher;
    std::stop_source stop;
    watcher.answer = [&](const Pace&) {
        if (watcher.paces.size() == 3) {
            stop.request_stop();
        }
        return PassWatcher::Go::pause;
    };
    const efface::fake::FixedClock clock;
    const FillReport report = efface::stream::fill(disk, random_pattern(), 0, small_options(),
                                                   watcher, clock, stop.get_token());
    CHECK(report.stopped);
    CHECK(report.bytes_written == 0);
}
