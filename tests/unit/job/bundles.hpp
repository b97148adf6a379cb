// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "efface/job/context.hpp"

namespace efface::job {

/// Checks that every bundle in certificates/ verifies against the whole log; how many there are.
[[nodiscard]] std::size_t verified_bundles(const StateDirectory& state);

}  // namespace efface::job
