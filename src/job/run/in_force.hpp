// SPDX-License-Identifier: Apache-2.0
// When an order or manifest must be in force: decided here for targets and projects.
#pragma once

#include "efface/base/clock.hpp"
#include "efface/mandate/terms.hpp"

#include "journal/journal.hpp"

namespace efface::job {

/// Throws Error(authorisation) unless storage may be changed now: asked whenever work starts or
/// goes on. `state`: of the run that goes on; nullptr: none has begun. `erased`: it has its
/// outcome. What has been erased and only lacks its evidence is finished whatever the date.
void check_in_force(const mandate::Terms& terms, const Clock& clock,
                    const RunState* state = nullptr, bool erased = false);

}  // namespace efface::job
