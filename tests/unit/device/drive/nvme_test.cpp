// SPDX-License-Identifier: Apache-2.0
// What can be tried without an NVMe drive; the rest is in tests/system/rig/peers/nvme_peers.sh.
#include "efface/device/drive/linux_nvme.hpp"

#include "catch.hpp"

using namespace efface;
using device::LinuxNvme;

namespace {

ErrorCode refusal(const std::filesystem::path& path) {
    try {
        (void)LinuxNvme::open(path);
    } catch (const Error& error) {
        return error.code();
    }
    FAIL("opened " << path);
    return ErrorCode::internal;
}

}  // namespace

TEST_CASE("what is no NVMe controller is refused as a usage error", "[device][nvme]") {
    CHECK(refusal("/dev/no-such-node") == ErrorCode::usage);
    CHECK(refusal("/dev/null") == ErrorCode::usage);
    CHECK(refusal("/proc/self/exe") == ErrorCode::usage);
}

TEST_CASE("what is no namespace has no namespace id", "[device][nvme]") {
    CHECK_FALSE(device::nvme_namespace_id("/dev/null"));
    CHECK_FALSE(device::nvme_namespace_id("/dev/no-such-node"));
}
