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
    /// Why nobody can go on with it, which is not ended: journal_damaged, other_journal_version.
    std::optional<ReasonCode> reason;
    bool running = false;    ///< a process holds the job's lock
    std::string started_at;  ///< of the last attempt
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

/// Latest first. A folder that can't be read is an entry with a reason.
[[nodiscard]] std::vector<JobEntry> list_jobs(const StateDirectory& state);

}  // namespace efface::job
