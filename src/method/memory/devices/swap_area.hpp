// SPDX-License-Identifier: Apache-2.0
// Which of the kernel's swap areas a file or device is.
#pragma once

#include <sys/stat.h>

#include <optional>

#include "efface/inventory/memory_facts.hpp"

namespace efface::method {

[[nodiscard]] bool same_storage(const struct stat& a, const struct stat& b);

/// The active area that this is; `unknown` when one of the list can't be told from it.
struct ActiveSwapArea {
    std::optional<inventory::SwapArea> area;
    bool unknown = false;
};
[[nodiscard]] ActiveSwapArea active_swap_area(const struct stat& status,
                                              const inventory::MemoryFacts& machine);

}  // namespace efface::method
