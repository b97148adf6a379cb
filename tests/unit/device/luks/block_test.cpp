// SPDX-License-Identifier: Apache-2.0
// The worker beside an efface that holds the device exclusively and locked.
#include <cerrno>

#include "efface/base/error.hpp"
#include "efface/device/linux_target.hpp"
#include "efface/device/luks_library.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace device_test;
using efface::device::Access;
using efface::device::LinuxTarget;
using efface::device::LuksLibraryProcess;
using efface::device::LuksLocation;
using efface::device::MetadataLock;

TEST_CASE("keys are destroyed on a device that we hold open and locked") {
    const std::string type = GENERATE("luks1", "luks2");
    ScratchFolder folder;
    make_luks(folder / "image", type, "alpha");
    const LoopDevice loop(folder / "image");
    const auto target = LinuxTarget::open(loop.path(), Access::exclusive);
    const MetadataLock lock = MetadataLock::acquire(*target, 1000);
    LuksLibraryProcess library(EFFACE_LUKS_WORKER);
    const LuksLocation location{loop.path(), {}};
    const efface::SecretBytes credential(efface::as_bytes("alpha"));
    CHECK(library.try_unlock(location, credential).code == 0);
    const auto destroyed = library.destroy_keyslots(location);
    CHECK(destroyed.load_code == 0);
    REQUIRE(destroyed.slots.size() == 1);
    CHECK(destroyed.slots[0].code == 0);
    CHECK(library.try_unlock(location, credential).code == -ENOENT);
    CHECK(library.load(location).keyslots.empty());
}
