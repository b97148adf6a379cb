// SPDX-License-Identifier: Apache-2.0
// Whenever fill() calls itself complete and check() says that all matches, no original byte may be
// left on what survives a loss of power: the n-th operation misbehaves, for every n, until a run
// ends before its n-th operation. Once in order, once with answers in any order.
#include <cerrno>

#include "catch.hpp"
#include "pass_support.hpp"
#include "strange_disks.hpp"

using namespace stream_test;

namespace {

constexpr std::size_t kDiskBytes = 9 * kSlot + 3 * 512 + 100;
constexpr std::uint64_t kRunsMax = 5000;

PassOptions property_options() {
    PassOptions options = small_options();
    options.watermark_bytes = 2 * kSlot;
    return options;
}

bool complete(const FillReport& report) {
    return report.write_faults.bytes == 0 && report.flush_error == 0 && !report.stopped &&
           report.bytes_written == kDiskBytes && report.watermark == kDiskBytes;
}

struct Lie {
    Fault fault;
    bool of_flush = true;      ///< also misbehaves when the operation is a flush
    std::uint64_t length = 1;  ///< operations in a row that misbehave
};

/// True when the run had fewer than `n` operations: no fault happened.
bool run_with_nth(std::uint64_t n, const Lie& lie, const Pattern& pattern) {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    ShuffledDisk shuffled(disk, static_cast<unsigned>(n));
    BlockTarget& target = n % 2 == 0 ? static_cast<BlockTarget&>(disk) : shuffled;
    bool happened = false;
    disk.set_hook([&](const Operation& operation) -> Fault {
        const bool is_flush = operation.kind == Operation::Kind::flush;
        if (operation.ordinal < n || operation.ordinal >= n + lie.length ||
            (is_flush && !lie.of_flush)) {
            return {};
        }
        happened = true;
        return lie.fault;
    });
    const FillReport written = fill(target, pattern, 0, property_options());
    const CheckReport seen = check(target, pattern, {{0, kDiskBytes}}, property_options());
    const bool claimed = complete(written) && seen.matches();
    const std::uint64_t operations = disk.operations();
    disk.cut_power();
    INFO("operation " << n << " of " << operations);
    CHECK_FALSE((claimed && disk.media() != expected_bytes(pattern, kDiskBytes)));
    if (!happened && operations < n) {
        CHECK(claimed);
        return true;
    }
    return false;
}

void run_until_untouched(const Lie& lie) {
    for (const Pattern& pattern : {random_pattern(), repeating({0})}) {
        bool untouched = false;
        for (std::uint64_t n = 1; n < kRunsMax && !untouched; ++n) {
            untouched = run_with_nth(n, lie, pattern);
            // Nine pieces, a tail and flushes, and the reading of all that.
            CHECK((!untouched || n > 24));
        }
        CHECK(untouched);
    }
}

}  // namespace

TEST_CASE("a pass claims nothing over a failed operation, whichever it is") {
    run_until_untouched({{Fault::Kind::fail, EIO, 0}, true, 1});
    run_until_untouched({{Fault::Kind::fail, EIO, 0}, true, 40});
}

TEST_CASE("a pass claims nothing over dropped reads or writes, whichever they are") {
    run_until_untouched({{Fault::Kind::drop, 0, 0}, false, 1});
    run_until_untouched({{Fault::Kind::drop, 0, 0}, false, 5});
}

TEST_CASE("a pass claims nothing over shortened transfers, whichever they are") {
    run_until_untouched({{Fault::Kind::shorten, 0, 512}, false, 1});
    run_until_untouched({{Fault::Kind::shorten, 0, 700}, false, 7});
    run_until_untouched({{Fault::Kind::shorten, 0, 0}, false, 1});
    run_until_untouched({{Fault::Kind::shorten, 0, 0}, false, 30});
}

TEST_CASE("a pass claims nothing over partial transfers with an error, whichever they are") {
    run_until_untouched({{Fault::Kind::partial, EIO, 4096}, true, 1});
    run_until_untouched({{Fault::Kind::partial, ENOSPC, 777}, true, 3});
}

TEST_CASE("a pass claims nothing over corrupted transfers, whichever they are") {
    run_until_untouched({{Fault::Kind::corrupt, 0, 0}, false, 1});
}

