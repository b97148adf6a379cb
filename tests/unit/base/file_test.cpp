// SPDX-License-Identifier: Apache-2.0
#include "efface/base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catch.hpp"
#include "fake/scratch.hpp"

using namespace efface;

TEST_CASE("a file that is not there is an answer", "[base][file]") {
    const fake::ScratchDirectory scratch;
    CHECK_FALSE(read_file(scratch.path() / "none", 100));
    CHECK_FALSE(read_file(scratch.path() / "none" / "below", 100));
}

TEST_CASE("a file larger than allowed is refused", "[base][file]") {
    const fake::ScratchDirectory scratch;
    write_file_durably(scratch.path() / "f", std::string_view("12345"));
    CHECK(read_text_file(scratch.path() / "f", 5) == "12345");
    CHECK_THROWS_AS(read_text_file(scratch.path() / "f", 4), Error);
}

TEST_CASE("files of the kernel say size 0 and are read whole", "[base][file]") {
    const auto text = read_text_file("/proc/self/mountinfo", 4U << 20U);
    REQUIRE(text);
    CHECK(text->find(" / ") != std::string::npos);
}

TEST_CASE("a durable write replaces the file, its mode, and leaves nothing beside it",
          "[base][file]") {
    const fake::ScratchDirectory scratch;
    const auto path = scratch.path() / "f";
    write_file_durably(path, std::string_view("old"), 0600);
    write_file_durably(path, std::string_view("new content"), 0644);
    CHECK(read_text_file(path, 100) == "new content");
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0644);
    CHECK(std::distance(std::filesystem::directory_iterator(scratch.path()), {}) == 1);
}

TEST_CASE("a durable write takes the place of no pipe, socket or device, by no name",
          "[base][file]") {
    const fake::ScratchDirectory scratch;
    const auto pipe = scratch.path() / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const auto link = scratch.path() / "link";
    std::filesystem::create_symlink(pipe, link);
    const auto device = scratch.path() / "device";
    std::filesystem::create_symlink("/dev/full", device);  // through a link: it is the machine's
    for (const auto& path : {pipe, link, device}) {
        CHECK_THROWS_AS(write_file_durably(path, std::string_view("x")), Error);
    }
    CHECK(std::filesystem::is_fifo(pipe));
    CHECK(std::filesystem::is_symlink(link));
    CHECK(std::filesystem::is_symlink(device));
    CHECK(std::distance(std::filesystem::directory_iterator(scratch.path()), {}) == 3);
}

TEST_CASE("a durable write leaves alone what another process is writing", "[base][file]") {
    const fake::ScratchDirectory scratch;
    const auto held = FileLock::try_acquire(scratch.path() / "f.tmp");
    REQUIRE(held);
    write_file_durably(scratch.path() / "f", std::string_view("x"));
    CHECK(read_text_file(scratch.path() / "f", 100) == "x");
    CHECK(std::filesystem::exists(scratch.path() / "f.tmp"));
}

TEST_CASE("a durable write takes over what a killed process left", "[base][file]") {
    const fake::ScratchDirectory scratch;
    {
        const UniqueFd left = open_file(scratch.path() / "f.tmp", O_WRONLY | O_CREAT);
        write_all(left.get(), as_bytes(std::string_view("much longer")), "f.tmp");
    }
    write_file_durably(scratch.path() / "f", std::string_view("x"));
    CHECK(read_text_file(scratch.path() / "f", 100) == "x");
    CHECK_FALSE(std::filesystem::exists(scratch.path() / "f.tmp"));
}

TEST_CASE("a durable write does not follow a planted link", "[base][file]") {
    const fake::ScratchDirectory scratch;
    write_file_durably(scratch.path() / "victim", std::string_view("precious"));
    std::filesystem::create_symlink(scratch.path() / "victim", scratch.path() / "f.tmp");
    CHECK_THROWS_AS(write_file_durably(scratch.path() / "f", std::string_view("x")), Error);
    CHECK(read_text_file(scratch.path() / "victim", 100) == "precious");
}

TEST_CASE("a lock is held by one and free again after it", "[base][file]") {
    const fake::ScratchDirectory scratch;
    {
        const auto first = FileLock::try_acquire(scratch.path() / "lock");
        REQUIRE(first);
        CHECK_FALSE(FileLock::try_acquire(scratch.path() / "lock"));
    }
    {  // by who may only read it, as nobody writes into a program that runs
        const auto running = std::filesystem::canonical("/proc/self/exe");
        const auto first = FileLock::try_acquire(running);
        REQUIRE(first);
        CHECK_FALSE(FileLock::try_acquire(running));
    }
    CHECK(FileLock::try_acquire(scratch.path() / "lock"));
}

TEST_CASE("a descriptor has one owner", "[base][file]") {
    UniqueFd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int number = first.get();
    UniqueFd second = std::move(first);
    CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move): that it is empty is the test
    CHECK(second.get() == number);
    second.reset();
    CHECK(::fcntl(number, F_GETFD) == -1);
}
