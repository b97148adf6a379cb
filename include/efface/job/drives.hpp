// SPDX-License-Identifier: Apache-2.0
// What the drives of this machine can do to themselves, for `efface list`.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/inventory/inventory.hpp"
#include "efface/method/outcome.hpp"

namespace efface::job {

/// A drive that hangs must not hold the list.
constexpr std::chrono::milliseconds kListDeadline{3000};

struct TechniqueAbility {
    std::string name;
    method::Level level = method::Level::none;  ///< that success would claim
    std::string why_not;                        ///< empty: it can be used
    std::optional<std::uint64_t> estimate_seconds;
};
struct DriveAbility {
    std::string error;                         ///< not empty: no answer, or none in time
    bool silent = false;                       ///< none in time
    std::vector<TechniqueAbility> techniques;  ///< in the policy's order of preference
    std::vector<std::string> hidden_areas;
    /// The technique that the drive says to carry out, or in words that it does not name it.
    std::string running;
};
[[nodiscard]] Json to_json(const DriveAbility& ability);

/// One for each disk that takes commands of a drive, in the same order; nothing for the others.
/// Asks all of them at once, waits for at most `deadline`, changes and wakes nothing. The caller
/// has no other thread.
[[nodiscard]] std::vector<std::optional<DriveAbility>> drive_abilities(
    const std::vector<inventory::Identity>& identities,
    std::chrono::milliseconds deadline = kListDeadline);

}  // namespace efface::job
