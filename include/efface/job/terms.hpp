// SPDX-License-Identifier: Apache-2.0
// Under which terms something is erased: part of a manifest and of an order.
#pragma once

#include <optional>
#include <string>

#include "efface/base/clock.hpp"
#include "efface/method/outcome.hpp"

namespace efface::job {

struct Terms {
    std::string ticket;
    std::optional<WallTime> not_before;
    std::optional<WallTime> not_after;
    std::optional<WallTime> retention_until;
    method::Level minimum_level = method::Level::none;
};

/// Throws Error(authorisation) before `not_before` and after `not_after`.
void check_dates(const Terms& terms, WallTime now);

}  // namespace efface::job
