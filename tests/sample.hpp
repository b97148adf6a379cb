// SPDX-License-Identifier: Apache-2.0
// Which rows of a large table are tested today.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace efface::test {

/// Since 1970; EFFACE_DAY in the environment repeats another one.
inline std::uint64_t day() {
    static const std::uint64_t number = [] {
        if (const char* told = std::getenv("EFFACE_DAY")) {
            return std::stoull(told);
        }
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        return static_cast<unsigned long long>(
            std::chrono::duration_cast<std::chrono::hours>(now).count() / 24);
    }();
    return number;
}

/// One row in `several`, the next ones tomorrow, so that each comes within so many days. With
/// EFFACE_LONG=1 in the environment every row.
inline bool has_its_turn(std::uint64_t row, unsigned several) {
    static const bool all = std::getenv("EFFACE_LONG") != nullptr;
    return all || (row + day()) % several == 0;
}

}  // namespace efface::test
