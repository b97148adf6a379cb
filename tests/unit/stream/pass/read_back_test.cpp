// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "catch.hpp"
#include "support.hpp"

using namespace stream_test;

namespace {

MemoryDisk written_disk(std::size_t size, std::uint32_t alignment = 512) {
    MemoryDisk disk(Bytes(size, kOldByte), alignment);
    REQUIRE(overwrite(disk, {{0, size}}).complete());
    return disk;
}

}  // namespace

TEST_CASE("read_back matches what overwrite wrote") {
    MemoryDisk disk = written_disk(3 * kMiB);
    const ReadBackReport report = read_back(disk, {{0, 3 * kMiB}});
    CHECK(report.matches(3 * kMiB));
    CHECK(report.bytes_compared == 3 * kMiB);
    CHECK(report.blocks_compared == 768);
}

TEST_CASE("read_back matches unaligned ranges") {
    MemoryDisk disk(Bytes(3 * kMiB, kOldByte));
    const std::vector<Range> ranges{{1, 4094}, {5000, 1}, {kMiB - 3, kMiB + 6}};
    REQUIRE(overwrite(disk, ranges).complete());
    CHECK(read_back(disk, ranges).matches(4094 + 1 + kMiB + 6));
}

TEST_CASE("read_back does not match when fewer bytes were covered than expected") {
    MemoryDisk disk = written_disk(2 * kMiB);
    CHECK_FALSE(read_back(disk, {{0, kMiB}}).matches(2 * kMiB));
    CHECK_FALSE(read_back(disk, {}).matches(2 * kMiB));
}

TEST_CASE("one flipped bit is one different block with its place") {
    MemoryDisk disk = written_disk(2 * kMiB);
    disk.media()[kMiB + 8192 + 4095] ^= 0x80U;
    const ReadBackReport report = read_back(disk, {{0, 2 * kMiB}});
    CHECK_FALSE(report.matches(2 * kMiB));
    CHECK(report.blocks_different == 1);
    CHECK(report.different_offsets == std::vector<std::uint64_t>{kMiB + 8192});
}

TEST_CASE("the last byte of the last range is looked at") {
    MemoryDisk disk = written_disk(2 * kMiB);
    disk.media().back() ^= 1U;
    CHECK(read_back(disk, {{0, 2 * kMiB}}).blocks_different == 1);
}

TEST_CASE("a disk that was never written differs in every block") {
    MemoryDisk disk(Bytes(kMiB, kOldByte));
    const ReadBackReport report = read_back(disk, {{0, kMiB}});
    CHECK(report.blocks_different == 256);
    CHECK(report.different_offsets.size() == efface::stream::kPlacesMax);
}

TEST_CASE("a pattern of another key does not match") {
    MemoryDisk disk = written_disk(kMiB);
    CountingSink sink;
    KeyedStream other = make_stream(2);
    const ReadBackReport report = efface::stream::read_back(disk, {{0, kMiB}}, other, sink, {});
    CHECK(report.blocks_different == 256);
}

TEST_CASE("an unreadable sector costs that sector only") {
    MemoryDisk disk = written_disk(2 * kMiB, 512);
    const std::uint64_t bad = kMiB + 512 * 9;
    disk.set_hook(bad_area(Operation::Kind::read, bad, 512, EIO));
    const ReadBackReport report = read_back(disk, {{0, 2 * kMiB}});
    CHECK_FALSE(report.matches(2 * kMiB));
    CHECK(report.read_faults == 1);
    CHECK(report.bytes_compared == 2 * kMiB - 512);
    CHECK(report.blocks_compared == 512);
    CHECK(report.blocks_different == 0);
    REQUIRE(report.faults.size() == 1);
    CHECK(report.faults[0].offset == bad);
    CHECK(report.faults[0].length == 512);
}

TEST_CASE("a read that lies about its success does not match") {
    MemoryDisk disk = written_disk(kMiB);
    disk.set_hook([](const Operation&) -> Fault { return {Fault::Kind::drop, 0, 0}; });
    CHECK_FALSE(read_back(disk, {{0, kMiB}}).matches(kMiB));
}

TEST_CASE("short reads are continued") {
    MemoryDisk disk = written_disk(kMiB);
    disk.set_hook([](const Operation&) -> Fault {
        return {Fault::Kind::shorten, 0, std::size_t{70'001}};
    });
    CHECK(read_back(disk, {{0, kMiB}}).matches(kMiB));
}

TEST_CASE("a range behind the end of the device does not match") {
    MemoryDisk disk = written_disk(8192);
    CHECK_FALSE(read_back(disk, {{0, 12288}}).matches(12288));
}

TEST_CASE("a stopped read_back does not match") {
    MemoryDisk disk = written_disk(2 * kMiB);
    std::stop_source source;
    source.request_stop();
    const ReadBackReport report = read_back(disk, {{0, 2 * kMiB}}, source.get_token());
    CHECK(report.stopped);
    CHECK_FALSE(report.matches(0));
}
