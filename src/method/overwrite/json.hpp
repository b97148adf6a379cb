// SPDX-License-Identifier: Apache-2.0
// Parts of a record of passes: efface-certificate(5).
#pragma once

#include "efface/base/json.hpp"
#include "efface/stream/pass.hpp"

namespace efface::method {

/// {"count","bytes","areas":[{"offset","length","error"}]}
[[nodiscard]] Json areas_json(const stream::FaultAreas& faults);
/// [{"offset","foundSha256","zero"}]
[[nodiscard]] Json differences_json(const stream::CheckReport& check);

}  // namespace efface::method
