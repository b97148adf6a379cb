// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "efface/base/error.hpp"
#include "efface/base/file.hpp"
#include "efface/device/aligned_buffer.hpp"
#include "efface/device/linux_target.hpp"
#include "efface/stream/overwrite.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace device_test;
using efface::Bytes;
using efface::Error;
using efface::ErrorCode;
using efface::device::Access;
using efface::device::LinuxTarget;

namespace {

class NoProgress final : public efface::ProgressSink {
    void advance(std::uint64_t /*bytes*/) override {}
};

Error error_of_open(const fs::path& path) {
    try {
        (void)LinuxTarget::open(path, Access::exclusive);
    } catch (const Error& error) {
        return error;
    }
    FAIL("opened " << path);
    return Error(ErrorCode::internal, "");
}

}  // namespace

TEST_CASE("a block device is opened directly, with the facts of the kernel") {
    ScratchFolder folder;
    make_file(folder / "image", 4 * kMiB);
    const LoopDevice loop(folder / "image");
    struct stat status {};
    REQUIRE(::stat(loop.path().c_str(), &status) == 0);
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    CHECK(target->direct_io());
    CHECK((::fcntl(target->descriptor(), F_GETFL) & O_DIRECT) != 0);
    CHECK(target->size_bytes() == 4 * kMiB);
    const auto facts = target->facts();
    CHECK(facts.is_block_device);
    CHECK(facts.device_number == status.st_rdev);
    CHECK(facts.size_bytes == 4 * kMiB);
    CHECK(std::to_string(facts.logical_block_bytes) ==
          output_of("blockdev --getss " + loop.path().string()));
    CHECK_FALSE(facts.read_only);
    REQUIRE(facts.disk_sequence.has_value());
    CHECK(std::to_string(*facts.disk_sequence) ==
          output_of("cat /sys/class/block/" + loop.path().filename().string() + "/diskseq"));
}

TEST_CASE("an attached file gets another sequence number at each attachment") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    std::uint64_t first = 0;
    {
        const LoopDevice loop(folder / "image");
        first = LinuxTarget::open(loop.path(), Access::read_only)->facts().disk_sequence.value();
    }
    const LoopDevice loop(folder / "image");
    CHECK(LinuxTarget::open(loop.path(), Access::read_only)->facts().disk_sequence.value() > first);
}

TEST_CASE("a mounted device is refused as in use") {
    ScratchFolder folder;
    make_file(folder / "image", 16 * kMiB);
    const LoopDevice loop(folder / "image");
    require("mkfs.ext4 -q " + loop.path().string());
    const Mount mount(loop.path().string(), folder / "mounted");
    const Error error = error_of_open(loop.path());
    CHECK(error.code() == ErrorCode::safety);
    CHECK(std::string(error.what()).find("in use") != std::string::npos);
    CHECK_FALSE(error.hint().empty());
    // Looking is still allowed.
    CHECK(LinuxTarget::open(loop.path(), Access::read_only)->size_bytes() == 16 * kMiB);
}

TEST_CASE("two exclusive openers exclude each other") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    const LoopDevice loop(folder / "image");
    const auto first = LinuxTarget::open(loop.path(), Access::exclusive);
    CHECK(error_of_open(loop.path()).code() == ErrorCode::safety);
}

TEST_CASE("a read-only device is refused, and shown as such to those who look") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    const LoopDevice loop(folder / "image", "--read-only");
    const Error error = error_of_open(loop.path());
    CHECK(error.code() == ErrorCode::safety);
    CHECK(std::string(error.what()).find("read-only") != std::string::npos);
    CHECK(LinuxTarget::open(loop.path(), Access::read_only)->facts().read_only);
}

TEST_CASE("a device that is set read-only later is refused") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    const LoopDevice loop(folder / "image");
    require("blockdev --setro " + loop.path().string());
    const ErrorCode code = error_of_open(loop.path()).code();
    // The mark would outlive the attachment.
    require("blockdev --setrw " + loop.path().string());
    CHECK(code == ErrorCode::safety);
}

TEST_CASE("a file on a read-only file system and an immutable file are refused") {
    ScratchFolder folder;
    make_file(folder / "image", 16 * kMiB);
    require("mkfs.ext4 -q " + (folder / "image").string());
    const Mount mount("-o loop " + (folder / "image").string(), folder / "mounted");
    write_bytes(mount / "file", 8192, 0x55);
    require("chattr +i " + (mount / "file").string());
    CHECK(error_of_open(mount / "file").code() == ErrorCode::safety);
    require("chattr -i " + (mount / "file").string());
    require("mount -o remount,ro " + (folder / "mounted").string());
    CHECK(error_of_open(mount / "file").code() == ErrorCode::safety);
}

