// SPDX-License-Identifier: Apache-2.0
// Whether a run that begins now could end as it should: what is found wanting here is found before
// the first byte of any target, and by every plan.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/evidence/keys.hpp"
#include "efface/job/context.hpp"
#include "efface/job/objection.hpp"

namespace efface::job {

/// What a run will need besides its targets.
struct RunNeeds {
    std::uint64_t descriptors = 0;   ///< open at once
    std::uint64_t memory_bytes = 0;  ///< of buffers
    std::uint64_t state_bytes = 0;   ///< of journals and record, in the state folder
    bool devices = false;            ///< it speaks to devices, not only to files
};

/// Keys and log as preflight found them: opened once, and handed on.
struct Station {
    evidence::KeyStore keys;
    /// Read-only, and as it stood then: what must be true under a lock is read under that lock.
    evidence::Log log;
};

struct StationLook {
    std::vector<Objection> objections;
    std::optional<Station> station;  ///< there unless keys or log can't be opened
};
/// Looks at keys, certificate, clock, log, state folder, descriptors and memory, and changes
/// nothing but the process' own limit of descriptors, which is raised as far as it may be. Every
/// objection's status and code: efface-exit(7), BEFORE ANYTHING IS ERASED.
[[nodiscard]] StationLook look_before(const RunContext& context, const RunNeeds& needs);

/// The same for a plan. Throws Error where so little may be opened or had that nothing can be
/// looked at.
[[nodiscard]] StationLook look_before_plan(const RunContext& context, const RunNeeds& needs);

/// Throws Error for what look_before() finds.
[[nodiscard]] Station preflight(const RunContext& context, const RunNeeds& needs);

}  // namespace efface::job
