// SPDX-License-Identifier: Apache-2.0
// The two halves of find_remnants(): where to look, and what is there.
#pragma once

#include <set>
#include <vector>

#include "efface/luks/header.hpp"

namespace efface::luks {

/// Within the target.
[[nodiscard]] std::set<std::uint64_t> remnant_places(const std::vector<Range>& former_region,
                                                     std::uint64_t target_bytes);
[[nodiscard]] RemnantReport look_for_remnants(device::BlockTarget& target,
                                              const std::set<std::uint64_t>& places,
                                              std::uint64_t scanned_bytes);

}  // namespace efface::luks
