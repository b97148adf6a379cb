// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "efface/job/context.hpp"

namespace efface::job {

struct Bundles {
    std::size_t all = 0;
    std::size_t proved = 0;
    std::string problem;  ///< of one that is not
};
/// Those in certificates/, each held against the whole log.
[[nodiscard]] Bundles look_at_bundles(const StateDirectory& state);

/// Checks that every bundle in certificates/ verifies against the whole log; how many there are.
[[nodiscard]] std::size_t verified_bundles(const StateDirectory& state);

}  // namespace efface::job
