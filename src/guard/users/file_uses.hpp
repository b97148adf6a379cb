// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "use_walk.hpp"
#include "uses.hpp"

namespace efface::guard {

/// Loop devices over a file: by device and inode where the kernel can be asked, else by path.
[[nodiscard]] std::vector<std::size_t> loops_over_file(const inventory::MachineState& state,
                                                       const inventory::Identity& identity,
                                                       UseWalk& walk);
void add_swap_file_uses(const inventory::MachineState& state, const inventory::Identity& identity,
                        UseWalk& walk);
/// The file mounted over another path, in any namespace.
void add_bind_mount_uses(const inventory::MachineState& state, const inventory::Identity& identity,
                         UseWalk& walk);
void add_opened(const std::vector<Opener>& openers, const std::string& path, UseWalk& walk);
void add_file_openers(const Seen& seen, const inventory::Identity& identity, UseWalk& walk);
/// Whether `path` names that file; of a recording by the path.
[[nodiscard]] bool is_file(const inventory::MachineState& state, const std::string& path,
                           const std::string& other, unsigned major, unsigned minor,
                           std::uint64_t inode);

[[nodiscard]] std::string why_read_only(const inventory::Identity& identity);

/// Whether somebody has the file open of whom the list of processes tells nothing: one of another
/// machine or namespace, or who opened it just now. False where this process has it open, or where
/// the file system knows no leases.
[[nodiscard]] bool is_open_elsewhere(const inventory::Identity& identity);
/// Does an exclusive open fail although nothing else tells why (a lazily unmounted file system, a
/// ZFS pool, a namespace without a process)? False when this process has the device open itself.
[[nodiscard]] bool is_held_exclusively(const std::string& path, unsigned major, unsigned minor);

}  // namespace efface::guard