TEST_CASE("a device of 4096-byte blocks takes writes of any offset") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    const LoopDevice loop(folder / "image", "--sector-size 4096");
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    CHECK(target->preferred_alignment() == 4096);
    const Bytes bytes(10'001, 0x77);
    CHECK(target->write_at(777, bytes).complete(bytes.size()));
    CHECK(target->flush() == 0);
    const Bytes file = read_bytes(folder / "image");
    CHECK(file[776] == 0);
    CHECK(file[777] == 0x77);
    CHECK(file[777 + 10'000] == 0x77);
    CHECK(file[777 + 10'001] == 0);
}

TEST_CASE("a read past the cache sees what changed below a device") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    const LoopDevice loop(folder / "image");
    // A buffered reader that stays keeps the page cache of the device; then the file below changes.
    const efface::UniqueFd reader(::open(loop.path().c_str(), O_RDONLY | O_CLOEXEC));
    Bytes cached(7);
    REQUIRE(::pread(reader.get(), cached.data(), cached.size(), 0) == 7);
    require("printf changed | dd conv=notrunc of=" + (folder / "image").string());
    REQUIRE(::pread(reader.get(), cached.data(), cached.size(), 0) == 7);
    REQUIRE(cached == Bytes(7, 0));
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    Bytes bytes(7);
    CHECK(target->read_at(0, bytes).complete(7));
    CHECK(efface::as_text(bytes) == "changed");
    CHECK(target->drop_cache() == 0);
    REQUIRE(::pread(reader.get(), cached.data(), cached.size(), 0) == 7);
    CHECK(efface::as_text(cached) == "changed");
}

TEST_CASE("a whole device is overwritten and read back, to its last byte") {
    ScratchFolder folder;
    // No multiple of the piece, of 4096, nor of the chunk.
    const std::size_t size = 3 * kMiB + 512 * 7;
    write_bytes(folder / "image", size, 0x55);
    const LoopDevice loop(folder / "image");
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    REQUIRE(target->size_bytes() == size);
    NoProgress progress;
    efface::stream::KeyedStream stream(Bytes(32, 1));
    const auto written = efface::stream::overwrite(*target, {{0, size}}, stream, progress, {});
    CHECK(written.complete());
    CHECK(efface::stream::read_back(*target, {{0, size}}, stream, progress, {}).matches(size));
    // openssl enc -aes-256-ctr with key 01..01 and counter 0 over zeros.
    std::string hex;
    for (int i = 0; i < 32; ++i) {
        hex += "01";
    }
    CHECK(output_of("head -c " + std::to_string(size) +
                    " /dev/zero | openssl enc -aes-256-ctr -K " + hex +
                    " -iv 00000000000000000000000000000000 | cmp - " + (folder / "image").string() +
                    " && echo same") == "same");
}

TEST_CASE("a device that has no room below reports failed writes and the rest is written") {
    ScratchFolder folder;
    const Mount mount("-t tmpfs -o size=1M tmpfs", folder / "memory");
    make_file(mount / "image", 2 * kMiB);
    const LoopDevice loop(mount / "image");
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    NoProgress progress;
    efface::stream::KeyedStream stream(Bytes(32, 1));
    const std::vector<efface::stream::Range> all{{0, 2 * kMiB}};
    const auto written = efface::stream::overwrite(*target, all, stream, progress, {});
    CHECK_FALSE(written.complete());
    CHECK(written.write_faults > 0);
    CHECK(written.bytes_written >= kMiB / 2);
    CHECK(written.bytes_written < 2 * kMiB);
    REQUIRE_FALSE(written.faults.empty());
    const int error = written.faults.back().error;
    CHECK((error == ENOSPC || error == EIO));
    const auto seen = efface::stream::read_back(*target, all, stream, progress, {});
    CHECK_FALSE(seen.matches(2 * kMiB));
    CHECK(seen.blocks_different > 0);
}

TEST_CASE("a file on tmpfs is not claimed to be read past a cache") {
    ScratchFolder folder;
    const Mount mount("-t tmpfs tmpfs", folder / "memory");
    write_bytes(mount / "file", 10'000, 0x55);
    const auto target = LinuxTarget::open(mount / "file", Access::exclusive);
    CHECK_FALSE(target->direct_io());
    const Bytes bytes(5000, 0x66);
    CHECK(target->write_at(5000, bytes).complete(5000));
    CHECK(target->flush() == 0);
    CHECK(read_bytes(mount / "file")[9999] == 0x66);
    CHECK(read_bytes(mount / "file")[4999] == 0x55);
}

TEST_CASE("a file with a ragged end is overwritten on each file system, on the medium itself") {
    const std::string type = GENERATE("ext4", "xfs", "btrfs");
    ScratchFolder folder;
    make_file(folder / "image", 320 * kMiB);
    require("mkfs." + type + " -q " + (folder / "image").string());
    const std::size_t size = kMiB + 777;
    NoProgress progress;
    efface::stream::KeyedStream stream(Bytes(32, 1));
    {
        const Mount mount("-o loop " + (folder / "image").string(), folder / "mounted");
        write_bytes(mount / "file", size, 0x55);
        const auto target = LinuxTarget::open(mount / "file", Access::exclusive);
        INFO(type);
        CHECK(target->direct_io());
        CHECK(efface::stream::overwrite(*target, {{0, size}}, stream, progress, {}).complete());
        CHECK(target->drop_cache() == 0);
        CHECK(efface::stream::read_back(*target, {{0, size}}, stream, progress, {}).matches(size));
        CHECK(read_bytes(mount / "file").size() == size);
    }
    const Mount mount("-o loop,ro " + (folder / "image").string(), folder / "mounted");
    const auto target = LinuxTarget::open(mount / "file", Access::read_only);
    CHECK(efface::stream::read_back(*target, {{0, size}}, stream, progress, {}).matches(size));
}
