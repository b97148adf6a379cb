// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "catch.hpp"
#include "pass_support.hpp"

using namespace stream_test;

TEST_CASE("fill writes the pattern over every byte, whatever the size") {
    const std::size_t size = GENERATE(as<std::size_t>(), 1, 511, 512, 4096, 5000, kSlot - 512,
                                      kSlot, kSlot + 1, 3 * kSlot + 512, 37 * kSlot + 4096 + 7);
    const std::uint32_t block = GENERATE(as<std::uint32_t>(), 512, 4096);
    const Pattern pattern = GENERATE(random_pattern(), repeating({0}),
                                     repeating({0x92, 0x49, 0x24}), repeating(Bytes(64, 0x77)));
    MemoryDisk disk(Bytes(size, kOldByte), block);
    const FillReport report = fill(disk, pattern);
    INFO("size " << size << ", block " << block);
    CHECK(disk.media() == expected_bytes(pattern, size));
    CHECK(disk.durable() == disk.media());
    CHECK(report.bytes_written == size);
    CHECK(report.watermark == size);
    CHECK(report.write_faults.count == 0);
    CHECK(report.flush_error == 0);
    CHECK_FALSE(report.stopped);
    const CheckReport seen = check(disk, pattern);
    CHECK(seen.matches());
    CHECK(seen.bytes_planned == size);
    CHECK(seen.bytes_compared == size);
    disk.media().back() ^= 1U;
    CHECK_FALSE(check(disk, pattern).matches());
}

TEST_CASE("fill names a bad sector to the block, and everything around it is written") {
    const std::uint32_t block = GENERATE(as<std::uint32_t>(), 512, 4096);
    MemoryDisk disk(Bytes(20 * kSlot, kOldByte), block);
    const std::uint64_t bad = 7 * kSlot + 5 * block;
    disk.set_hook(bad_area(Operation::Kind::write, bad, block, EIO));
    const FillReport report = fill(disk, random_pattern());
    CHECK(report.bytes_written == 20 * kSlot - block);
    CHECK(report.write_faults.count == 1);
    CHECK(report.write_faults.bytes == block);
    REQUIRE(report.write_faults.areas.size() == 1);
    CHECK(report.write_faults.areas[0].offset == bad);
    CHECK(report.write_faults.areas[0].length == block);
    CHECK(report.write_faults.areas[0].error == EIO);
    CHECK(report.write_faults.areas[0].operation == "write");
    Bytes expected = expected_bytes(random_pattern(), 20 * kSlot);
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(bad), block, kOldByte);
    CHECK(disk.media() == expected);
}
