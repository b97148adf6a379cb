// SPDX-License-Identifier: Apache-2.0
// What `efface plan` shows.
#pragma once

#include <string>

#include "efface/job/plan.hpp"
#include "efface/job/target_run.hpp"

namespace efface::cli {

[[nodiscard]] std::string plan_text(const mandate::Manifest& manifest,
                                    const job::ProjectPlan& plan);
[[nodiscard]] std::string plan_text(const job::TargetPlan& plan);

}  // namespace efface::cli
