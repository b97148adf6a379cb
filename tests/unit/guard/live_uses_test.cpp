// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>

#include "efface/base/file.hpp"
#include "efface/guard/users.hpp"

#include "catch.hpp"
#include "live_machine.hpp"

using namespace efface;
using guard::uses_of;
using inventory::identify;
using inventory::Use;
using test::has;
using test::Loop;
using test::make_file;
using test::Mounted;
using test::run;
using test::ScratchFolder;
using test::text_of;

namespace {

constexpr std::uintmax_t kMiB = std::uintmax_t{1} << 20U;

std::vector<Use> uses_at(const std::filesystem::path& path) {
    return uses_of(identify(path));
}

/// A file with an ext4 file system and a folder "mnt" beside it.
std::filesystem::path make_ext4(const ScratchFolder& scratch, const std::string& name = "fs.img") {
    const auto file = make_file(scratch.path(), name, 8 * kMiB);
    run("mkfs.ext4 -q '" + file.string() + "'");
    std::filesystem::create_directories(scratch.path() / "mnt");
    return file;
}

}  // namespace

TEST_CASE("a file that nothing uses is free although it lies on a mounted file system") {
    const ScratchFolder scratch;
    CHECK(text_of(uses_at(make_file(scratch.path(), "a.img", kMiB))) == "");
}

TEST_CASE("an attached loop device without contents is free") {
    const ScratchFolder scratch;
    const Loop loop{make_file(scratch.path(), "a.img", kMiB)};
    CHECK(text_of(uses_at(loop.path())) == "");
}

TEST_CASE("a device that a process has open is in use, whatever its node is called") {
    const ScratchFolder scratch;
    const Loop loop{make_file(scratch.path(), "a.img", kMiB)};
    const auto number = run("stat -c '%t %T' " + loop.path());
    for (const char* name : {"null", "socket:[1]", "tty1"}) {
        const auto node = scratch.path() / name;
        run("set -- " + number + "; mknod '" + node.string() + "' b 0x$1 0x$2");
        // No child of ours: those are not counted.
        const auto reader = run("sleep 60 <'" + node.string() +
                                "' >/dev/null 2>&1 & until readlink /proc/$!/fd/0 | grep -qF '" +
                                node.string() + "'; do :; done; echo $!");
        const auto uses = uses_at(loop.path());
        run("kill " + reader);
        INFO(name << ": " << text_of(uses));
        CHECK(has(uses, ReasonCode::opened));
    }
}

TEST_CASE("a file that somebody has open of whom no process tells is opened, whatever its mode") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", kMiB);
    const bool read_only = GENERATE(false, true);
    // On its way between two processes a descriptor belongs to none.
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const efface::UniqueFd one(ends[0]);
    const efface::UniqueFd other(ends[1]);
    {
        const auto fd = efface::open_file(file, O_RDWR);
        std::array<char, CMSG_SPACE(sizeof(int))> control{};
        char byte = 'x';
        iovec data{&byte, 1};
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        const int number = fd.get();
        std::memcpy(CMSG_DATA(header), &number, sizeof number);
        REQUIRE(::sendmsg(one.get(), &message, 0) == 1);
    }
    if (read_only) {
        std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    }
    CHECK(has(uses_at(file), ReasonCode::opened, "not visible"));
}

TEST_CASE("a loop device over a file is a use of the file") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", kMiB);
    const Loop loop{file};
    CHECK(has(uses_at(file), ReasonCode::loop_backing, loop.path().substr(5)));
}

TEST_CASE("a loop device is found from another name of its file") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", kMiB);
    std::filesystem::create_hard_link(file, scratch.path() / "second");
    std::filesystem::create_symlink(file, scratch.path() / "third");
    const Loop loop{file};
    CHECK(has(uses_at(scratch.path() / "second"), ReasonCode::loop_backing));
    CHECK(has(uses_at(scratch.path() / "third"), ReasonCode::loop_backing));
}

