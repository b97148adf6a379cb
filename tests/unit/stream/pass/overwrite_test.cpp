// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "catch.hpp"
#include "support.hpp"

using namespace stream_test;

TEST_CASE("overwrite replaces every byte of the ranges and none beside them") {
    MemoryDisk disk(Bytes(3 * kMiB, kOldByte));
    const std::vector<Range> ranges{{1000, 5000}, {kMiB - 10, kMiB + 20}};
    const OverwriteReport report = overwrite(disk, ranges);
    CHECK(report.complete());
    CHECK(report.bytes_written == 5000 + kMiB + 20);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < disk.media().size(); ++i) {
        const bool inside = (i >= 1000 && i < 6000) || (i >= kMiB - 10 && i < 2 * kMiB + 10);
        kept += !inside && disk.media()[i] == kOldByte ? 1U : 0U;
    }
    CHECK(kept == 3 * kMiB - 5000 - kMiB - 20);
    for (const Range& range : ranges) {
        CHECK_FALSE(old_bytes_left(disk.media(), range));
    }
}

TEST_CASE("overwrite flushes once, after the last write") {
    MemoryDisk disk(Bytes(3 * kMiB, kOldByte));
    std::vector<Operation::Kind> seen;
    disk.set_hook([&](const Operation& operation) -> Fault {
        seen.push_back(operation.kind);
        return {};
    });
    CHECK(overwrite(disk, {{0, 3 * kMiB}}).complete());
    CHECK(std::count(seen.begin(), seen.end(), Operation::Kind::flush) == 1);
    CHECK(seen.back() == Operation::Kind::flush);
    CHECK(disk.durable() == disk.media());
}

TEST_CASE("nothing is read by overwriting") {
    MemoryDisk disk(Bytes(2 * kMiB, kOldByte));
    std::size_t reads = 0;
    disk.set_hook([&](const Operation& operation) -> Fault {
        reads += operation.kind == Operation::Kind::read ? 1U : 0U;
        return {};
    });
    CHECK(overwrite(disk, {{0, 100}, {5000, 100}, {kMiB, kMiB}}).complete());
    CHECK(reads == 0);
}

TEST_CASE("a bad sector is named to the sector and everything around it is written") {
    MemoryDisk disk(Bytes(2 * kMiB, kOldByte), 512);
    const std::uint64_t bad = kMiB + 77 * 512;
    disk.set_hook(bad_area(Operation::Kind::write, bad, 512, EIO));
    const OverwriteReport report = overwrite(disk, {{0, 2 * kMiB}});
    CHECK_FALSE(report.complete());
    CHECK(report.write_faults == 1);
    CHECK(report.bytes_written == 2 * kMiB - 512);
    REQUIRE(report.faults.size() == 1);
    CHECK(report.faults[0].operation == "write");
    CHECK(report.faults[0].offset == bad);
    CHECK(report.faults[0].length == 512);
    CHECK(report.faults[0].error == EIO);
    CHECK_FALSE(old_bytes_left(disk.media(), {0, bad}));
    CHECK_FALSE(old_bytes_left(disk.media(), {bad + 512, 2 * kMiB - bad - 512}));
}

TEST_CASE("neighbouring bad sectors are one place but counted each") {
    MemoryDisk disk(Bytes(kMiB, kOldByte), 512);
    disk.set_hook(bad_area(Operation::Kind::write, 8192, 2048, EIO));
    const OverwriteReport report = overwrite(disk, {{0, kMiB}});
    CHECK(report.write_faults == 4);
    REQUIRE(report.faults.size() == 1);
    CHECK(report.faults[0].offset == 8192);
    CHECK(report.faults[0].length == 2048);
}

TEST_CASE("only the first kPlacesMax places are kept, all are counted") {
    MemoryDisk disk(Bytes(kMiB, kOldByte), 512);
    disk.set_hook([](const Operation& operation) -> Fault {
        // Every second sector, and with it every larger write, fails.
        const bool bad = operation.length > 512 || operation.offset % 1024 == 0;
        if (operation.kind == Operation::Kind::write && bad) {
            return {Fault::Kind::fail, EIO, 0};
        }
        return {};
    });
    const OverwriteReport report = overwrite(disk, {{0, kMiB}});
    CHECK(report.write_faults == 1024);
    CHECK(report.faults.size() == efface::stream::kPlacesMax);
    CHECK(report.bytes_written == kMiB / 2);
}

