// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "efface/device/linux_target.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace device_test;
using efface::device::loop_backing;

TEST_CASE("a loop device leads to its file by path and by identity") {
    ScratchFolder folder;
    make_file(folder / "image", 2 * kMiB);
    struct stat status {};
    REQUIRE(::stat((folder / "image").c_str(), &status) == 0);
    const LoopDevice loop(folder / "image", "--offset 4096 --sizelimit 1048576");
    const auto backing = loop_backing(loop.path());
    REQUIRE(backing.has_value());
    CHECK(backing->path == (folder / "image").string());
    CHECK(backing->device == status.st_dev);
    CHECK(backing->inode == status.st_ino);
    CHECK(backing->offset_bytes == 4096);
    CHECK(backing->size_limit_bytes == 1'048'576);
}

TEST_CASE("a path longer than the loop driver's own field is whole") {
    ScratchFolder folder;
    const fs::path deep = folder / std::string(100, 'a') / std::string(100, 'b');
    fs::create_directories(deep);
    make_file(deep / "image", kMiB);
    const LoopDevice loop(deep / "image");
    CHECK(loop_backing(loop.path()).value().path == (deep / "image").string());
}

TEST_CASE("a renamed file keeps its identity under the device") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    const LoopDevice loop(folder / "image");
    const auto before = loop_backing(loop.path()).value();
    fs::rename(folder / "image", folder / "other");
    make_file(folder / "image", kMiB);
    const auto after = loop_backing(loop.path()).value();
    CHECK(after.inode == before.inode);
    struct stat replaced {};
    REQUIRE(::stat((folder / "image").c_str(), &replaced) == 0);
    CHECK(after.inode != replaced.st_ino);
}

TEST_CASE("a loop device on a device has that device's node as its file") {
    ScratchFolder folder;
    make_file(folder / "image", 2 * kMiB);
    const LoopDevice lower(folder / "image");
    const LoopDevice upper(lower.path());
    CHECK(loop_backing(upper.path()).value().path == lower.path().string());
}

TEST_CASE("a loop device that was let go has no file") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    fs::path path;
    {
        const LoopDevice loop(folder / "image");
        path = loop.path();
    }
    // Someone else may look at it for a moment, which keeps it, or have taken the number since.
    const auto still_ours = [&] {
        const auto backing = loop_backing(path);
        return backing && backing->path == (folder / "image").string();
    };
    for (int again = 0; again < 50 && still_ours(); ++again) {
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
    CHECK_FALSE(still_ours());
}
