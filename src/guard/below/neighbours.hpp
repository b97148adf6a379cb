// SPDX-License-Identifier: Apache-2.0
// What is above, below and beside a target in the graph of block devices.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "medium_map.hpp"

namespace efface::guard {

struct Neighbours {
    std::set<std::size_t> above;  ///< partitions, holders, loop devices, and what is on top of them
    std::set<std::size_t> below;  ///< what it is on top of, where that is the same storage
    std::set<std::size_t> beside;  ///< the same storage by another name
};
[[nodiscard]] Neighbours neighbours_of(const inventory::MachineState& state, MediumMap& map,
                                       std::size_t target);
/// Those beside or below that nothing else of the target's own stack holds: taking each O_EXCL
/// keeps everybody from every name of the storage.
[[nodiscard]] std::vector<std::size_t> to_be_held(const inventory::MachineState& state,
                                                  MediumMap& map, std::size_t target);

}  // namespace efface::guard
