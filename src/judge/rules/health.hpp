// SPDX-License-Identifier: Apache-2.0
// The health of a drive in a record: its values are those of its raw pages. Private to the judge
// module.
#pragma once

#include "claims.hpp"

namespace efface::judge {

/// `target.health`, where there is one: the values of each look are what its pages say, and what
/// has grown is named. Throws Error(usage) that names the place.
void check_health(const RecordView& predicate);

}  // namespace efface::judge
