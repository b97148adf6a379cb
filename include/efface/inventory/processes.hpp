// SPDX-License-Identifier: Apache-2.0
// The processes of a machine at one moment, from one pass over /proc (proc(5)).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "efface/inventory/inventory.hpp"

namespace efface::inventory {

struct Process {
    std::string id;      ///< as /proc names its folder
    std::string parent;  ///< empty when it has none or that can't be told (a recording)
    /// A thread of the kernel: none has storage open or mounted. All live in the first mount
    /// namespace but kdevtmpfs, in whose own there is nothing but devtmpfs.
    bool kernel = false;
    /// Below /proc, where its descriptors and mounts are to be seen: "17", and "17/task/19" for
    /// each thread that has descriptors, a root folder or a mount namespace of its own.
    std::vector<std::string> places;
};

struct Processes {
    std::vector<Process> list;  ///< by number
    std::string problem;        ///< why they can't be listed; empty: they were

    /// The parent of each.
    [[nodiscard]] std::map<std::string, std::string> parents() const;
};
/// Whether a process is that one or one of its children, and theirs. An empty ancestor has none.
[[nodiscard]] bool descends_from(std::string process, const std::string& ancestor,
                                 const std::map<std::string, std::string>& parents);
[[nodiscard]] Processes read_processes(const SystemView& view);
/// Adds those that began since `processes` was read; false when none did.
[[nodiscard]] bool add_new_processes(const SystemView& view, Processes& processes);
/// This process as that /proc names it, which may be that of an outer PID namespace; empty in a
/// recording.
[[nodiscard]] std::string own_process(const SystemView& view);
/// Whether an entry of /proc is the folder of a process.
[[nodiscard]] bool is_process(const std::string& name);
/// Whether a process runs the same executable as this one: another efface, whose work may end by
/// itself. False in a recording.
[[nodiscard]] bool runs_this_program(const SystemView& view, const std::string& process);

}  // namespace efface::inventory
