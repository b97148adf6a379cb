// SPDX-License-Identifier: Apache-2.0
// The lock is worth something only if cryptsetup itself waits for it.
#include "efface/base/error.hpp"
#include "efface/device/linux_target.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace device_test;
using efface::Error;
using efface::ErrorCode;
using efface::device::Access;
using efface::device::LinuxTarget;
using efface::device::MetadataLock;

namespace {

/// Exit status of timeout(1) when the command was still waiting.
constexpr int kTimedOut = 124;

std::string add_key(const ScratchFolder& folder, const fs::path& where) {
    return "timeout 2 cryptsetup luksAddKey -q" + std::string(kCheap) + "--key-file " +
           (folder / "old").string() + " " + where.string() + " " + (folder / "new").string();
}

std::string kill_slot(const ScratchFolder& folder, const fs::path& where) {
    return "timeout 2 cryptsetup luksKillSlot -q --key-file " + (folder / "old").string() + " " +
           where.string() + " 1";
}

void make_keys(const ScratchFolder& folder) {
    require("printf alpha > " + (folder / "old").string());
    require("printf beta > " + (folder / "new").string());
}

ErrorCode code_of_acquire(const LinuxTarget& target) {
    try {
        (void)MetadataLock::acquire(target, 100);
    } catch (const Error& error) {
        return error.code();
    }
    FAIL("locked twice");
    return ErrorCode::internal;
}

}  // namespace

TEST_CASE("cryptsetup waits to change an image file until the lock is released") {
    ScratchFolder folder;
    const fs::path image = folder / "image";
    make_luks(image, "luks2", "alpha");
    make_keys(folder);
    const auto target = LinuxTarget::open(image, Access::exclusive);
    {
        const MetadataLock lock = MetadataLock::acquire(*target, 1000);
        CHECK(run(add_key(folder, image)) == kTimedOut);
    }
    CHECK(run(add_key(folder, image)) == 0);
    {
        const MetadataLock lock = MetadataLock::acquire(*target, 1000);
        CHECK(run(kill_slot(folder, image)) == kTimedOut);
    }
    CHECK(run(kill_slot(folder, image)) == 0);
}

TEST_CASE("cryptsetup waits to change a block device until the lock is released") {
    ScratchFolder folder;
    make_luks(folder / "image", "luks2", "alpha");
    make_keys(folder);
    const LoopDevice loop(folder / "image");
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    {
        const MetadataLock lock = MetadataLock::acquire(*target, 1000);
        CHECK(run(add_key(folder, loop.path())) == kTimedOut);
        // What udev does before it probes.
        CHECK(run("flock --shared --nonblock " + loop.path().string() + " true") == 1);
    }
    CHECK(run("flock --shared --nonblock " + loop.path().string() + " true") == 0);
    CHECK(run(add_key(folder, loop.path())) == 0);
}

TEST_CASE("a device of another number is not locked") {
    ScratchFolder folder;
    make_luks(folder / "image", "luks2", "alpha");
    make_luks(folder / "other", "luks2", "alpha");
    make_keys(folder);
    const LoopDevice loop(folder / "image");
    const LoopDevice other(folder / "other");
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    const MetadataLock lock = MetadataLock::acquire(*target, 1000);
    CHECK(run(add_key(folder, other.path())) == 0);
}

TEST_CASE("whoever waits longer than the deadline gets a busy error") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    const LoopDevice loop(folder / "image");
    for (const fs::path& path : {folder / "image", loop.path()}) {
        INFO(path);
        const auto target = LinuxTarget::open(path, Access::read_only);
        auto lock = std::make_unique<MetadataLock>(MetadataLock::acquire(*target, 1000));
        CHECK(code_of_acquire(*target) == ErrorCode::busy);
        lock.reset();
        CHECK_NOTHROW(MetadataLock::acquire(*target, 100));
    }
}

TEST_CASE("the resource file of a device is gone after the release") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    const LoopDevice loop(folder / "image");
    const fs::path resource =
        "/run/cryptsetup/L_" +
        output_of("cat /sys/class/block/" + loop.path().filename().string() + "/dev");
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    {
        const MetadataLock lock = MetadataLock::acquire(*target, 1000);
        CHECK(fs::exists(resource));
    }
    CHECK_FALSE(fs::exists(resource));
}

TEST_CASE("a lock that is moved stays held") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    const auto target = LinuxTarget::open(folder / "image", Access::exclusive);
    MetadataLock first = MetadataLock::acquire(*target, 1000);
    const MetadataLock second = std::move(first);
    CHECK(code_of_acquire(*target) == ErrorCode::busy);
}
