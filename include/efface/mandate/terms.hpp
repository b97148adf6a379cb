// SPDX-License-Identifier: Apache-2.0
// Under which terms something is erased: part of a manifest and of an order.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "efface/base/clock.hpp"
#include "efface/rules/verdict.hpp"

namespace efface::mandate {

struct Terms {
    std::string ticket;
    std::optional<WallTime> not_before;
    std::optional<WallTime> not_after;
    std::optional<WallTime> retention_until;
    rules::Level minimum_level = rules::Level::none;
};

/// Throws Error(authorisation) before `not_before`, and more than `late` after `not_after`.
void check_dates(const Terms& terms, WallTime now,
                 std::chrono::minutes late = std::chrono::minutes(0));

}  // namespace efface::mandate
