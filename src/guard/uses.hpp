// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "efface/guard/users.hpp"

#include "below/medium_map.hpp"
#include "users/exports.hpp"
#include "users/openers.hpp"

namespace efface::guard {

/// One look at the machine. Borrowed.
struct Seen {
    const inventory::MachineState& machine;
    MediumMap& media;
    const Openers& openers;
    const Exports& exports;
};
[[nodiscard]] std::vector<Use> uses_in(const Seen& seen, const inventory::Identity& identity);

/// A volume group of which `found` is a member and that runs: names of its active volumes.
[[nodiscard]] std::vector<std::string> active_volumes(const inventory::MachineState& state,
                                                      const inventory::FoundSignature& found);

}  // namespace efface::guard
