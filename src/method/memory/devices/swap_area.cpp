// SPDX-License-Identifier: Apache-2.0
#include "swap_area.hpp"

#include <algorithm>
#include <vector>

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

bool is_swap_signature(std::string_view type) noexcept {
    return type == "swap" || type == "swsuspend";
}

inventory::Signature swap_area_signature(const std::string& path) {
    std::vector<inventory::FoundSignature> all;
    try {
        all = inventory::signatures_on(path);
    } catch (const Error&) {
        return inventory::probe_signature(path);  // its code says that it cannot be read
    }
    const inventory::FoundSignature* swap = nullptr;
    std::uint64_t first_page = 0;  // up to the mark at its end
    for (const auto& one : all) {
        if (is_swap_signature(one.type)) {
            swap = swap == nullptr ? &one : swap;
            first_page = std::max(first_page, one.magic_offset.value_or(0));
        }
    }
    const bool contradicted = std::any_of(all.begin(), all.end(), [&](const auto& one) {
        return !is_swap_signature(one.type) && one.magic_offset && *one.magic_offset < first_page;
    });
    if (swap == nullptr || contradicted) {
        return inventory::probe_signature(path);
    }
    return {swap->type, swap->uuid, swap->label, swap->usage, false, 0};
}

}  // namespace efface::method
