// SPDX-License-Identifier: Apache-2.0
// What runs or ran here, from the job folders alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/job/context.hpp"

namespace efface::job {

struct JobEntry {
    std::string id;
    std::string kind;     ///< "project" or "target"
    std::string subject;  ///< project id, or the target as it was given
    /// "announcing", "running", "staging", "logging", "publishing", "done"; "damaged" where it can
    /// not be read.
    std::string phase;
    /// Why nobody can resume it, which is not ended: journal_damaged, other_journal_version.
    std::optional<ReasonCode> reason;
    bool running = false;    ///< a process holds the job's lock
    std::string started_at;  ///< of the last attempt
    /// Its place among those of the same second: that of its announcement in the log.
    std::uint64_t sequence = 0;
    std::uint64_t attempt = 1;
    std::uint64_t interruptions = 0;
    std::string verdict;  ///< empty until the run has one; "lost" when another job replaced it
    std::string level;
    std::string bundle;            ///< path; empty until it is delivered
    std::uint64_t bytes_done = 0;  ///< durable, of bytes_total; both 0 where not known
    std::uint64_t bytes_total = 0;

    /// It was interrupted: `efface resume` goes on.
    [[nodiscard]] bool resumable() const { return !running && !reason && phase != "done"; }
};
[[nodiscard]] Json to_json(const JobEntry& entry);

/// What was lost with a job's folder.
struct ForgottenJob {
    std::string id;
    std::string subject;    ///< empty where the journal does not tell
    std::string phase;      ///< as of JobEntry
    bool was_open = false;  ///< announced and not ended: the log says now that it was lost
};
/// Takes the folder of a job away, damaged or not, so that nothing waits for it any more. Its
/// certificate, where it has one, and its entries in the log stay. Throws Error(usage) when there
/// is no such job, Error(busy) while it is at work.
ForgottenJob forget_job(const StateDirectory& state, const Clock& clock, const std::string& id);

/// Latest first, also of those that began in the same second. A folder that can't be read is an
/// entry with a reason.
[[nodiscard]] std::vector<JobEntry> list_jobs(const StateDirectory& state);

}  // namespace efface::job
