// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "efface/inventory/machine_state.hpp"

namespace efface::inventory {

/// What is told of one target; more of the same changes no decision.
inline constexpr std::size_t kUsesMax = 256;

/// What the graph and the mounts tell. The signature (when one was read) tells members of arrays
/// that are not running.
[[nodiscard]] std::vector<Use> uses_in(const MachineState& state, const Identity& identity,
                                       const Signature* signature);
[[nodiscard]] std::vector<Layer> layers_in(const MachineState& state, const Identity& identity);

}  // namespace efface::inventory
