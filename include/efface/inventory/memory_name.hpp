// SPDX-License-Identifier: Apache-2.0
// What storage in memory is called by people, in orders and in records.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace efface::inventory {

/// A target as efface.8 writes it: "memory:KIND:PLACE", or "memory:free".
struct MemoryTargetName {
    std::string kind;  ///< one of memory_kinds()
    /// "/mnt/scratch", "zram1", "/dev/loop3", "2048kB": never normalised; empty for "free" only.
    std::string place;

    friend bool operator==(const MemoryTargetName&, const MemoryTargetName&) = default;
};
/// Every kind, in the order of efface.8: tmpfs, ramfs, file, zram, brd, pmem, devdax, dimm, cxl,
/// hugetlbfs, swap, sysv, mqueue, hugepages, free.
[[nodiscard]] const std::vector<std::string>& memory_kinds();
/// nullopt when the text does not begin with "memory:". Throws Error(usage), with a hint that lists
/// the kinds, for a malformed one: an unknown kind, a path that is not absolute, a device name with
/// a slash.
[[nodiscard]] std::optional<MemoryTargetName> parse_memory_target(std::string_view text);
/// The free memory of this machine: it is swept after everything else, and never done for good.
constexpr const char* kFreeMemoryTarget = "memory:free";
/// "memory:KIND:PLACE", or "memory:free".
[[nodiscard]] std::string to_string(const MemoryTargetName& name);

}  // namespace efface::inventory
