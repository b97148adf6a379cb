// SPDX-License-Identifier: Apache-2.0
// The state folder of a station: keys and an empty log.
#pragma once

#include "efface/job/context.hpp"

namespace efface::job {

/// Writes them into `state`. All stations of one process are copies of one, as making keys takes
/// longer than a run.
void put_station(const StateDirectory& state);

}  // namespace efface::job
