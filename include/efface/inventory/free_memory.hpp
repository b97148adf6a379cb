// SPDX-License-Identifier: Apache-2.0
// How much memory is free, and how much of it this process may take: of the machine, of each NUMA
// node, of its control groups, and of the pools of huge pages. Reads only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/inventory/inventory.hpp"

namespace efface::inventory {

struct NodeMemory {
    unsigned id = 0;
    std::uint64_t free_bytes = 0;
};

/// The tightest limit of the control groups that this process is in (version 1 or 2).
struct GroupLimit {
    std::string group;             ///< "/system.slice/efface.service"
    std::uint64_t room_bytes = 0;  ///< that it leaves now
};

struct FreeMemory {
    std::uint64_t total_bytes = 0;      ///< MemTotal
    std::uint64_t free_bytes = 0;       ///< MemFree
    std::uint64_t available_bytes = 0;  ///< MemAvailable
    std::vector<NodeMemory> nodes;    ///< those with memory, by number; empty: the kernel has none
    std::optional<GroupLimit> limit;  ///< nullopt: none has one
    /// A control group could not be read: how much may be taken is not known.
    bool limit_unknown = false;
};
[[nodiscard]] FreeMemory read_free_memory(const SystemView& view = {});

/// One pool of huge pages (/sys/kernel/mm/hugepages).
struct HugePool {
    std::uint64_t page_bytes = 0;
    std::uint64_t pages = 0;     ///< nr_hugepages
    std::uint64_t free = 0;      ///< free_hugepages
    std::uint64_t reserved = 0;  ///< resv_hugepages: free, but promised to somebody
};
/// By the size of their pages.
[[nodiscard]] std::vector<HugePool> read_huge_pools(const SystemView& view = {});

/// Of a System V segment (/proc/sysvipc/shm): what of it is in memory and in swap.
struct SegmentPages {
    std::uint64_t resident_bytes = 0;
    std::uint64_t swapped_bytes = 0;
};
/// nullopt when the list has no such id or cannot be read.
[[nodiscard]] std::optional<SegmentPages> read_segment_pages(int id, const SystemView& view = {});

}  // namespace efface::inventory
