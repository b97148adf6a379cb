// SPDX-License-Identifier: Apache-2.0
// Whenever a run of overwrite() calls itself complete and read_back() matches, no original byte may
// be left on the media that survives a loss of power: the n-th operation misbehaves, for every n,
// until a run ends before its n-th operation.
//
// What this engine cannot see, and therefore never claims: a device that acknowledges a flush and
// does not carry it out (the last test). The visible media holds the pattern, the durable one does
// not; the record states that the flush was acknowledged, not that the device told the truth.
#include <cerrno>

#include "catch.hpp"
#include "support.hpp"

using namespace stream_test;

namespace {

constexpr std::size_t kDiskBytes = 2 * kMiB + 64 * 1024;
const std::vector<Range> kRanges{{512, 70'000}, {kMiB / 2, kMiB + 4096}};
constexpr std::uint64_t kRunsMax = 5000;

struct Lie {
    Fault fault;
    bool of_flush = true;  ///< also misbehaves when the operation is a flush
};

bool original_left(const Bytes& media) {
    return std::any_of(kRanges.begin(), kRanges.end(),
                       [&](const Range& range) { return old_bytes_left(media, range); });
}

/// True when the disk had fewer than `n` operations: no fault happened.
bool run_with_nth(std::uint64_t n, const Lie& lie) {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    bool happened = false;
    disk.set_hook([&](const Operation& operation) -> Fault {
        const bool is_flush = operation.kind == Operation::Kind::flush;
        if (operation.ordinal != n || (is_flush && !lie.of_flush)) {
            return {};
        }
        happened = true;
        return lie.fault;
    });
    const OverwriteReport written = overwrite(disk, kRanges);
    const ReadBackReport seen = read_back(disk, kRanges);
    const bool claimed = written.complete() && seen.matches(efface::stream::total_bytes(kRanges));
    const std::uint64_t operations = disk.operations();
    disk.cut_power();
    INFO("operation " << n << " of " << operations);
    CHECK_FALSE((claimed && original_left(disk.media())));
    if (!happened && operations < n) {
        CHECK(claimed);
        return true;
    }
    return false;
}

void run_until_untouched(const Lie& lie) {
    for (std::uint64_t n = 1; n < kRunsMax; ++n) {
        if (run_with_nth(n, lie)) {
            CHECK(n > 5);  // reads, writes, a flush and the reading back were all tried
            return;
        }
    }
    FAIL("no run ended without a fault");
}

}  // namespace

TEST_CASE("no claim stands on a failed operation, whichever it is") {
    run_until_untouched({{Fault::Kind::fail, EIO, 0}, true});
}

TEST_CASE("no claim stands on a dropped read or write, whichever it is") {
    run_until_untouched({{Fault::Kind::drop, 0, 0}, false});
}

TEST_CASE("no claim stands on a shortened transfer, whichever it is") {
    run_until_untouched({{Fault::Kind::shorten, 0, 512}, false});
    run_until_untouched({{Fault::Kind::shorten, 0, 0}, false});
}

TEST_CASE("no claim stands on a partial transfer with an error, whichever it is") {
    run_until_untouched({{Fault::Kind::partial, EIO, 4096}, true});
    run_until_untouched({{Fault::Kind::partial, ENOSPC, 777}, true});
}

TEST_CASE("no claim stands on a corrupted transfer, whichever it is") {
    run_until_untouched({{Fault::Kind::corrupt, 0, 0}, false});
}

TEST_CASE("every write that is corrupted is found by read_back") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    disk.set_hook([](const Operation& operation) -> Fault {
        if (operation.kind == Operation::Kind::write) {
            return {Fault::Kind::corrupt, 0, 0};
        }
        return {};
    });
    CHECK(overwrite(disk, kRanges).complete());
    CHECK(read_back(disk, kRanges).blocks_different >= 3);
}

TEST_CASE("a flush that lies is not seen by read_back: only a loss of power shows it") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    disk.set_hook([](const Operation& operation) -> Fault {
        if (operation.kind == Operation::Kind::flush) {
            return {Fault::Kind::drop, 0, 0};
        }
        return {};
    });
    CHECK(overwrite(disk, kRanges).complete());
    CHECK(read_back(disk, kRanges).matches(efface::stream::total_bytes(kRanges)));
    CHECK_FALSE(original_left(disk.media()));
    disk.cut_power();
    CHECK(original_left(disk.media()));
    CHECK_FALSE(read_back(disk, kRanges).matches(efface::stream::total_bytes(kRanges)));
}
