// SPDX-License-Identifier: Apache-2.0
// What a plan, and a run that begins, ask of the runs before.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "run/run.hpp"

namespace efface::job {

/// An order or manifest whose storage is erased once for ever; not what a person typed.
[[nodiscard]] bool is_for_once(const Work& work);
/// Of a job without a journal, of which `runs` are all: the log says that its order was carried
/// out. Whatever is at its target now.
[[nodiscard]] std::optional<Objection> carried_out(const RunContext& context, const Work& work,
                                                   const std::vector<evidence::LoggedRun>& runs);
/// Of a damaged journal of this job, with the way out.
[[nodiscard]] Error damaged_job(const Work& work, const std::string& id, const Error& error);

/// What a plan says of the job that was begun for the same before.
struct EarlierJob {
    bool loaded = false;  ///< the work has its plan from the journal
    bool known = false;   ///< that alone is the answer: what is there is not planned again
    std::optional<DoneBefore> done;  ///< as it was left: nothing would be done
    std::optional<OpenJob> open;     ///< it would go on
    std::vector<Objection> objections;
};
/// `station` as preflight found it: without one the log is not asked. Throws Error for a damaged
/// journal, one that is older than the log, and one of another version that cannot go on.
[[nodiscard]] EarlierJob earlier_job(const RunContext& context, Work& work,
                                     const std::optional<Station>& station);

}  // namespace efface::job
