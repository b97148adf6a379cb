// SPDX-License-Identifier: Apache-2.0
// Runs target jobs side by side and reports on all of them: for `erase` and `resume`.
#pragma once

#include <string>
#include <vector>

#include "efface/job/target_run.hpp"

#include "commands.hpp"

namespace efface::cli {

struct EraseReporting {
    std::string events;
    bool json = false;
};

/// The targets, as they were given.
[[nodiscard]] std::vector<std::string> names_of(const std::vector<job::TargetRequest>& requests);

/// One thread a target; what fails for one does not touch the others. Returns the worst exit
/// status. `requests` get their `program` and, where it is not set, an `authorize` that refuses.
/// `documents`: files that say what is to be erased.
[[nodiscard]] int run_targets(const Program& program, std::vector<job::TargetRequest> requests,
                              const EraseReporting& reporting,
                              const std::vector<std::string>& documents);

/// The document of a run that was refused before any of its targets was looked at: all of them, and
/// `error` once more for the whole.
void print_refusal(const std::vector<job::TargetRequest>& requests, const Error& error);

/// Of several exit statuses the one that must be looked at first.
[[nodiscard]] int worst_status(int a, int b) noexcept;

}  // namespace efface::cli
