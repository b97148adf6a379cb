// SPDX-License-Identifier: Apache-2.0
// Passes of stream over queues of the running kernel. The digests are of
//   head -c SIZE /dev/zero | openssl enc -aes-256-ctr -K 0101...01 -iv 00...00
#include "efface/base/clock.hpp"
#include "efface/base/digest.hpp"
#include "efface/device/linux_target.hpp"
#include "efface/stream/pass.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace device_test;
using efface::Bytes;
using efface::device::Access;
using efface::device::LinuxTarget;
using efface::stream::CheckReport;
using efface::stream::FillReport;
using efface::stream::Pattern;

namespace {

constexpr std::size_t kWhole = 9 * kMiB;
const char* const kWholeDigest = "0fd6478ce79fb07bcd10a233206d49edf97d582ada0a42dab036201bf090acbe";
constexpr std::size_t kRagged = 5 * kMiB + 1234;
const char* const kRaggedDigest =
    "557b9bdc6d124318779984208012ada01120f4862f7ef6a163132394c02e5620";

class Watcher final : public efface::stream::PassWatcher {
  public:
    Go go(const efface::stream::Pace&) override { return Go::on; }
    void advance(std::uint64_t bytes) override { total += bytes; }
    void written(std::uint64_t, const FillReport&) override {}
    void compared(std::uint64_t, const CheckReport&) override {}
    std::uint64_t total = 0;
};

const Pattern kRandom{Pattern::Kind::random, Bytes(32, 1)};

FillReport fill(LinuxTarget& target, const Pattern& pattern = kRandom) {
    Watcher watcher;
    FillReport report =
        efface::stream::fill(target, pattern, 0, {}, watcher, efface::SystemClock(), {});
    CHECK(watcher.total == target.size_bytes());
    return report;
}

CheckReport check(LinuxTarget& target, const Pattern& pattern = kRandom) {
    Watcher watcher;
    return efface::stream::check(target, pattern, {{0, target.size_bytes()}}, {}, watcher,
                                 efface::SystemClock(), {});
}

std::string digest_of(const fs::path& file) {
    return efface::sha256_hex(efface::ByteView(read_bytes(file)));
}

/// Fills, looks at the file below by other means, checks; then changes the last byte below.
void fill_and_check(const fs::path& path, const fs::path& below, std::size_t size,
                    const char* digest) {
    {
        const auto target = LinuxTarget::open(path, Access::exclusive);
        const FillReport report = fill(*target);
        CHECK(report.bytes_written == size);
        CHECK(report.watermark == size);
        CHECK(report.write_faults.count == 0);
        CHECK(check(*target).matches());
        CHECK(target->drop_cache() == 0);
    }
    CHECK(digest_of(below) == digest);
    const auto target = LinuxTarget::open(path, Access::exclusive);
    Bytes last(1);
    REQUIRE(target->read_at(size - 1, last).complete(1));
    last[0] ^= 1U;
    REQUIRE(target->write_at(size - 1, last).complete(1));
    const CheckReport seen = check(*target);
    CHECK(seen.blocks_different == 1);
    REQUIRE(seen.different.size() == 1);
    CHECK(seen.different[0].end() == size);
}

}  // namespace

TEST_CASE("a loop device is filled and checked through io_uring, whatever its blocks") {
    const std::string block = GENERATE("512", "4096");
    ScratchFolder folder;
    write_bytes(folder / "image", kWhole, 0x55);
    const LoopDevice loop(folder / "image", "--sector-size " + block);
    INFO("blocks of " << block);
    fill_and_check(loop.path(), folder / "image", kWhole, kWholeDigest);
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    const FillReport report = fill(*target, {Pattern::Kind::repeating, {0x92, 0x49, 0x24}});
    // Where the kernel refuses io_uring the note says so; that is a test of its own.
    CHECK((report.engine.starts_with("io_uring") || !report.engine_note.empty()));
    CHECK(check(*target, {Pattern::Kind::repeating, {0x92, 0x49, 0x24}}).matches());
    CHECK_FALSE(check(*target).matches());
}

TEST_CASE("a file with a ragged end is filled and checked on each file system") {
    const std::string type = GENERATE("ext4", "xfs", "btrfs");
    ScratchFolder folder;
    make_file(folder / "image", 320 * kMiB);
    require("mkfs." + type + " -q " + (folder / "image").string());
    const Mount mount("-o loop " + (folder / "image").string(), folder / "mounted");
    write_bytes(mount / "file", kRagged, 0x55);
    INFO(type);
    fill_and_check(mount / "file", mount / "file", kRagged, kRaggedDigest);
    CHECK(fs::file_size(mount / "file") == kRagged);
}

TEST_CASE("a file on tmpfs is filled without direct I/O, and the record says so") {
    ScratchFolder folder;
    const Mount mount("-t tmpfs tmpfs", folder / "memory");
    write_bytes(mount / "file", kRagged, 0x55);
    fill_and_check(mount / "file", mount / "file", kRagged, kRaggedDigest);
    const auto target = LinuxTarget::open(mount / "file", Access::exclusive);
    const FillReport report = fill(*target);
    CHECK(report.engine == "pread/pwrite");
    CHECK(report.engine_note == "no direct I/O on this file system");
}

TEST_CASE("a loop device that has no room below names what was not written") {
    ScratchFolder folder;
    const Mount mount("-t tmpfs -o size=2M tmpfs", folder / "memory");
    make_file(mount / "image", 4 * kMiB);
    const LoopDevice loop(mount / "image");
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    const FillReport written = fill(*target);
    CHECK(written.write_faults.bytes >= kMiB);
    CHECK(written.write_faults.bytes + written.bytes_written == 4 * kMiB);
    std::uint64_t named = 0;
    for (const efface::stream::Fault& fault : written.write_faults.areas) {
        CHECK((fault.error == EIO || fault.error == ENOSPC));
        named += fault.length;
    }
    CHECK(named == written.write_faults.bytes);
    const CheckReport seen = check(*target);
    CHECK_FALSE(seen.matches());
    CHECK(seen.blocks_different * 512 <= written.write_faults.bytes);
}