TEST_CASE("a file that replaced the backing file of a loop device is free") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", kMiB);
    std::filesystem::create_hard_link(file, scratch.path() / "kept");
    const Loop loop{file};
    std::filesystem::remove(file);
    make_file(scratch.path(), "a.img", kMiB);
    CHECK(text_of(uses_at(file)) == "");
    CHECK(has(uses_at(scratch.path() / "kept"), ReasonCode::loop_backing));
}

TEST_CASE("a loop device over a loop device is a use of the lower one and of its file") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", kMiB);
    const Loop lower{file};
    const Loop upper{lower.path()};
    const std::string upper_name = upper.path().substr(5);
    CHECK(has(uses_at(lower.path()), ReasonCode::loop_backing, upper_name));
    CHECK(has(uses_at(file), ReasonCode::loop_backing, upper_name));
}

TEST_CASE("a mounted loop device is mounted, and so is its file") {
    const ScratchFolder scratch;
    const auto file = make_ext4(scratch);
    const auto target = scratch.path() / "mnt with\tblanks";
    std::filesystem::create_directory(target);
    const Loop loop{file};
    const Mounted mounted{loop.path(), target};
    CHECK(has(uses_at(loop.path()), ReasonCode::mounted, "/mnt with?blanks (ext4)"));
    CHECK(has(uses_at(file), ReasonCode::mounted, "/mnt with?blanks (ext4)"));
    CHECK_FALSE(has(uses_at(file), ReasonCode::root_or_boot));
}

TEST_CASE("an image on a mounted image rests on both") {
    const ScratchFolder scratch;
    const auto outer = make_ext4(scratch);
    const Loop lower{outer};
    const Mounted mounted{lower.path(), scratch.path() / "mnt"};
    const auto inner = make_file(scratch.path() / "mnt", "inner.img", kMiB);
    CHECK(text_of(uses_at(inner)) == "");
    const auto layers = inventory::layers_below(identify(inner));
    REQUIRE(layers.size() > 4);
    CHECK(layers[1].name == "ext4 file system on " + lower.path().substr(5));
    CHECK(layers[2].type == "loop");
    CHECK(layers[3].name == outer.string());
}

TEST_CASE("a device mounted only in another mount namespace is mounted") {
    const ScratchFolder scratch;
    const Loop loop{make_ext4(scratch)};
    const auto ready = scratch.path() / "ready";
    const test::Background other{{"unshare", "--mount", "--propagation", "private", "sh", "-c",
                                  "mount " + loop.path() + " " + (scratch.path() / "mnt").string() +
                                      " && touch " + ready.string() + " && exec sleep 600"}};
    for (int i = 0; i < 1000 && !std::filesystem::exists(ready); ++i) {
        ::usleep(10'000);
    }
    REQUIRE(std::filesystem::exists(ready));
    const auto uses = uses_at(loop.path());
    INFO(text_of(uses));
    CHECK(has(uses, ReasonCode::mounted,
              "in the mount namespace of process " + std::to_string(other.process())));
}

TEST_CASE("a lazily unmounted file system still holds its device") {
    const ScratchFolder scratch;
    const Loop loop{make_ext4(scratch)};
    run("mount " + loop.path() + " " + (scratch.path() / "mnt").string());
    const UniqueFd keeps_it{::open((scratch.path() / "mnt").c_str(), O_RDONLY | O_CLOEXEC)};
    REQUIRE(::umount2((scratch.path() / "mnt").c_str(), MNT_DETACH) == 0);
    CHECK(has(uses_at(loop.path()), ReasonCode::busy));
}

TEST_CASE("a target that this process holds itself is not busy by that") {
    const ScratchFolder scratch;
    const Loop loop{make_file(scratch.path(), "a.img", kMiB)};
    const auto identity = identify(loop.path());
    const UniqueFd own{::open(loop.path().c_str(), O_RDWR | O_EXCL | O_CLOEXEC)};
    REQUIRE(own);
    CHECK(text_of(uses_of(identity)) == "");
}

TEST_CASE("a file that is bind-mounted over another is mounted") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", kMiB);
    std::filesystem::create_hard_link(file, scratch.path() / "second");
    const auto place = make_file(scratch.path(), "place", 0);
    const Mounted mounted{file.string(), place, "--bind"};
    CHECK(has(uses_at(file), ReasonCode::mounted, "bind-mounted at " + place.string()));
    CHECK(has(uses_at(scratch.path() / "second"), ReasonCode::mounted, place.string()));
}

