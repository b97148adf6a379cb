// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "efface/base/error.hpp"
#include "efface/device/aligned_buffer.hpp"
#include "efface/device/linux_target.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace device_test;
using efface::Bytes;
using efface::Error;
using efface::ErrorCode;
using efface::device::Access;
using efface::device::LinuxTarget;

namespace {

ErrorCode code_of_open(const fs::path& path, Access access) {
    try {
        (void)LinuxTarget::open(path, access);
    } catch (const Error& error) {
        INFO(error.what());
        CHECK(std::string(error.what()).find(path.string()) != std::string::npos);
        return error.code();
    }
    FAIL("opened " << path);
    return ErrorCode::internal;
}

}  // namespace

TEST_CASE("a missing path is a usage error") {
    ScratchFolder folder;
    CHECK(code_of_open(folder / "none", Access::read_only) == ErrorCode::usage);
    CHECK(code_of_open(folder / "none", Access::exclusive) == ErrorCode::usage);
}

TEST_CASE("a folder, a pipe and a character device are usage errors") {
    ScratchFolder folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    CHECK(code_of_open(folder.path(), Access::read_only) == ErrorCode::usage);
    CHECK(code_of_open(folder / "pipe", Access::exclusive) == ErrorCode::usage);
    CHECK(code_of_open("/dev/null", Access::exclusive) == ErrorCode::usage);
}

TEST_CASE("a symbolic link leads to its target") {
    ScratchFolder folder;
    write_bytes(folder / "disk", 8192, 0x11);
    fs::create_symlink(folder / "disk", folder / "by-id");
    CHECK(LinuxTarget::open(folder / "by-id", Access::exclusive)->size_bytes() == 8192);
}

TEST_CASE("the facts of a file are those of stat") {
    ScratchFolder folder;
    write_bytes(folder / "disk", 10'000, 0x11);
    fs::create_hard_link(folder / "disk", folder / "second name");
    struct stat status {};
    REQUIRE(::stat((folder / "disk").c_str(), &status) == 0);
    const auto target = LinuxTarget::open(folder / "disk", Access::read_only);
    auto facts = target->facts();
    CHECK_FALSE(facts.is_block_device);
    CHECK(facts.filesystem_device == status.st_dev);
    CHECK(facts.inode == status.st_ino);
    CHECK(facts.device_number == 0);
    CHECK_FALSE(facts.disk_sequence.has_value());
    CHECK(facts.size_bytes == 10'000);
    CHECK(facts.logical_block_bytes == 512);
    CHECK_FALSE(facts.read_only);
    CHECK(facts.link_count == 2);
    REQUIRE(::chmod((folder / "disk").c_str(), 0400) == 0);
    fs::remove(folder / "second name");
    CHECK(target->facts().read_only);
    CHECK(target->facts().link_count == 1);
}

TEST_CASE("any offset and length can be written and read, also at a ragged end") {
    const std::size_t size = GENERATE(std::size_t{8192}, std::size_t{10'000}, std::size_t{300});
    ScratchFolder folder;
    write_bytes(folder / "disk", size, 0x55);
    const auto target = LinuxTarget::open(folder / "disk", Access::exclusive);
    Bytes expected(size, 0x55);
    const auto write = [&](std::uint64_t offset, std::size_t length, std::uint8_t value) {
        const Bytes bytes(length, value);
        INFO("write " << length << " at " << offset << " of " << size);
        CHECK(target->write_at(offset, bytes).complete(length));
        std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(offset), length, value);
    };
    write(0, size, 0x01);
    write(1, size - 2, 0x02);
    write(size / 2, 1, 0x03);
    write(size - 1, 1, 0x04);
    write(0, 7, 0x05);
    if (size > 8000) {
        write(511, 514, 0x06);
        write(4096, 4000, 0x07);
        write(100, 7000, 0x08);
    }
    REQUIRE(target->flush() == 0);
    CHECK(read_bytes(folder / "disk") == expected);
    for (std::size_t offset = 0; offset < size; offset += 97) {
        for (const std::size_t length : {std::size_t{1}, std::size_t{512}, std::size_t{5000}}) {
            const std::size_t there = std::min(length, size - offset);
            Bytes bytes(there);
            INFO("read " << there << " at " << offset);
            CHECK(target->read_at(offset, bytes).complete(there));
            CHECK(std::equal(bytes.begin(), bytes.end(),
                             expected.begin() + static_cast<std::ptrdiff_t>(offset)));
        }
    }
}

TEST_CASE("a transfer larger than the bounce buffer works at an odd address and offset") {
    ScratchFolder folder;
    write_bytes(folder / "disk", 3 * kMiB, 0x55);
    const auto target = LinuxTarget::open(folder / "disk", Access::exclusive);
    Bytes bytes(2 * kMiB + 5);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(i * 7 + (i >> 9U));
    }
    const auto odd = efface::ByteView(bytes).subspan(1);
    CHECK(target->write_at(12'345, odd).complete(odd.size()));
    Bytes seen(odd.size() + 1);
    CHECK(target->read_at(12'345, efface::MutableByteView(seen).subspan(1)).complete(odd.size()));
    CHECK(std::equal(odd.begin(), odd.end(), seen.begin() + 1));
    const Bytes file = read_bytes(folder / "disk");
    CHECK(std::equal(odd.begin(), odd.end(), file.begin() + 12'345));
    CHECK(file[12'344] == 0x55);
    CHECK(file[12'345 + odd.size()] == 0x55);
}

TEST_CASE("a file never grows: what lies behind the end is refused") {
    ScratchFolder folder;
    write_bytes(folder / "disk", 1000, 0x55);
    const auto target = LinuxTarget::open(folder / "disk", Access::exclusive);
    const Bytes bytes(600, 0x01);
    const auto across = target->write_at(700, bytes);
    CHECK(across.bytes == 300);
    CHECK(across.error == ENOSPC);
    CHECK(target->write_at(1000, bytes).error == ENOSPC);
    CHECK(target->write_at(UINT64_MAX - 10, bytes).error == ENOSPC);
    CHECK(fs::file_size(folder / "disk") == 1000);
    Bytes seen(600);
    CHECK(target->read_at(700, seen).bytes == 300);
    CHECK(target->read_at(1000, seen).bytes == 0);
}

TEST_CASE("a target that was opened to look cannot be written") {
    ScratchFolder folder;
    write_bytes(folder / "disk", 8192, 0x55);
    const auto target = LinuxTarget::open(folder / "disk", Access::read_only);
    const Bytes bytes(4096, 0x01);
    CHECK(target->write_at(0, bytes).error == EBADF);
    CHECK(read_bytes(folder / "disk") == Bytes(8192, 0x55));
}

TEST_CASE("the descriptor is not inherited by a child") {
    ScratchFolder folder;
    write_bytes(folder / "disk", 8192, 0x55);
    const auto target = LinuxTarget::open(folder / "disk", Access::read_only);
    CHECK((::fcntl(target->descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("direct I/O is claimed only where the descriptor has it") {
    ScratchFolder folder;
    write_bytes(folder / "disk", 8192, 0x55);
    const auto target = LinuxTarget::open(folder / "disk", Access::read_only);
    const bool flag = (::fcntl(target->descriptor(), F_GETFL) & O_DIRECT) != 0;
    CHECK(target->direct_io() == flag);
    CHECK(target->drop_cache() == 0);
}