TEST_CASE("a read that touched nothing is found, although the buffer held the pattern before") {
    const Pattern pattern = GENERATE(random_pattern(), repeating({0}), repeating({0x00, 0xff}),
                                     repeating({0x92, 0x49, 0x24}));
    const std::uint32_t block = GENERATE(as<std::uint32_t>(), 512, 4096);
    MemoryDisk disk(Bytes(12 * kSlot + block, kOldByte), block);
    CHECK(fill(disk, pattern).bytes_written == disk.size_bytes());
    PassOptions options = small_options();
    options.slots = 1;
    for (std::uint64_t n = 1; n <= 13; ++n) {
        const std::uint64_t before = disk.operations();
        disk.set_hook([&](const Operation& operation) -> Fault {
            return operation.ordinal == before + n ? Fault{Fault::Kind::drop, 0, 0} : Fault{};
        });
        const CheckReport report = check(disk, pattern, {{0, disk.size_bytes()}}, options);
        CHECK(report.blocks_different == (n == 13 ? 1 : kSlot / block));
        REQUIRE(report.different.size() == 1);
        CHECK(report.different[0].offset == (n - 1) * kSlot);
    }
}

TEST_CASE("a read that failed although it filled the buffer does not vouch for the next") {
    MemoryDisk disk(Bytes(12 * kSlot, kOldByte));
    CHECK(fill(disk, random_pattern()).bytes_written == disk.size_bytes());
    PassOptions options = small_options();
    options.slots = 1;
    const std::uint64_t before = disk.operations();
    disk.set_hook([&](const Operation& operation) -> Fault {
        if (operation.ordinal == before + 8) {
            return {Fault::Kind::partial, EIO, kSlot};
        }
        return operation.ordinal == before + 9 ? Fault{Fault::Kind::drop, 0, 0} : Fault{};
    });
    const CheckReport report = check(disk, random_pattern(), {{0, disk.size_bytes()}}, options);
    CHECK(report.different == std::vector<Range>{{7 * kSlot, kSlot / 2}});
}

TEST_CASE("a stop at any operation leaves a watermark from which the pass is completed") {
    for (const bool shuffle : {false, true}) {
        bool stopped_at_all = false;
        for (std::uint64_t n = 1; n < 40; ++n) {
            MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
            ShuffledDisk shuffled(disk, static_cast<unsigned>(n));
            BlockTarget& target = shuffle ? static_cast<BlockTarget&>(shuffled) : disk;
            std::stop_source stop;
            disk.set_hook([&](const Operation& operation) -> Fault {
                if (operation.ordinal == n) {
                    stop.request_stop();
                }
                return {};
            });
            const FillReport first =
                fill(target, random_pattern(), 0, property_options(), stop.get_token());
            INFO("operation " << n);
            CHECK(first.watermark == first.bytes_written);
            CHECK(first.stopped == (first.watermark < kDiskBytes));
            stopped_at_all = stopped_at_all || first.stopped;
            disk.cut_power();
            disk.set_hook({});
            const FillReport second =
                fill(target, random_pattern(), first.watermark, property_options());
            CHECK(second.watermark == kDiskBytes);
            CHECK(first.bytes_written + second.bytes_written == kDiskBytes);
            disk.cut_power();
            CHECK(disk.media() == expected_bytes(random_pattern(), kDiskBytes));
        }
        CHECK(stopped_at_all);
    }
}

TEST_CASE("what lies before the last watermark survives a power cut at any operation") {
    std::uint64_t furthest = 0;
    for (std::uint64_t n = 1; n < 40; ++n) {
        MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
        ShuffledDisk shuffled(disk, static_cast<unsigned>(n));
        // From the n-th operation on nothing reaches the medium any more.
        disk.set_hook([&](const Operation& operation) -> Fault {
            return operation.ordinal >= n ? Fault{Fault::Kind::fail, EIO, 0} : Fault{};
        });
        std::uint64_t journal = 0;
        RecordingWatcher watcher;
        watcher.on_written = [&](std::uint64_t offset, const FillReport&) { journal = offset; };
        const efface::fake::FixedClock clock;
        (void)efface::stream::fill(shuffled, random_pattern(), 0, property_options(), watcher,
                                   clock, {});
        disk.cut_power();
        disk.set_hook({});
        Bytes expected = expected_bytes(random_pattern(), kDiskBytes);
        INFO("operation " << n << ", journal " << journal);
        CHECK(std::equal(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(journal),
                         disk.media().begin()));
        furthest = std::max(furthest, journal);
        CHECK(fill(shuffled, random_pattern(), journal, property_options()).watermark ==
              kDiskBytes);
        disk.cut_power();
        CHECK(disk.media() == expected);
        CHECK(check(shuffled, random_pattern()).matches());
    }
    CHECK(furthest > kDiskBytes / 2);
}
