// SPDX-License-Identifier: Apache-2.0
#include "efface/inventory/machine_state.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <set>

namespace efface::inventory {
namespace {

constexpr std::array<std::string_view, 7> kSystemMounts = {
    "/", "/usr", "/boot", "/boot/efi", "/efi", "/boot/firmware", "/nix"};

/// Is `path` the folder or within it?
bool lies_under(std::string_view path, std::string_view folder) {
    if (folder == "/") {
        return path.starts_with('/');
    }
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

MachineState MachineState::read(const SystemView& view, Detail detail) {
    MachineState state;
    state.view_ = view;
    state.graph_ = BlockGraph::read(view, detail);
    state.problems_ = state.graph_.problems();
    state.processes_ = read_processes(view);
    MountView mounts = read_mounts(view, state.processes_);
    state.mounts_ = std::move(mounts.mounts);
    state.problems_.insert(state.problems_.end(), mounts.problems.begin(), mounts.problems.end());
    std::string problem;
    if (const auto swaps = read_swaps(view, problem)) {
        for (const std::string& path : *swaps) {
            state.swaps_.emplace_back().path = path;
        }
    } else {
        state.problems_.push_back(problem);
    }
    state.read_btrfs();
    state.index_mounts();
    state.find_swap_devices();
    state.find_system_devices();
    return state;
}

void MachineState::read_btrfs() {
    const Folder folder = Folder::open(view_.sysfs / "fs" / "btrfs");
    const Listing systems = folder.list(".");
    if (systems.reading == Reading::unreadable) {
        problems_.push_back(
            fmt::format("the list of btrfs file systems: {}", errno_text(systems.error)));
    }
    for (const std::string& uuid : systems.names) {
        const Listing devices = folder.list(uuid + "/devices");
        if (devices.reading == Reading::unreadable && devices.error != ENOTDIR) {
            problems_.push_back(fmt::format("the devices of the btrfs file system {}: {}", uuid,
                                            errno_text(devices.error)));
        }
        for (const std::string& name : devices.names) {
            if (const auto node = graph_.find_name(name)) {
                btrfs_[uuid].push_back(*node);
            }
        }
    }
}

std::vector<std::size_t> MachineState::devices_of(const Mount& mount) const {
    if (mount.major != 0) {
        const auto node = graph_.find(mount.major, mount.minor);
        return node ? std::vector{*node} : std::vector<std::size_t>{};
    }
    // An anonymous device number (btrfs, bcachefs): the source names one device or, with colons
    // between, all of them. A colon can also be in a name (/dev/disk/by-path).
    if (!mount.source.starts_with("/dev/")) {
        return {};
    }
    std::vector<std::size_t> nodes;
    const auto add = [&nodes, this](const std::string& path) {
        if (const auto node = graph_.find_path(path)) {
            nodes.push_back(*node);
        }
    };
    add(mount.source);
    for (std::size_t begin = 0; nodes.empty() && begin < mount.source.size();) {
        const std::size_t end = std::min(mount.source.find(':', begin), mount.source.size());
        add(mount.source.substr(begin, end - begin));
        begin = end + 1;
    }
    for (const auto& [uuid, members] : btrfs_) {
        if (!nodes.empty() &&
            std::find(members.begin(), members.end(), nodes.front()) != members.end()) {
            return members;
        }
    }
    return nodes;
}

void MachineState::find_swap_devices() {
    for (Swap& swap : swaps_) {
        if (const auto area = graph_.find_path(swap.path)) {
            swap.devices = {*area};
            continue;
        }
        swap.is_file = true;
        swap.devices = devices_of_file(swap.path);
    }
}

void MachineState::index_mounts() {
    mounts_by_node_.resize(graph_.nodes().size());
    for (std::size_t i = 0; i < mounts_.size(); ++i) {
        for (const std::size_t node : devices_of(mounts_[i])) {
            mounts_by_node_[node].push_back(i);
        }
    }
}

const std::vector<std::size_t>& MachineState::mounts_on(std::size_t node) const {
    return mounts_by_node_.at(node);
}

std::string MachineState::btrfs_of(std::size_t node) const {
    for (const auto& [uuid, members] : btrfs_) {
        if (std::find(members.begin(), members.end(), node) != members.end()) {
            return uuid;
        }
    }
    return {};
}

std::vector<std::string> MachineState::system_mounts_on(std::size_t node) const {
    const auto found = system_.find(node);
    return found == system_.end() ? std::vector<std::string>{} : found->second;
}

const Mount* MachineState::covering_mount(const std::string& path) const {
    const Mount* best = nullptr;
    for (const Mount& mount : mounts_) {
        // The later of two mounts on one folder hides the earlier.
        if (mount.process.empty() && lies_under(path, mount.target) &&
            (best == nullptr || mount.target.size() >= best->target.size())) {
            best = &mount;
        }
    }
    return best;
}

std::vector<std::size_t> MachineState::devices_of_file(const std::string& path) const {
    if (view_.live) {
        struct stat status {};
        if (::stat(path.c_str(), &status) == 0) {
            const auto node = graph_.find(major(status.st_dev), minor(status.st_dev));
            if (node) {
                return {*node};
            }
        }
    }
    const Mount* mount = covering_mount(path);
    return mount == nullptr ? std::vector<std::size_t>{} : devices_of(*mount);
}

void MachineState::find_system_devices() {
    for (const Mount& mount : mounts_) {
        const bool of_system = mount.process.empty() || mount.process == "1";
        if (!of_system || std::find(kSystemMounts.begin(), kSystemMounts.end(), mount.target) ==
                              kSystemMounts.end()) {
            continue;
        }
        std::vector<std::size_t> work = devices_of(mount);
        std::set<std::size_t> seen;
        while (!work.empty()) {  // each device once: bounded by their number
            const std::size_t node = work.back();
            work.pop_back();
            if (!seen.insert(node).second) {
                continue;
            }
            std::vector<std::string>& rests = system_[node];
            if (std::find(rests.begin(), rests.end(), mount.target) == rests.end()) {
                rests.push_back(mount.target);
            }
            const BlockNode& device = graph_.at(node);
            work.insert(work.end(), device.below.begin(), device.below.end());
            if (device.kind == Kind::loop && device.below.empty()) {
                const std::vector<std::size_t> file = devices_of_file(device.backing_file);
                work.insert(work.end(), file.begin(), file.end());
            }
        }
    }
}

}  // namespace efface::inventory
