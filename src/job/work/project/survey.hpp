// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "efface/job/context.hpp"
#include "efface/job/plan.hpp"
#include "efface/mandate/manifest.hpp"

namespace efface::job {

/// Looks at every volume of the manifest, `workers` at a time, and objects to places that are the
/// same storage. Changes nothing.
[[nodiscard]] ProjectPlan survey_volumes(RunContext& context, const mandate::Manifest& manifest,
                                         unsigned workers);

}  // namespace efface::job
