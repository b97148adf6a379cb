// SPDX-License-Identifier: Apache-2.0
// Bad sectors, failing regions and flushes that fail.
#include <cerrno>
#include <map>

#include "catch.hpp"
#include "pass_support.hpp"
#include "strange_disks.hpp"

using namespace stream_test;

namespace {

constexpr std::size_t kDiskBytes = 20 * kSlot;

/// Fails every transfer of a kind that touches one of the blocks.
MemoryDisk::Hook bad_blocks(Operation::Kind kind, std::vector<std::uint64_t> blocks) {
    return [kind, blocks = std::move(blocks)](const Operation& operation) -> Fault {
        const bool touches = operation.kind == kind &&
                             std::any_of(blocks.begin(), blocks.end(), [&](std::uint64_t block) {
                                 return operation.offset <= block * 512 &&
                                        block * 512 < operation.offset + operation.length;
                             });
        return touches ? Fault{Fault::Kind::fail, EIO, 0} : Fault{};
    };
}

std::vector<Range> places(const efface::stream::FaultAreas& faults) {
    std::vector<Range> ranges;
    for (const efface::stream::Fault& fault : faults.areas) {
        ranges.push_back({fault.offset, fault.length});
    }
    return ranges;
}

/// First, last, neighbours, both sides of a border between slots.
const std::vector<std::uint64_t> kBadBlocks{0, 50, 51, 127, 128, 1000, 2559};
const std::vector<Range> kBadRanges{
    {0, 512}, {50 * 512, 1024}, {127 * 512, 1024}, {1000 * 512, 512}, {2559 * 512, 512}};

}  // namespace

TEST_CASE("blocks that cannot be written are listed exactly, all others are written") {
    const bool shuffle = GENERATE(false, true);
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    ShuffledDisk shuffled(disk, 7);
    BlockTarget& target = shuffle ? static_cast<BlockTarget&>(shuffled) : disk;
    disk.set_hook(bad_blocks(Operation::Kind::write, kBadBlocks));
    const FillReport report = fill(target, random_pattern());
    CHECK(places(report.write_faults) == kBadRanges);
    CHECK(report.write_faults.count == kBadRanges.size());
    CHECK(report.write_faults.bytes == kBadBlocks.size() * 512);
    CHECK(report.bytes_written == kDiskBytes - kBadBlocks.size() * 512);
    CHECK(report.watermark == kDiskBytes);
    CHECK(report.retries > kBadBlocks.size() * 2);
    Bytes expected = expected_bytes(random_pattern(), kDiskBytes);
    for (const std::uint64_t block : kBadBlocks) {
        std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(block * 512), 512, kOldByte);
    }
    CHECK(disk.media() == expected);
    disk.set_hook({});
    const CheckReport seen = check(target, random_pattern());
    CHECK(seen.different == kBadRanges);
    CHECK(seen.blocks_different == kBadBlocks.size());
}

TEST_CASE("blocks that cannot be read are listed exactly, all others are compared") {
    const bool shuffle = GENERATE(false, true);
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    ShuffledDisk shuffled(disk, 8);
    BlockTarget& target = shuffle ? static_cast<BlockTarget&>(shuffled) : disk;
    CHECK(fill(target, random_pattern()).watermark == kDiskBytes);
    disk.media()[52 * 512] ^= 1U;  // in a slot that is read in parts
    disk.set_hook(bad_blocks(Operation::Kind::read, kBadBlocks));
    const CheckReport report = check(target, random_pattern());
    CHECK_FALSE(report.matches());
    CHECK(places(report.read_faults) == kBadRanges);
    CHECK(report.read_faults.areas[0].operation == "read");
    CHECK(report.bytes_compared == kDiskBytes - kBadBlocks.size() * 512);
    CHECK(report.blocks_different == 1);
    CHECK(report.different == std::vector<Range>{{52 * 512, 512}});
}

TEST_CASE("a fault that passes is a retry and no fault") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    std::map<std::uint64_t, unsigned> tries;
    disk.set_hook([&](const Operation& operation) -> Fault {
        const bool first =
            operation.kind != Operation::Kind::flush && ++tries[operation.offset] == 1;
        return first ? Fault{Fault::Kind::fail, EIO, 0} : Fault{};
    });
    const FillReport report = fill(disk, random_pattern());
    CHECK(report.write_faults.count == 0);
    CHECK(report.bytes_written == kDiskBytes);
    CHECK(report.retries > 20);
    CHECK(disk.media() == expected_bytes(random_pattern(), kDiskBytes));
}

TEST_CASE("a dead region costs a bounded number of transfers and is one area") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    disk.set_hook(bad_area(Operation::Kind::write, 4 * kSlot, 8 * kSlot, EIO));
    const FillReport report = fill(disk, random_pattern());
    CHECK(places(report.write_faults) == std::vector<Range>{{4 * kSlot, 8 * kSlot}});
    CHECK(report.bytes_written == kDiskBytes - 8 * kSlot);
    // 8 slots with 16 blocks tried 3 times, and the halvings; block by block it were 3072 more.
    CHECK(disk.operations() < 8 * 100);
}

TEST_CASE("areas beyond those that are kept are counted and still joined") {
    MemoryDisk disk(Bytes(40 * kSlot, kOldByte));
    PassOptions options = small_options();
    options.retries = 0;
    // Every other block pair: 40 * 128 / 4 areas of two blocks.
    disk.set_hook([](const Operation& operation) -> Fault {
        if (operation.kind != Operation::Kind::write) {
            return {};
        }
        const bool good = operation.length == 512 && operation.offset / 1024 % 2 == 0;
        return good ? Fault{} : Fault{Fault::Kind::fail, EIO, 0};
    });
    const FillReport report = fill(disk, random_pattern(), 0, options);
    CHECK(report.write_faults.count == 1280);
    CHECK(report.write_faults.bytes == 1280 * 1024);
    REQUIRE(report.write_faults.areas.size() == efface::stream::kAreasMax);
    CHECK(report.write_faults.areas.back().offset == 1023 * 2048 + 1024);
    CHECK(report.write_faults.areas.back().length == 1024);
    disk.set_hook({});
    const CheckReport seen = check(disk, random_pattern());
    CHECK(seen.different_areas == 1280);
    CHECK(seen.different.size() == efface::stream::kAreasMax);
    CHECK(seen.blocks_different == 2560);
    CHECK(seen.differences.size() == efface::stream::kDifferencesMax);
}

TEST_CASE("after a flush that failed nothing more is claimed, and all is still written") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    unsigned flushes = 0;
    disk.set_hook([&](const Operation& operation) -> Fault {
        const bool second = operation.kind == Operation::Kind::flush && ++flushes == 2;
        return second ? Fault{Fault::Kind::fail, ENOSPC, 0} : Fault{};
    });
    PassOptions options = small_options();
    options.watermark_bytes = 4 * kSlot;
    RecordingWatcher watcher;
    const efface::fake::FixedClock clock;
    const FillReport report =
        efface::stream::fill(disk, random_pattern(), 0, options, watcher, clock, {});
    CHECK(report.flush_error == ENOSPC);
    REQUIRE(watcher.watermarks.size() == 1);
    CHECK(report.watermark == watcher.watermarks[0]);
    CHECK(report.watermark < kDiskBytes);
    CHECK(disk.media() == expected_bytes(random_pattern(), kDiskBytes));
}
