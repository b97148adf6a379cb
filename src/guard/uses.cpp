// SPDX-License-Identifier: Apache-2.0
// The walk upward from a target through everything that rests on it.
#include <fmt/format.h>

#include <algorithm>

#include "file_uses.hpp"
#include "snapshot.hpp"
#include "use_walk.hpp"

namespace efface::inventory {
namespace {

/// An array member is one whether or not the array runs: the others wait for it.
bool is_array_member(const std::string& type) {
    return type == "linux_raid_member" || type == "isw_raid_member" || type == "ddf_raid_member";
}

void add_system_uses(const MachineState& state, std::size_t node, UseWalk& walk) {
    for (const std::string& target : state.system_mounts_on(node)) {
        walk.add(ReasonCode::root_or_boot,
                 fmt::format("the running system's {} rests on {}", safe_text(target),
                             describe(state.graph().at(node))));
    }
}

/// A partition is lost with its disk when the disk is held as a whole.
void add_disk_uses(const MachineState& state, std::size_t partition, UseWalk& walk) {
    const BlockNode& node = state.graph().at(partition);
    const auto disk = state.graph().find_name(node.parent);
    if (!disk) {
        walk.add(ReasonCode::unreadable_state,
                 fmt::format("the disk of the partition {} is not in sysfs", node.name));
        return;
    }
    walk.add_direct(*disk);
    for (const Edge& edge : state.graph().at(*disk).above) {
        if (edge.kind != EdgeKind::partition) {
            walk.climb(*disk, edge);
        }
    }
}

void add_read_only(const MachineState& state, std::size_t node, UseWalk& walk) {
    const BlockNode& device = state.graph().at(node);
    if (state.graph().detail() == Detail::all) {
        // As of the moment of the graph, whose problems say what was unreadable.
        const auto disk = state.graph().find_name(device.parent);
        for (const BlockNode* one : {&device, disk ? &state.graph().at(*disk) : nullptr}) {
            if (one != nullptr && one->read_only) {
                walk.add(ReasonCode::read_only, fmt::format("{} is read-only", one->name));
            }
        }
        return;
    }
    const Folder class_block = Folder::open(state.view().sysfs / "class" / "block");
    for (const std::string& name : {device.name, device.parent}) {
        const Attribute flag = name.empty() ? Attribute{} : class_block.enter(name).read("ro");
        if (flag.reading == Reading::unreadable) {
            walk.add(ReasonCode::unreadable_state, fmt::format("whether {} is read-only", name));
        } else if (flag.text == "1") {
            walk.add(ReasonCode::read_only, fmt::format("{} is read-only", name));
        }
    }
}

void add_device_uses(const MachineState& state, const Identity& identity, UseWalk& walk) {
    const auto node = state.graph().find(identity.major, identity.minor);
    if (!node) {
        walk.add(ReasonCode::unreadable_state,
                 fmt::format("block device {}:{} is not in sysfs", identity.major, identity.minor));
        return;
    }
    add_system_uses(state, *node, walk);
    walk.add_direct(*node);
    for (const Edge& edge : state.graph().at(*node).above) {
        if (edge.kind != EdgeKind::partition) {
            walk.climb(*node, edge);
            continue;
        }
        const std::size_t before = walk.uses().size();
        walk.climb(*node, edge);
        const std::size_t found = walk.uses().size() - before;
        if (found > 0) {
            walk.add(ReasonCode::partition_in_use,
                     fmt::format("its partition {} is in use", state.graph().at(edge.to).name));
        }
    }
    if (state.graph().at(*node).kind == Kind::partition) {
        add_disk_uses(state, *node, walk);
    }
    add_read_only(state, *node, walk);
}

void add_image_uses(const MachineState& state, const Identity& identity, UseWalk& walk) {
    for (const std::size_t loop : loops_over_file(state, identity, walk)) {
        add_system_uses(state, loop, walk);
        walk.add(ReasonCode::loop_backing,
                 fmt::format("{} is a loop device over this file", state.graph().at(loop).name));
        walk.visit(loop);
    }
    add_swap_file_uses(state, identity, walk);
    add_bind_mount_uses(state, identity, walk);
    if (identity.read_only) {
        walk.add(ReasonCode::read_only, "the file or its file system is read-only");
    }
}

}  // namespace

std::vector<Use> uses_in(const MachineState& state, const Identity& identity,
                         const Signature* signature) {
    UseWalk walk{state};
    if (identity.kind == Kind::file) {
        add_image_uses(state, identity, walk);
    } else {
        add_device_uses(state, identity, walk);
        if (signature != nullptr && is_array_member(signature->type) &&
            !walk.has(ReasonCode::md_member)) {
            walk.add(ReasonCode::md_member,
                     fmt::format("it carries the superblock of a RAID array ({})",
                                 safe_text(signature->type)));
        }
    }
    for (const std::string& problem : state.problems()) {
        walk.add(ReasonCode::unreadable_state, safe_text(problem));
    }
    return walk.take();
}

}  // namespace efface::inventory
