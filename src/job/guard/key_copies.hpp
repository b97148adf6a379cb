// SPDX-License-Identifier: Apache-2.0
// Copies of a project's keys that its manifest does not list, but that are attached to this
// machine: clones of a volume, headers that were saved to a device.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "efface/job/host.hpp"
#include "efface/job/plan.hpp"
#include "efface/mandate/manifest.hpp"

namespace efface::job {

struct KeyCopies {
    struct Copy {
        std::size_t volume = 0;  ///< in the manifest
        Reason reason;
    };
    std::vector<Copy> found;
    /// Devices of which this cannot be told, as something that remains to be trusted.
    std::vector<Reason> unknown;
};

/// Canonical paths of all that was surveyed.
[[nodiscard]] std::set<std::string> places_of(const std::vector<const VolumePlan*>& plans);
/// Looks at the devices of Moment::survey as they are now. What the manifest lists, and every other
/// name of the same storage, is no copy; what was `surveyed` is not looked up for this again.
[[nodiscard]] KeyCopies find_key_copies(Host& host, const mandate::Manifest& manifest,
                                        const std::set<std::string>& surveyed);

}  // namespace efface::job
