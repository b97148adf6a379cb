// SPDX-License-Identifier: Apache-2.0
// Reasons not to touch a target that its storage does not know: the order, the level asked for.
#pragma once

#include "efface/job/target_run.hpp"

namespace efface::job {

/// Throws Error(authorisation) when it is not there.
[[nodiscard]] const mandate::OrderTarget& target_in(const mandate::Order& order,
                                                    const std::string& name);
/// Adds what differs from the order to the plan's objections, and the order's asset tag to what was
/// found. `again`: the order was carried out on this target before.
void object_to_order(TargetPlan& plan, const mandate::Order& order, const std::string& name,
                     bool again);
void object_to_level(TargetPlan& plan, method::Level wanted);
/// True when nothing but another user of the device is in the way.
[[nodiscard]] bool only_busy(const TargetPlan& plan);

}  // namespace efface::job
