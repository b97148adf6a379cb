// SPDX-License-Identifier: Apache-2.0
// The walk upward from a target, and from every other name of its storage, through all that rests
// on it; and who has any of it open.
#include "uses.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/inventory/drive.hpp"

#include "below/neighbours.hpp"
#include "use_walk.hpp"
#include "users/character_nodes.hpp"
#include "users/file_uses.hpp"

namespace efface::guard {

using inventory::BlockNode;
using inventory::describe;
using inventory::Detail;
using inventory::EdgeKind;
using inventory::Folder;
using inventory::Identity;
using inventory::Kind;
using inventory::MachineState;
using inventory::Reading;
using inventory::safe_text;

namespace {

void add_system_uses(const MachineState& state, std::size_t node, UseWalk& walk) {
    for (const std::string& target : state.system_mounts_on(node)) {
        walk.add(ReasonCode::root_or_boot,
                 fmt::format("the running system's {} is on {}", safe_text(target),
                             describe(state.graph().at(node))));
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
        const auto flag =
            name.empty() ? inventory::Attribute{} : class_block.enter(name).read("ro");
        if (flag.reading == Reading::unreadable) {
            walk.add(ReasonCode::unreadable_state,
                     fmt::format("whether {} is read-only is unknown", name));
        } else if (flag.text == "1") {
            walk.add(ReasonCode::read_only, fmt::format("{} is read-only", name));
        }
    }
}

/// Everything about one target that is a block device.
class DeviceUses final {
  public:
    DeviceUses(const Seen& seen, std::size_t target, UseWalk& walk)
        : seen_(seen),
          state_(seen.machine),
          target_(target),
          place_(seen.media.place_of(target)),
          near_(neighbours_of(seen.machine, seen.media, target)),
          walk_(walk) {}

    void add() {
        add_above();
        add_below();
        for (const auto node : near_.beside) {
            add_beside(node);
        }
        walk_.as_alias({});
        add_files();
        add_openers();
        add_exports();
        add_read_only(state_, target_, walk_);
    }

  private:
    void add_above();
    void add_below();
    void add_beside(std::size_t node);
    void add_files();
    void add_openers();
    void add_openers_of(std::size_t node, const std::string& as);
    void add_exports();
    /// Whether what is above one of its neighbours uses the target's own blocks. What can't be
    /// compared (a snapshot, a cache) does.
    [[nodiscard]] bool touches(std::size_t node) const {
        const auto& other = seen_.media.place_of(node);
        return overlap(other, place_) || !share_a_medium(other, place_);
    }

