// SPDX-License-Identifier: Apache-2.0
// Honest drives, drawn: everything that a vendor may choose, in any combination. Each changes its
// medium as it says, so that whether an erase is one can be seen behind its back.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "drive/station.hpp"
#include "worlds/dice.hpp"

namespace efface::job::variants {

using worlds::Dice;

/// One drive, and what is asked of it.
struct Variant {
    std::string drawn;  ///< in words, for whoever reads that it failed
    std::unique_ptr<DriveModel> model;
    std::string serial;
    std::string technique;
    method::Level level = method::Level::none;
    std::vector<std::string> fallbacks;
    /// With which of these it may end without a success. Empty: it must be erased.
    std::set<ReasonCode> may;
    std::function<void()> power_cycle = [] {};
    std::function<void()> on_wait = [] {};
    std::function<void()> before = [] {};  ///< once it is full of old data

    /// Draws one in `several`, and says so.
    bool has(Dice& dice, const char* what, std::uint64_t several) {
        const bool it = dice.one_in(several);
        if (it) {
            drawn += std::string(drawn.empty() ? "" : ", ") + what;
        }
        return it;
    }
    template <typename Number>
    Number of(Dice& dice, const char* what, const std::vector<Number>& numbers) {
        const auto number = dice.of(numbers);
        if (number != numbers.front()) {
            drawn += std::string(drawn.empty() ? "" : ", ") + what + " " +
                     std::to_string(static_cast<long long>(number));
        }
        return number;
    }
};

[[nodiscard]] Variant draw_scsi(Dice& dice, DriveStation& station);
[[nodiscard]] Variant draw_ata(Dice& dice, DriveStation& station);
[[nodiscard]] Variant draw_nvme(Dice& dice, DriveStation& station);

}  // namespace efface::job::variants
