// SPDX-License-Identifier: Apache-2.0
// One volume: clear, destroy, verify at each place, and the volume's part of the certificate.
#pragma once

#include <stop_token>

#include "efface/job/guard.hpp"
#include "efface/job/project_run.hpp"

#include "journal.hpp"

namespace efface::job {

/// What became of one volume, as the certificate will say it.
struct VolumeState {
    VolumePlan plan;
    bool done = false;
    std::uint64_t attempt = 1;  ///< in which `outcome` came about
    Json outcome;               ///< the volume's part of the certificate, when done
    Json observations;          ///< what was seen, for evidence/observations.jsonl
};

/// volume-N.json of the journal. Loading throws Error(internal) when it is missing or damaged.
[[nodiscard]] VolumeState load_volume(const Journal& journal, std::size_t index);
/// Safe from several threads for different volumes.
void save_volume(const Journal& journal, std::size_t index, const VolumeState& state);

/// The boundary of a target: what fails inside becomes the volume's verdict, so that the other
/// volumes go on. Returns false when a stop was asked for before the volume was done; then nothing
/// is concluded and running again resumes. Fills `state.outcome` and sets `state.done` otherwise.
[[nodiscard]] bool run_volume(RunContext& context, const mandate::Volume& volume,
                              VolumeState& state, bool resumed, ProgressSink& progress,
                              const std::stop_token& stop);

/// What the outcome of a finished volume says.
[[nodiscard]] VolumeResult result_of(const Json& outcome);

}  // namespace efface::job
