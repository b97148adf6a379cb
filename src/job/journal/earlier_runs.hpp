// SPDX-License-Identifier: Apache-2.0
// What the log tells of the runs before: of a job, and of a storage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/evidence/log_runs.hpp"
#include "efface/job/context.hpp"

#include "journal.hpp"

namespace efface::job {

/// The first entry of this run and type at or behind `from`; nullopt when there is none.
[[nodiscard]] std::optional<std::uint64_t> find_entry(const evidence::Log& log, std::uint64_t from,
                                                      const char* type, const std::string& run_id);
/// The leaf of an entry, in hex.
[[nodiscard]] std::string leaf_of(const evidence::Log& log, std::uint64_t index);

/// Whether a folder of this name has a journal; ids that are none of ours have none.
[[nodiscard]] bool has_journal(const StateDirectory& state, const std::string& job_id);

/// Whether the log has this run as ended with a success.
[[nodiscard]] bool is_success_of(const evidence::LoggedRun& run);
/// Of these runs on a storage the last one of another job than this one that ended with a success
/// since this one's last attempt was begun.
[[nodiscard]] std::optional<evidence::LoggedRun> replacement(
    const std::string& job_id, const RunState& state, const std::vector<evidence::LoggedRun>& runs);
/// Why storage is not as this job left it: where another job has erased it since, that is why, and
/// not a foreign writer.
[[nodiscard]] Reason changed_by(Reason seen, const std::optional<evidence::LoggedRun>& by);
/// Throws Error(internal, journal_damaged) when the log has a run of this job, of which `runs` are
/// all, or an outcome of one, that its journal cannot know: a folder that was put back from a
/// copy. A journal of a job that ended well is the last that there can be.
void refuse_older_than(const std::vector<evidence::LoggedRun>& runs, const RunState& state);

/// When the last entry of the log was made; the epoch where there is none, or it does not say.
/// Throws Error(evidence).
[[nodiscard]] WallTime last_entry_at(const evidence::Log& log);
/// The run on this storage that was announced and has not ended, and whose job is still there: the
/// last one.
[[nodiscard]] std::optional<std::string> open_job_of(const RunContext& context,
                                                     const evidence::DeviceRuns& runs);

}  // namespace efface::job
