// SPDX-License-Identifier: Apache-2.0
// Whether the block layer may offer secure erase on a device, as far as sysfs tells.
#pragma once

#include <string>

#include "efface/inventory/inventory.hpp"

namespace efface::inventory {

struct SecureErase {
    enum class Offer {
        none,      ///< not of a kind that has it, or its driver says no
        yes,       ///< its driver says so
        not_told,  ///< the driver must be asked (device/secure_erase.hpp)
    } offer = Offer::none;
    std::string why;  ///< in words; empty for a device of another kind
};
/// A virtio disk has it as a feature bit. An eMMC has it or not, and sysfs does not say; an SD card
/// has none. No attribute of the queue tells of it (Linux 6.18, block/blk-sysfs.c).
[[nodiscard]] SecureErase secure_erase_of(const Identity& identity, const SystemView& view = {});

}  // namespace efface::inventory
