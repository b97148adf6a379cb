// SPDX-License-Identifier: Apache-2.0
// How runs are drawn: one line a target, as wide as the screen at most, and one line for those that
// find no room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "screen.hpp"

namespace efface::cli {

/// The last known progress of one target. Texts are safe on a screen.
struct Progress {
    std::string name;        ///< empty for a project
    std::uint64_t done = 0;  ///< bytes, of everything that is transferred
    std::uint64_t total = 0;
    std::string phase;  ///< "writing", "writing pass 2 of 3", "reading back"; empty: none
    std::uint64_t phase_done = 0;   ///< bytes
    std::uint64_t phase_total = 0;  ///< 0: not known
    double phase_ends = 0;          ///< where in the whole writing ends, 0 to 1; 0: not known
    std::uint64_t rate = 0;         ///< bytes a second
    std::optional<std::uint64_t> seconds_left;
    std::optional<int> celsius;
    std::uint64_t failed = 0;  ///< bytes

    [[nodiscard]] std::uint64_t percent() const;
};

/// As much of it as fits into `columns` (0: everything, without a bar): always name, percent, phase
/// and what failed; then time left, amount, rate, temperature, and a bar in which the end of the
/// writing is marked. `name_columns`: how wide names are, so that lines agree.
[[nodiscard]] std::string progress_line(const Progress& progress, unsigned columns,
                                        std::size_t name_columns = 0);

/// What the screen shows while runs go on; never more than its rows but one, each no wider than it.
/// Where targets find no room the worst are shown (what failed, what has come least far), and the
/// last line counts all. `ended`: "3 finished, 1 failed", or empty.
[[nodiscard]] std::vector<std::string> frame(std::vector<Progress> targets,
                                             const std::string& ended, const Screen& screen);

}  // namespace efface::cli
