// SPDX-License-Identifier: Apache-2.0
// One volume: clear, destroy, verify at each place, and the volume's part of the certificate.
#pragma once

#include <stop_token>

#include "efface/job/guard.hpp"
#include "efface/job/project_run.hpp"

#include "journal/journal.hpp"
#include "run/run.hpp"

namespace efface::job {

/// What became of one volume, as the certificate will say it.
struct VolumeState {
    VolumePlan plan;
    bool done = false;
    std::uint64_t attempt = 1;  ///< in which `outcome` came about
    Json outcome;               ///< the volume's part of the certificate, when done
    std::string kept_at;        ///< when this was kept: no date in it is later
    Json observations;          ///< what was seen, for evidence/observations.jsonl
};

/// volume-N.json of the journal. Loading throws Error(internal) when it is missing or damaged.
[[nodiscard]] VolumeState load_volume(const std::filesystem::path& folder, std::size_t index);
/// `now`: its `kept_at` from then on. Safe from several threads for different volumes.
void save_volume(const Journal& journal, std::size_t index, VolumeState& state, WallTime now);

/// The boundary of a target: what fails inside becomes the volume's verdict, so that the other
/// volumes go on. Returns false when a stop was asked for before the volume was done; then nothing
/// is concluded and running again resumes. Fills `state.outcome` and sets `state.done` otherwise.
[[nodiscard]] bool run_volume(RunContext& context, RunNotes& notes, const mandate::Volume& volume,
                              VolumeState& state, bool resumed, ProgressSink& progress,
                              const std::stop_token& stop);

/// Concludes the volume as one of which every place failed for this reason.
void fail_volume(VolumeState& state, const Reason& reason);

/// What speaks against a volume that is done: it is not sanitized. False when it says so already.
[[nodiscard]] bool object_to_outcome(VolumeState& state, const Reason& reason);

/// What is at the volume's places today is not what destroying its keys left there: why.
/// Looks at the beginning of each range and at a piece of every MiB; what cannot be read now is
/// passed over. nullopt when nothing differs.
[[nodiscard]] std::optional<Reason> changed_since(Host& host, const VolumePlan& plan);

/// What the outcome of a finished volume says.
[[nodiscard]] VolumeResult result_of(const Json& outcome);

}  // namespace efface::job
