// SPDX-License-Identifier: Apache-2.0
#include "efface/device/memory/memory_target.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "catch.hpp"

using namespace efface;
using namespace efface::device;

namespace {

UniqueFd memory_file(std::size_t bytes) {
    UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
    REQUIRE(fd);
    REQUIRE(::ftruncate(fd.get(), static_cast<off_t>(bytes)) == 0);
    return fd;
}
UniqueFd again(const UniqueFd& fd) {
    return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
}
/// What a plain read of the file shows.
Bytes content(const UniqueFd& fd, std::size_t offset, std::size_t bytes) {
    Bytes result(bytes);
    REQUIRE(::pread(fd.get(), result.data(), bytes, static_cast<off_t>(offset)) ==
            static_cast<ssize_t>(bytes));
    return result;
}
constexpr std::size_t kMebibyte = std::size_t{1} << 20U;

}  // namespace

TEST_CASE("what is written through a mapping is in the file, and the other way round") {
    const auto fd = memory_file(3 * kMebibyte);
    const auto target = MappedTarget::map(again(fd), 3 * kMebibyte, StoreFlush::none, "test");
    // Longer than the window of one copy, and at an odd place.
    const Bytes text(kMebibyte + 4097, 0x5a);
    CHECK(target->write_at(1001, text).complete(text.size()));
    CHECK(content(fd, 1001, text.size()) == text);
    CHECK(content(fd, 0, 1001) == Bytes(1001));
    Bytes read(text.size());
    CHECK(target->read_at(1001, read).complete(read.size()));
    CHECK(read == text);
    CHECK(target->flush() == 0);
}

TEST_CASE("memory behind a mapping that cannot be touched is EIO, and what is before it arrives") {
    const auto fd = memory_file(kMebibyte);
    const auto target = MappedTarget::map(again(fd), 2 * kMebibyte, StoreFlush::none, "test");
    const Bytes text(8192, 0x77);
    const auto written = target->write_at(kMebibyte - 4096, text);
    CHECK(written.bytes == 4096);
    CHECK(written.error == EIO);
    CHECK(content(fd, kMebibyte - 4096, 4096) == Bytes(4096, 0x77));
    Bytes read(8192);
    const auto got = target->read_at(kMebibyte - 4096, read);
    CHECK(got.bytes == 4096);
    CHECK(got.error == EIO);
    CHECK(target->write_at(kMebibyte, text).bytes == 0);
}

TEST_CASE("cache lines are flushed where the processor lets a program do so") {
    const auto fd = memory_file(kMebibyte);
    const auto target = MappedTarget::map(again(fd), kMebibyte, StoreFlush::cache_lines, "test");
    CHECK(target->write_at(100, Bytes(5000, 1)).complete(5000));
    CHECK(target->flush() == (can_flush_cache_lines() ? 0 : ENOTSUP));
    CHECK(content(fd, 100, 5000) == Bytes(5000, 1));
}

TEST_CASE("an open file is written and read where it is") {
    const auto fd = memory_file(10000);
    OpenFileTarget target(again(fd), 10000);
    CHECK(target.size_bytes() == 10000);
    CHECK(target.write_at(9990, Bytes(10, 3)).complete(10));
    CHECK(content(fd, 9990, 10) == Bytes(10, 3));
    // Shortened by somebody: a read that ends early is an answer.
    REQUIRE(::ftruncate(fd.get(), 9995) == 0);
    Bytes read(10);
    const auto got = target.read_at(9990, read);
    CHECK(got.bytes == 5);
    CHECK(got.error == 0);
    CHECK_FALSE(got.complete(10));
}

TEST_CASE("pieces of data are found in a file with holes") {
    const auto fd = memory_file(kMebibyte);
    CHECK_FALSE(next_data(fd.get(), 0, kMebibyte));
    const std::uint8_t byte = 1;
    for (const off_t at : {300000, 800000}) {
        REQUIRE(::pwrite(fd.get(), &byte, 1, at) == 1);
    }
    const auto first = next_data(fd.get(), 0, kMebibyte);
    REQUIRE(first);
    CHECK(first->offset <= 300000);
    CHECK(first->offset + first->length > 300000);
    CHECK(first->length <= 4096);
    const auto second = next_data(fd.get(), first->offset + first->length, kMebibyte);
    REQUIRE(second);
    CHECK(second->offset <= 800000);
    CHECK_FALSE(next_data(fd.get(), second->offset + second->length, kMebibyte));
    CHECK_FALSE(next_data(fd.get(), 0, 100000));  // as far as was asked
}

TEST_CASE("pages that are in memory are found without making the others") {
    const auto fd = memory_file(kResidentWindowBytes);
    const std::uint8_t byte = 1;
    for (const off_t at : {3 * 4096, 4 * 4096 + 7, 60 * 4096}) {
        REQUIRE(::pwrite(fd.get(), &byte, 1, at) == 1);
    }
    struct stat before {};
    REQUIRE(::fstat(fd.get(), &before) == 0);
    const auto ranges = resident_ranges(fd.get(), 0, kResidentWindowBytes);
    REQUIRE(ranges.size() == 2);
    CHECK(ranges[0].offset == 3 * 4096);
    CHECK(ranges[0].length == 2 * 4096);
    CHECK(ranges[1].offset == 60 * 4096);
    CHECK(ranges[1].length == 4096);
    CHECK(resident_ranges(fd.get(), 61 * 4096, kMebibyte).empty());
    struct stat after {};
    REQUIRE(::fstat(fd.get(), &after) == 0);
    CHECK(after.st_blocks == before.st_blocks);  // looking made no page
}

TEST_CASE("the kernel says whether a file is open or mapped elsewhere") {
    char name[] = "/dev/shm/efface-test-XXXXXX";
    const UniqueFd fd(::mkstemp(name));
    REQUIRE(fd);
    REQUIRE(::ftruncate(fd.get(), 4096) == 0);
    const auto answer = open_elsewhere(fd.get());
    if (answer) {
        CHECK_FALSE(*answer);
        {
            const UniqueFd other(::open(name, O_RDONLY | O_CLOEXEC));
            CHECK(open_elsewhere(fd.get()) == true);
        }
        CHECK(open_elsewhere(fd.get()) == false);
        void* page = nullptr;
        {
            const UniqueFd other(::open(name, O_RDONLY | O_CLOEXEC));
            page = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, other.get(), 0);
        }
        CHECK(open_elsewhere(fd.get()) == true);
        ::munmap(page, 4096);
        CHECK(open_elsewhere(fd.get()) == false);
    }
    ::unlink(name);
    REQUIRE(answer);  // tmpfs gives leases
}

TEST_CASE("a command to a control file is one write, and a refusal is an answer") {
    char name[] = "/tmp/efface-test-XXXXXX";
    const UniqueFd fd(::mkstemp(name));
    REQUIRE(fd);
    CHECK(write_control(name, "erase 0") == 0);
    CHECK(content(fd, 0, 7) == Bytes{'e', 'r', 'a', 's', 'e', ' ', '0'});
    ::unlink(name);
    CHECK(write_control(name, "1") == ENOENT);
    CHECK(swap_off("/nowhere") == (::geteuid() == 0 ? ENOENT : EPERM));
}
