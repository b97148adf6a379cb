// SPDX-License-Identifier: Apache-2.0
// Triage: whether a drive is too worn to be erased, by the limits of the order and what the drive
// reports.
#pragma once

#include <vector>

#include "efface/mandate/limits.hpp"
#include "efface/method/drive/health.hpp"

namespace efface::policy {

/// Why it is refused: health-limit for each limit that is passed, health-not-reported for each that
/// cannot be looked at as the drive reports no such value. A value at its limit is within it.
[[nodiscard]] std::vector<Reason> examine_health(const mandate::HealthLimits& limits,
                                                 const method::Health& health);

}  // namespace efface::policy
