// SPDX-License-Identifier: Apache-2.0
// A mount of a file system in memory, opened once: every fact comes from the descriptor, so that
// what was looked at is what is erased.
#pragma once

#include <string>

#include "efface/base/file.hpp"
#include "efface/inventory/memory_facts.hpp"

#include "memory/content.hpp"

namespace efface::method {

struct OpenedMount {
    UniqueFd root;
    inventory::MountFacts mount;
    std::uint64_t device = 0;    ///< st_dev
    Json identity;               ///< of the mount and of its file system
    std::string changed;         ///< when a name was last made or removed in the root
    std::uint64_t inodes = 0;    ///< in use, the root counts as one; see counts_inodes
    bool counts_inodes = false;  ///< ramfs does not, nor does a mount without a limit
    std::uint64_t blocks = 0;    ///< in use
    bool counts_blocks = false;
};

/// Opens the mount that the place is the root of. Throws Error: safety with hidden_mount where
/// several are mounted there, or the path leads to something that is mounted above; usage where
/// nothing is mounted there, or a file system of another kind.
[[nodiscard]] OpenedMount open_mount(const std::string& place, const std::string& kind,
                                     const inventory::SystemView& view);
/// What is in use now, by the descriptor.
void count_again(OpenedMount& opened);

/// nullopt for a file system that does not keep its files in memory.
[[nodiscard]] std::optional<MemoryFilesystem> filesystem_of(const inventory::OpenedFacts& facts);
[[nodiscard]] const char* to_text(MemoryFilesystem filesystem);

/// "mountId", "uniqueMountId" and "birth", as far as the kernel has them: the last two are never
/// used again for something else.
void add_origin(ObjectWriter& identity, const inventory::OpenedFacts& facts);
/// "0:58"
[[nodiscard]] std::string device_text(std::uint64_t device);

}  // namespace efface::method
