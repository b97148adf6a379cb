// SPDX-License-Identifier: Apache-2.0
// What a model reports of its health, in the pages of its own command set.
#pragma once

#include <cstdint>

namespace efface::fake {

struct HealthFigures {
    bool reported = true;  ///< false: it has no such pages
    std::uint32_t hours = 10'000;
    std::uint32_t power_cycles = 7;
    std::uint64_t units_written = 123'456;  ///< of 512000 bytes
    std::uint32_t reallocated = 0;
    std::uint32_t pending = 0;
    std::uint32_t media_errors = 0;
    std::uint16_t logged_errors = 0;
    std::uint8_t wear_percent = 3;
    std::uint8_t spare_percent = 100;
    std::int8_t celsius = 37;
    bool failing = false;
    /// More of reallocated sectors and media errors after an erase.
    std::uint32_t grows_by = 0;

    void erased() noexcept {
        reallocated += grows_by;
        media_errors += grows_by;
    }
};

}  // namespace efface::fake
