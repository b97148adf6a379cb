// SPDX-License-Identifier: Apache-2.0
// Reads everything that a host addresses after an erase that promises what is there.
#pragma once

#include <stop_token>
#include <vector>

#include "efface/method/outcome.hpp"

#include "canaries.hpp"

namespace efface::method {

struct WholeSeen {
    explicit WholeSeen(Promise held_against) : promise(std::move(held_against)) {}
    Promise promise;
    std::uint64_t planned_bytes = 0;
    std::uint64_t compared_bytes = 0;
    std::uint64_t mismatches = 0;          ///< blocks that are not as promised
    std::vector<std::uint64_t> different;  ///< the first of them, as offsets
    std::uint64_t deallocated_blocks = 0;  ///< that show a value of deallocated ones instead
    std::uint64_t unreadable_bytes = 0;
    std::uint64_t unexpected_bytes = 0;  ///< of these: not as the technique leaves blocks
};

/// Adds what is seen on one surface. `read` reads block by block where a large read fails. False
/// when it was stopped, or when too much is unreadable without reason.
[[nodiscard]] bool read_whole(device::BlockTarget& surface, const PlaceReader& read,
                              const std::stop_token& stop, WholeSeen& seen);
/// Lowers the verdict by what speaks against an erase; true when nothing does.
[[nodiscard]] bool judge_whole(const WholeSeen& seen, Outcome& outcome);
[[nodiscard]] Json to_json(const WholeSeen& seen);

}  // namespace efface::method
