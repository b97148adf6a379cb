// SPDX-License-Identifier: Apache-2.0
// Runs on targets, side by side, and what is told of all of them: for `erase` and `resume`.
#pragma once

#include <string>
#include <vector>

#include "efface/job/target_run.hpp"

#include "command/commands.hpp"
#include "run/terminal_session.hpp"

namespace efface::cli {

/// Returns the worst exit status. `requests` get their `program`; each has an `authorize`.
/// `documents`: files that say what is to be erased.
[[nodiscard]] int run_targets(const Program& program, std::vector<job::TargetRequest> requests,
                              const EraseReporting& reporting,
                              const std::vector<std::string>& documents);

/// The document of a run that was refused before any of its targets was looked at: all of them, and
/// `error` once more for the whole. What an earlier run changed is told by the journals in `state`,
/// whoever owns it.
void print_refusal(const job::StateDirectory& state,
                   const std::vector<job::TargetRequest>& requests, const Error& error);

}  // namespace efface::cli
