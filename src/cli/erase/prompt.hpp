// SPDX-License-Identifier: Apache-2.0
// Asking a person, before anything starts: first everything that is known, then every question.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/job/target_run.hpp"

#include "command/commands.hpp"

namespace efface::cli {

/// Asks for what names the target until it is typed, three times at most; blanks around it do not
/// matter, and the last six characters or more are enough where `end_is_enough`. Throws
/// Error(authorisation, wrong_token) when it is not typed or the input ends, Error(interrupted)
/// when a stop is requested. `name`: of what would be erased, on one line.
void ask_for_token(const std::string& question, const std::string& token, const std::string& name,
                   bool end_is_enough, const std::stop_token& stop);

/// Digests of the plans that were confirmed, by target.
using Confirmed = std::map<std::string, std::string>;

/// Shows the plans of all targets, says which are refused and which jobs are open on them, and asks
/// for each of the others in turn. The answers hold for exactly the plans that were shown. What is
/// refused here is refused by the run, too, which says why. While it lasts, a signal that stops
/// ends the process: nothing was changed (exit status 8; with `json` a document).
[[nodiscard]] Confirmed confirm(const Program& program,
                                const std::vector<job::TargetRequest>& requests, bool json);

}  // namespace efface::cli