    const Seen& seen_;
    const MachineState& state_;
    std::size_t target_;
    Place place_;
    Neighbours near_;
    UseWalk& walk_;
};

void DeviceUses::add_above() {
    add_system_uses(state_, target_, walk_);
    walk_.add_direct(target_);
    walk_.add_bcache(target_);
    for (const auto& edge : state_.graph().at(target_).above) {
        if (edge.kind != EdgeKind::partition) {
            walk_.climb(target_, edge);
            continue;
        }
        const std::size_t before = walk_.uses().size();
        walk_.climb(target_, edge);
        if (walk_.uses().size() > before) {
            walk_.add(ReasonCode::partition_in_use,
                      fmt::format("its partition {} is in use", state_.graph().at(edge.to).name));
        }
    }
}

/// A partition is lost with its disk when the disk is held as a whole; so is a loop device over
/// another one that is mounted.
void DeviceUses::add_below() {
    const BlockNode& device = state_.graph().at(target_);
    if (device.kind == Kind::partition && !state_.graph().find_name(device.parent)) {
        walk_.add(ReasonCode::unreadable_state,
                  fmt::format("the disk of the partition {} is not in sysfs", device.name));
    }
    for (const auto node : near_.below) {
        walk_.add_direct(node);
        for (const auto& edge : state_.graph().at(node).above) {
            const bool in_stack = edge.to == target_ || near_.below.contains(edge.to) ||
                                  near_.above.contains(edge.to);
            if (!in_stack && touches(edge.to)) {
                walk_.climb(node, edge);
            }
        }
    }
}

void DeviceUses::add_beside(std::size_t node) {
    walk_.as_alias(fmt::format("{} is the same storage", describe(state_.graph().at(node))));
    add_system_uses(state_, node, walk_);
    walk_.add_direct(node);
    walk_.add_bcache(node);
    for (const auto& edge : state_.graph().at(node).above) {
        // A loop device that nobody uses is another name; a mapping holds what it is on top of.
        const bool idle_name = near_.beside.contains(edge.to) && edge.kind != EdgeKind::holder;
        if (edge.to != target_ && !idle_name && !walk_.seen(edge.to) && touches(edge.to)) {
            walk_.climb(node, edge);
        }
    }
}

/// The file that a loop device is on.
void DeviceUses::add_files() {
    for (const auto& file : seen_.media.files_below(place_)) {
        Identity identity;
        identity.kind = Kind::file;
        identity.canonical_path = inventory::without_deleted_mark(file.path);
        identity.major = file.major;
        identity.minor = file.minor;
        identity.inode = file.inode;
        walk_.as_alias("the file below is the same storage");
        add_swap_file_uses(state_, identity, walk_);
        walk_.as_alias({});
        add_file_openers(seen_, identity, walk_);
    }
}

void DeviceUses::add_openers() {
    add_openers_of(target_, "");
    for (const auto* nodes : {&near_.above, &near_.beside, &near_.below}) {
        for (const auto node : *nodes) {
            add_openers_of(node, nodes == &near_.below ? "multipathd" : "");
        }
    }
}

/// `watcher`: a program that watches paths by keeping them open, and is not a user.
void DeviceUses::add_openers_of(std::size_t index, const std::string& watcher) {
    const BlockNode& node = state_.graph().at(index);
    const auto path = inventory::device_path(inventory::SystemView{}, node.name).string();
    auto openers = state_.view().live ? seen_.openers.of_block(node.major, node.minor)
                                      : seen_.openers.of_path(path);
    std::erase_if(openers, [&](const Opener& opener) {
        return !watcher.empty() && opener.program == watcher;
    });
    add_opened(openers, path, walk_);
    const bool none = state_.view().live && !seen_.openers.any_character();
    if (node.kind != Kind::disk || none) {
        return;
    }
    for (const auto& character : character_nodes_of(state_.view(), node.name)) {
        add_opened(state_.view().live ? seen_.openers.of_character(character.major, character.minor)
                                      : seen_.openers.of_path(character.path),
                   character.path, walk_);
    }
}

void DeviceUses::add_exports() {
    const auto files = seen_.media.files_below(place_);
    for (const auto& one : seen_.exports.list) {
        const auto node = state_.graph().find_path(one.path);
        const bool ours = node && (*node == target_ || near_.above.contains(*node) ||
                                   near_.beside.contains(*node) || near_.below.contains(*node));
        const bool file = std::any_of(files.begin(), files.end(), [&](const auto& below) {
            return is_file(state_, one.path, below.path, below.major, below.minor, below.inode);
        });
        if (ours || file) {
            walk_.add(ReasonCode::exported, fmt::format("{} ({})", one.what, safe_text(one.path)));
        }
    }
}

void add_image_uses(const Seen& seen, const Identity& identity, UseWalk& walk) {
    const MachineState& state = seen.machine;
    for (const std::size_t loop : loops_over_file(state, identity, walk)) {
        add_system_uses(state, loop, walk);
        walk.add(ReasonCode::loop_backing,
                 fmt::format("{} is a loop device over this file", state.graph().at(loop).name));
        walk.visit(loop);
    }
    add_swap_file_uses(state, identity, walk);
    add_bind_mount_uses(state, identity, walk);
    add_file_openers(seen, identity, walk);
    for (const auto& one : seen.exports.list) {
        if (is_file(state, one.path, identity.canonical_path, identity.major, identity.minor,
                    identity.inode)) {
            walk.add(ReasonCode::exported, fmt::format("{} ({})", one.what, safe_text(one.path)));
        }
    }
    if (identity.read_only) {
        walk.add(ReasonCode::read_only, why_read_only(identity));
    }
}

}  // namespace

std::vector<Use> uses_in(const Seen& seen, const Identity& identity) {
    const MachineState& state = seen.machine;
    UseWalk walk{state};
    const auto node = state.graph().find(identity.major, identity.minor);
    if (identity.kind == Kind::file) {
        add_image_uses(seen, identity, walk);
    } else if (!node) {
        walk.add(ReasonCode::unreadable_state,
                 fmt::format("block device {}:{} is not in sysfs", identity.major, identity.minor));
    } else {
        DeviceUses(seen, *node, walk).add();
    }
    for (const std::string& problem : state.problems()) {
        walk.add(ReasonCode::unreadable_state, safe_text(problem));
    }
    for (const std::string& problem : seen.media.problems()) {
        walk.add(ReasonCode::unreadable_state, problem);
    }
    for (const std::string& problem : seen.exports.problems) {
        walk.add(ReasonCode::unreadable_state, problem);
    }
    if (!seen.openers.problem().empty()) {
        walk.add(ReasonCode::unreadable_state, seen.openers.problem());
    }
    return walk.take();
}

std::vector<std::string> active_volumes(const MachineState& state,
                                        const inventory::FoundSignature& found) {
    std::vector<std::string> names;
    if (found.group_uuid.empty()) {
        return names;
    }
    for (const auto& node : state.graph().nodes()) {
        if (node.dm_uuid.starts_with("LVM-" + found.group_uuid)) {
            names.push_back(node.dm_name);
        }
    }
    return names;
}

}  // namespace efface::guard
