// SPDX-License-Identifier: Apache-2.0
// What a plan, and a run that begins, ask of the runs before.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "run.hpp"

namespace efface::job {

/// An order or manifest whose storage is erased once for ever; not what a person typed.
[[nodiscard]] bool is_for_once(const Work& work);
/// Of a job without a journal, of which `runs` are all: the log says that its order was carried
/// out. Whatever stands at its target now.
[[nodiscard]] std::optional<Objection> carried_out(const RunContext& context, const Work& work,
                                                   const std::vector<evidence::LoggedRun>& runs);
/// Of a damaged journal of this job, with the way out.
[[nodiscard]] Error damaged_job(const Work& work, const std::string& id, const Error& error);

/// For a plan: the job that did this work before, where it is as that left it; then `objections`
/// are none. Another thing that stands there is the only objection.
[[nodiscard]] std::optional<DoneBefore> done_before(const RunContext& context, Work& work,
                                                    std::vector<Objection>& objections);

}  // namespace efface::job
