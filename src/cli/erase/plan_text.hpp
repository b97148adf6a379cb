// SPDX-License-Identifier: Apache-2.0
// What `efface plan` shows.
#pragma once

#include <string>

#include "efface/job/plan.hpp"
#include "efface/job/target_run.hpp"

namespace efface::cli {

[[nodiscard]] std::string plan_text(const mandate::Manifest& manifest,
                                    const job::ProjectPlan& plan);
/// Whether a person can confirm a plan where it is shown, and what to type for that is part of it.
enum class Confirmation {
    possible,     ///< by efface erase at a terminal
    asked_below,  ///< the question itself says what to type
    none,         ///< an order was approved, or it was done before
};
/// `columns`: of the screen; 0: of none, then 100.
[[nodiscard]] std::string plan_text(const job::TargetPlan& plan, Confirmation confirmation,
                                    unsigned columns = 0);
/// Of a target that cannot be planned.
[[nodiscard]] std::string refused_text(const std::string& target, const Error& error);

}  // namespace efface::cli
