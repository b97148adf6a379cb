// SPDX-License-Identifier: Apache-2.0
#include "swap_area.hpp"

namespace efface::method {

bool same_storage(const struct stat& a, const struct stat& b) {
    if (S_ISBLK(a.st_mode) || S_ISBLK(b.st_mode)) {
        return S_ISBLK(a.st_mode) && S_ISBLK(b.st_mode) && a.st_rdev == b.st_rdev;
    }
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

namespace {

/// Whether a file that the kernel lists is this one: yes, no, or not to be told (nullopt), for its
/// path leads nowhere any more, or not from here.
std::optional<bool> is_area(const struct stat& status, const inventory::SwapArea& area) {
    struct stat listed {};
    if (::stat(area.path.c_str(), &listed) == 0) {
        return same_storage(status, listed);
    }
    return area.is_file == S_ISREG(status.st_mode) ? std::nullopt : std::optional(false);
}

}  // namespace

ActiveSwapArea active_swap_area(const struct stat& status, const inventory::MemoryFacts& machine) {
    ActiveSwapArea found;
    for (const auto& area : machine.swaps.value_or(std::vector<inventory::SwapArea>{})) {
        const auto same = is_area(status, area);
        if (same.value_or(false)) {
            found.area = area;
        }
        found.unknown = found.unknown || !same.has_value();
    }
    found.unknown = (found.unknown && !found.area) || !machine.swaps;
    return found;
}

}  // namespace efface::method
