// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "efface/base/error.hpp"
#include "efface/base/file.hpp"
#include "efface/device/linux_target.hpp"

#include "catch.hpp"
#include "support.hpp"

using efface::UniqueFd;
using efface::device::extents_of;

TEST_CASE("a file in memory has no known places and says so") {
    const UniqueFd fd(::memfd_create("extents", MFD_CLOEXEC));
    REQUIRE(::ftruncate(fd.get(), 8192) == 0);
    const auto report = extents_of(fd.get());
    CHECK_FALSE(report.supported);
    CHECK(report.filesystem == "tmpfs");
    CHECK(report.memory);
    CHECK_FALSE(report.copy_on_write);
    CHECK(report.extents.empty());
}

TEST_CASE("something that is no regular file has no extents and no file system") {
    const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const auto report = extents_of(fd.get());
    CHECK_FALSE(report.supported);
    CHECK(report.filesystem.empty());
    CHECK_FALSE(report.memory);
}

TEST_CASE("a file system that is not in the table is named by its magic") {
    const UniqueFd fd(::open("/proc/version", O_RDONLY | O_CLOEXEC));
    // PROC_SUPER_MAGIC of linux/magic.h.
    CHECK(extents_of(fd.get()).filesystem == "0x00009fa0");
}

TEST_CASE("a descriptor that is not open is an error") {
    CHECK_THROWS_AS(extents_of(-1), efface::Error);
}

TEST_CASE("a number that is no device-mapper device has no table") {
    CHECK(efface::device::dm_table(7, 0).empty());
    CHECK(efface::device::dm_table(0, 0).empty());
}

TEST_CASE("a regular file is no loop device") {
    device_test::ScratchFolder folder;
    device_test::write_bytes(folder / "file", 512, 0);
    CHECK_FALSE(efface::device::loop_backing(folder / "file").has_value());
}