TEST_CASE("a short write is continued where it stopped") {
    MemoryDisk disk(Bytes(kMiB, kOldByte));
    disk.set_hook([](const Operation& operation) -> Fault {
        if (operation.kind == Operation::Kind::write) {
            return {Fault::Kind::shorten, 0, std::size_t{100'000}};
        }
        return {};
    });
    const OverwriteReport report = overwrite(disk, {{0, kMiB}});
    CHECK(report.complete());
    CHECK(report.bytes_written == kMiB);
    CHECK_FALSE(old_bytes_left(disk.media(), {0, kMiB}));
}

TEST_CASE("a write that makes no progress ends as a fault without an errno") {
    MemoryDisk disk(Bytes(kMiB, kOldByte));
    disk.set_hook([](const Operation& operation) -> Fault {
        if (operation.kind == Operation::Kind::write) {
            return {Fault::Kind::shorten, 0, 0};
        }
        return {};
    });
    const OverwriteReport report = overwrite(disk, {{0, kMiB}});
    CHECK_FALSE(report.complete());
    CHECK(report.bytes_written == 0);
    CHECK(report.write_faults > 0);
    CHECK(report.faults.at(0).error == 0);
    CHECK(report.faults.at(0).length == kMiB);
}

TEST_CASE("a device that is gone ends after a bounded number of attempts") {
    MemoryDisk disk(Bytes(64 * kMiB, kOldByte));
    disk.set_hook([](const Operation&) -> Fault { return {Fault::Kind::fail, ENODEV, 0}; });
    const OverwriteReport report = overwrite(disk, {{0, 64 * kMiB}});
    CHECK_FALSE(report.complete());
    CHECK(report.flush_error == ENODEV);
    // 64 pieces: one write each, the budget of retries, one flush.
    CHECK(disk.operations() <= 64 + (1U << 16U) + 1);
}

TEST_CASE("a failed flush makes the run incomplete") {
    MemoryDisk disk(Bytes(kMiB, kOldByte));
    disk.set_hook([](const Operation& operation) -> Fault {
        if (operation.kind == Operation::Kind::flush) {
            return {Fault::Kind::fail, EIO, 0};
        }
        return {};
    });
    const OverwriteReport report = overwrite(disk, {{0, kMiB}});
    CHECK_FALSE(report.complete());
    CHECK(report.flush_error == EIO);
    CHECK(report.write_faults == 0);
}

TEST_CASE("a stop is honoured between pieces and what was written is flushed") {
    MemoryDisk disk(Bytes(4 * kMiB, kOldByte));
    std::stop_source source;
    disk.set_hook([&](const Operation& operation) -> Fault {
        if (operation.kind == Operation::Kind::write && operation.offset == kMiB) {
            source.request_stop();
        }
        return {};
    });
    const OverwriteReport report = overwrite(disk, {{0, 4 * kMiB}}, source.get_token());
    CHECK(report.stopped);
    CHECK_FALSE(report.complete());
    CHECK(report.bytes_written == 2 * kMiB);
    CHECK_FALSE(old_bytes_left(disk.durable(), {0, 2 * kMiB}));
    CHECK(disk.media()[2 * kMiB] == kOldByte);
}

TEST_CASE("progress adds up to the length of the ranges") {
    MemoryDisk disk(Bytes(3 * kMiB, kOldByte));
    CountingSink sink;
    KeyedStream stream = make_stream();
    CHECK(efface::stream::overwrite(disk, {{10, 2 * kMiB}}, stream, sink, {}).complete());
    CHECK(sink.total == 2 * kMiB);
}

TEST_CASE("a range behind the end of the device is a write fault") {
    MemoryDisk disk(Bytes(8192, kOldByte));
    const OverwriteReport report = overwrite(disk, {{4096, 8192}});
    CHECK_FALSE(report.complete());
    CHECK(report.bytes_written == 4096);
    CHECK_FALSE(old_bytes_left(disk.media(), {4096, 4096}));
}
