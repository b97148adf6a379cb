// SPDX-License-Identifier: Apache-2.0
// Which of the kernel's swap areas a file or device is.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "efface/inventory/inventory.hpp"
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

/// What the area is, by its first page, which the kernel never pages into: a superblock behind it
/// may be one that was paged out (a LUKS header in some process' memory). Of an area without a swap
/// signature, or with another superblock in that page, inventory::probe_signature().
[[nodiscard]] inventory::Signature swap_area_signature(const std::string& path);
/// Whether this type is that of a swap area, or of a hibernation image in one.
[[nodiscard]] bool is_swap_signature(std::string_view type) noexcept;

}  // namespace efface::method
