// SPDX-License-Identifier: Apache-2.0
// What takes no SCSI commands is refused when it is opened. Commands need a drive: the rig has
// them.
#include <fcntl.h>

#include "efface/device/drive/linux_scsi.hpp"

#include "catch.hpp"

using namespace efface;

namespace {

ErrorCode code_of_opening(const std::filesystem::path& path) {
    try {
        (void)device::LinuxScsi::open(path);
    } catch (const Error& error) {
        return error.code();
    }
    FAIL(path << " was opened");
    return ErrorCode::internal;
}

}  // namespace

TEST_CASE("a node that takes no SG_IO is a usage error") {
    CHECK(code_of_opening("/dev/null") == ErrorCode::usage);
    CHECK(code_of_opening("/nonexistent/sda") == ErrorCode::usage);
    CHECK(code_of_opening("/proc/self/exe") == ErrorCode::usage);
}

TEST_CASE("the message names the node that takes no SG_IO") {
    CHECK_THROWS_WITH(device::LinuxScsi::adopt(open_file("/dev/zero", O_RDONLY), "target 3"),
                      Catch::Contains("target 3") && Catch::Contains("SG_IO"));
}
