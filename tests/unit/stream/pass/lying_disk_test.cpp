// SPDX-License-Identifier: Apache-2.0
// Devices that say that all went well. The last one shows what reading back cannot see.
#include <cerrno>

#include "catch.hpp"
#include "pass_support.hpp"
#include "strange_disks.hpp"

using namespace stream_test;

namespace {
constexpr std::size_t kDiskBytes = 16 * kSlot;
}  // namespace

TEST_CASE("writes that were acknowledged and dropped are found, block by block") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    std::uint64_t writes = 0;
    std::vector<std::uint64_t> dropped;
    disk.set_hook([&](const Operation& operation) -> Fault {
        if (operation.kind == Operation::Kind::write && ++writes % 5 == 0) {
            dropped.push_back(operation.offset);
            return {Fault::Kind::drop, 0, 0};
        }
        return {};
    });
    CHECK(fill(disk, random_pattern()).watermark == kDiskBytes);
    REQUIRE(dropped.size() == 3);
    const CheckReport report = check(disk, random_pattern());
    CHECK_FALSE(report.matches());
    CHECK(report.bytes_compared == kDiskBytes);
    CHECK(report.blocks_different == 3 * kSlot / 512);
    CHECK(report.different_areas == 3);
    REQUIRE(report.different.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(report.different[i] == Range{dropped[i], kSlot});
    }
    REQUIRE(report.differences.size() == efface::stream::kDifferencesMax);
    CHECK(report.differences[0].offset == dropped[0]);
    CHECK_FALSE(report.differences[0].zero);
    // printf 'O%.0s' $(seq 512) | sha256sum
    CHECK(report.differences[0].found_sha256 ==
          "556a5e2b2c6a4e50bd510a5e108f13382b0f538382be8fd19b042358725847bf");
}

TEST_CASE("a block of zeros in the place of the pattern is called that") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    CHECK(fill(disk, random_pattern()).watermark == kDiskBytes);
    std::fill_n(disk.media().begin() + 3 * 512, 512, std::uint8_t{0});
    const CheckReport report = check(disk, random_pattern());
    CHECK(report.blocks_different == 1);
    REQUIRE(report.differences.size() == 1);
    CHECK(report.differences[0].offset == 3 * 512);
    CHECK(report.differences[0].zero);
    // head -c 512 /dev/zero | sha256sum
    CHECK(report.differences[0].found_sha256 ==
          "076a27c79e5ace2a3d47f9dd2e83e4ff6ea8872b3c2218f66c92b89b55f36560");
}

TEST_CASE("reads that return what was there before are found") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    CHECK(fill(disk, random_pattern()).watermark == kDiskBytes);
    disk.set_hook([&](const Operation& operation) -> Fault {
        const bool inside = operation.offset < 5 * kSlot && operation.offset >= 4 * kSlot;
        return inside ? Fault{Fault::Kind::stale, 0, 0} : Fault{};
    });
    const CheckReport report = check(disk, random_pattern());
    CHECK(report.blocks_different == kSlot / 512);
    REQUIRE(report.different.size() == 1);
    CHECK(report.different[0] == Range{4 * kSlot, kSlot});
}

TEST_CASE("a medium that is smaller than it says and wraps is found with random data") {
    MemoryDisk disk(Bytes(kDiskBytes / 2, kOldByte));
    WrappingDisk wrapping(disk, kDiskBytes);
    CHECK(fill(wrapping, random_pattern()).watermark == kDiskBytes);
    const CheckReport report = check(wrapping, random_pattern());
    CHECK_FALSE(report.matches());
    CHECK(report.blocks_different == kDiskBytes / 2 / 512);
    // One value everywhere is the same at every address: a fixed pattern cannot tell.
    CHECK(fill(wrapping, repeating({0})).watermark == kDiskBytes);
    CHECK(check(wrapping, repeating({0})).matches());
}

TEST_CASE("a disk that shrinks while it is written leaves named faults to its old end") {
    const int error = GENERATE(EIO, ENOSPC, 0);
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    ShrinkingDisk shrinking(disk, 10 * kSlot + 1536, 5, error);
    const FillReport written = fill(shrinking, random_pattern());
    CHECK(written.bytes_written == 10 * kSlot + 1536);
    CHECK(written.write_faults.bytes == kDiskBytes - 10 * kSlot - 1536);
    CHECK(written.write_faults.count == 1);
    REQUIRE(written.write_faults.areas.size() == 1);
    CHECK(written.write_faults.areas[0].offset == 10 * kSlot + 1536);
    CHECK(written.write_faults.areas[0].length == kDiskBytes - 10 * kSlot - 1536);
    CHECK(written.write_faults.areas[0].error == error);
    const CheckReport seen = check(shrinking, random_pattern());
    CHECK_FALSE(seen.matches());
    CHECK(seen.blocks_different == 0);
    CHECK(seen.read_faults.bytes == kDiskBytes - 10 * kSlot - 1536);
}

TEST_CASE("a disk that shrinks while it is checked does not match") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    CHECK(fill(disk, random_pattern()).watermark == kDiskBytes);
    ShrinkingDisk shrinking(disk, 10 * kSlot, disk.operations() + 3, 0);
    const CheckReport seen = check(shrinking, random_pattern());
    CHECK_FALSE(seen.matches());
    CHECK(seen.bytes_compared == 10 * kSlot);
    CHECK(seen.read_faults.bytes == 6 * kSlot);
}

TEST_CASE("a pass cannot see a flush that was acknowledged and not carried out") {
    MemoryDisk disk(Bytes(kDiskBytes, kOldByte));
    disk.set_hook([](const Operation& operation) -> Fault {
        return operation.kind == Operation::Kind::flush ? Fault{Fault::Kind::drop, 0, 0} : Fault{};
    });
    CHECK(fill(disk, random_pattern()).watermark == kDiskBytes);
    CHECK(check(disk, random_pattern()).matches());
    disk.cut_power();
    CHECK_FALSE(check(disk, random_pattern()).matches());
}