TEST_CASE("read-only targets are told") {
    const ScratchFolder scratch;
    const auto file = make_ext4(scratch);
    const Loop loop{file, "-r"};
    CHECK(has(uses_at(loop.path()), ReasonCode::read_only));
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    CHECK(has(uses_at(file), ReasonCode::read_only));
    make_file(scratch.path(), "writable.img", kMiB);
    CHECK_FALSE(has(uses_at(scratch.path() / "writable.img"), ReasonCode::read_only));
}

TEST_CASE("a file on a file system that is mounted read-only is read-only") {
    const ScratchFolder scratch;
    const Loop loop{make_ext4(scratch)};
    {
        const Mounted writable{loop.path(), scratch.path() / "mnt"};
        make_file(scratch.path() / "mnt", "inner.img", kMiB);
    }
    const Mounted mounted{loop.path(), scratch.path() / "mnt", "-o ro"};
    CHECK(has(uses_at(scratch.path() / "mnt/inner.img"), ReasonCode::read_only));
}

TEST_CASE("a disk is in use by its mounted partition, its other partition is not") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "disk.img", 32 * kMiB);
    run("printf 'label: gpt\\nsize=8MiB,uuid=6E9C1F0A-7B1D-4C58-9A55-0F4D5E6B7C81\\nsize=8MiB\\n' "
        "| sfdisk -q '" +
        file.string() + "'");
    const Loop loop{file, "-P"};
    const std::string first = loop.path() + "p1";
    const std::string second = loop.path() + "p2";
    if (!std::filesystem::exists(first)) {
        // A kernel that reads no GPT can still be told.
        run("addpart " + loop.path() + " 1 2048 16384");
        run("addpart " + loop.path() + " 2 18432 16384");
    }
    run("mkfs.ext4 -q " + first);
    std::filesystem::create_directory(scratch.path() / "mnt");
    CHECK(text_of(uses_at(loop.path())) == "");
    const Mounted mounted{first, scratch.path() / "mnt"};
    CHECK(has(uses_at(loop.path()), ReasonCode::partition_in_use, first.substr(5)));
    CHECK(has(uses_at(loop.path()), ReasonCode::mounted, "/mnt (ext4)"));
    CHECK(has(uses_at(first), ReasonCode::mounted));
    CHECK(text_of(uses_at(second)) == "");
    CHECK(identify(first).partition_uuid == "6e9c1f0a-7b1d-4c58-9a55-0f4d5e6b7c81");
    CHECK(identify(first).kind == inventory::Kind::partition);
}

TEST_CASE("both devices of a mounted btrfs are in use, and its files are copy-on-write") {
    const ScratchFolder scratch;
    const Loop a{make_file(scratch.path(), "a.img", 128 * kMiB)};
    const Loop b{make_file(scratch.path(), "b.img", 128 * kMiB)};
    run("mkfs.btrfs -q -d raid1 -m raid1 " + a.path() + " " + b.path() + " >/dev/null");
    std::filesystem::create_directory(scratch.path() / "mnt");
    const Mounted mounted{a.path(), scratch.path() / "mnt"};
    CHECK(has(uses_at(a.path()), ReasonCode::mounted, "(btrfs)"));
    CHECK(has(uses_at(b.path()), ReasonCode::mounted, "(btrfs)"));
    const auto file = make_file(scratch.path() / "mnt", "volume.img", kMiB);
    CHECK(text_of(uses_at(file)) == "");
    const auto layers = inventory::layers_below(identify(file));
    REQUIRE(layers.size() > 3);
    CHECK(layers[1].copy_on_write);
    CHECK(layers[1].name.starts_with("btrfs file system on loop"));
    CHECK(layers[2].type == "loop");
    CHECK(layers[3].type == "loop");
}
