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
/// Of a job that ended without success: another one has erased the same storage since.
[[nodiscard]] Objection replaced(const Work& work, const std::string& id);
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

/// What preflight and the jobs before say of a plan.
struct Planned {
    bool known = false;  ///< as of EarlierJob: then what the work has found is no objection
    std::optional<DoneBefore> done;
    std::optional<OpenJob> open;
    std::vector<Objection> objections;
};
/// For a plan of whatever is to be erased: afterwards the work has what is planned, from the
/// journal or from a look. Throws as look_before_plan(), earlier_job() and Work::look() do.
[[nodiscard]] Planned look_for_plan(RunContext& context, Work& work);

}  // namespace efface::job
