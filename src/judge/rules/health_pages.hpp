// SPDX-License-Identifier: Apache-2.0
// What the raw pages of a drive's health say. Private to the judge module.
#pragma once

#include "claims.hpp"

namespace efface::judge {

/// The values of a look ("commandSet", "pages") as a record has them. Throws Error(usage) where a
/// page is there twice, or not what its digest says.
[[nodiscard]] Json health_values(const RecordView& look);

}  // namespace efface::judge
