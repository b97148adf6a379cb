// SPDX-License-Identifier: Apache-2.0
// What efface itself knows of storage: the job that works on it, and what a certificate says of it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "efface/inventory/list.hpp"
#include "efface/job/context.hpp"
#include "efface/job/jobs.hpp"

namespace efface::cli {

/// The latest certificate of this machine for one storage.
struct LastErased {
    std::filesystem::path bundle;
    std::string at;
    std::string status;  ///< empty: it is not proved
    std::string level;
    bool rejected = false;    ///< by the organisation
    bool superseded = false;  ///< by a later run that left no certificate
};

struct Past {
    /// That runs, or was interrupted, on this path.
    std::optional<job::JobEntry> job;
    std::optional<LastErased> last;
};

struct Pasts {
    std::vector<Past> rows;  ///< one a row of the list, in its order
    std::string unread;      ///< why jobs and certificates could not be looked at; empty: they were
};

/// Of every row. A job belongs to storage by its path, a certificate by what stays of a device.
/// Certificates, which are looked for only `with_certificates`, are verified below this machine's
/// own anchors before anything is believed.
[[nodiscard]] Pasts pasts_of(const std::vector<inventory::ListEntry>& entries,
                             const job::StateDirectory& state, bool with_certificates);

/// Jobs of one target that run or were interrupted, by its path.
[[nodiscard]] std::vector<job::JobEntry> open_jobs_on(const std::vector<job::JobEntry>& jobs,
                                                      const std::string& path);

/// "job fbe1f6176e12, 42 %".
[[nodiscard]] std::string job_in_words(const job::JobEntry& job);

}  // namespace efface::cli
