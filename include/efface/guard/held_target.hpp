// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "efface/device/linux_target.hpp"
#include "efface/device/zones.hpp"

namespace efface::guard {

/// One opened target. Closing it releases everything that it holds.
class HeldTarget {
  public:
    virtual ~HeldTarget() = default;
    [[nodiscard]] virtual device::BlockTarget& storage() = 0;
    [[nodiscard]] virtual device::TargetFacts facts() const = 0;
    [[nodiscard]] virtual device::ExtentReport extents() const = 0;
    [[nodiscard]] virtual bool direct_io() const = 0;
    /// Keeps cryptsetup and udev away until the target is closed. Throws Error(busy).
    virtual void lock_metadata() = 0;
    /// Makes later reads come from the medium. 0 or an errno.
    [[nodiscard]] virtual int drop_cache() = 0;
    /// Of a zoned disk; nullptr where nothing is known of zones. Owned by this.
    [[nodiscard]] virtual device::ZoneControl* zones() { return nullptr; }
};

}  // namespace efface::guard
