// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "use_walk.hpp"

namespace efface::inventory {

/// Loop devices over a file: by device and inode where the kernel can be asked, else by path.
[[nodiscard]] std::vector<std::size_t> loops_over_file(const MachineState& state,
                                                       const Identity& identity, UseWalk& walk);
void add_swap_file_uses(const MachineState& state, const Identity& identity, UseWalk& walk);
/// The file mounted over another path, in any namespace.
void add_bind_mount_uses(const MachineState& state, const Identity& identity, UseWalk& walk);

/// Does an exclusive open fail although nothing else tells why (a lazily unmounted file system, a
/// ZFS pool, a namespace without a process)? False when this process has the device open itself.
[[nodiscard]] bool is_held_exclusively(const Identity& identity);

}  // namespace efface::inventory
