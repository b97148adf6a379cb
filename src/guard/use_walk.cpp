// SPDX-License-Identifier: Apache-2.0
#include "use_walk.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace efface::guard {

using inventory::BlockNode;
using inventory::describe;
using inventory::Edge;
using inventory::EdgeKind;
using inventory::Kind;
using inventory::MachineState;
using inventory::Mount;
using inventory::safe_text;
using inventory::Swap;

namespace {

/// A file system can be mounted in thousands of containers.
constexpr std::size_t kMountsToldMax = 8;

ReasonCode code_of_holder(const BlockNode& node) {
    if (node.dm_uuid.starts_with("CRYPT-")) {
        return ReasonCode::active_mapping;
    }
    if (node.dm_uuid.starts_with("LVM-")) {
        return ReasonCode::lvm_member;
    }
    return node.kind == Kind::md ? ReasonCode::md_member : ReasonCode::holder;
}

}  // namespace

UseWalk::UseWalk(const MachineState& state)
    : state_(state), seen_(state.graph().nodes().size(), false) {}

void UseWalk::add(ReasonCode code, std::string detail) {
    if (uses_.size() >= kUsesMax) {
        return;
    }
    if (alias_.empty()) {
        uses_.push_back({code, std::move(detail)});
    } else {
        uses_.push_back(
            {ReasonCode::alias_in_use, fmt::format("{}: {}: {}", alias_, to_string(code), detail)});
    }
}

bool UseWalk::has(ReasonCode code) const {
    return std::any_of(uses_.begin(), uses_.end(),
                       [code](const Use& use) { return use.code == code; });
}

void UseWalk::add_mounts(std::size_t node) {
    const std::vector<std::size_t>& mounts = state_.mounts_on(node);
    const std::string name = describe(state_.graph().at(node));
    for (std::size_t i = 0; i < mounts.size() && i < kMountsToldMax; ++i) {
        const Mount& mount = state_.mounts().at(mounts[i]);
        std::string detail =
            fmt::format("{} mounted at {} ({})", name, safe_text(mount.target), mount.type);
        if (!mount.process.empty()) {
            detail += fmt::format(" in the mount namespace of process {}", mount.process);
        }
        add(ReasonCode::mounted, std::move(detail));
    }
    if (mounts.size() > kMountsToldMax) {
        add(ReasonCode::mounted,
            fmt::format("{} mounted at {} more places", name, mounts.size() - kMountsToldMax));
    }
    const std::string btrfs = state_.btrfs_of(node);
    if (mounts.empty() && !btrfs.empty()) {
        add(ReasonCode::mounted,
            fmt::format("{} belongs to the active btrfs file system {}", name, safe_text(btrfs)));
    }
}

void UseWalk::add_swaps(std::size_t node) {
    const std::string name = describe(state_.graph().at(node));
    for (const Swap& swap : state_.swaps()) {
        const auto& devices = swap.devices;
        if (std::find(devices.begin(), devices.end(), node) != devices.end()) {
            add(ReasonCode::swap, swap.is_file ? fmt::format("{} contains the swap file {}", name,
                                                             safe_text(swap.path))
                                               : fmt::format("{} is a swap area", name));
        }
    }
}

void UseWalk::add_direct(std::size_t node) {
    add_mounts(node);
    add_swaps(node);
}

void UseWalk::add_bcache(std::size_t node) {
    if (state_.graph().at(node).bcache_member) {
        add(ReasonCode::holder, fmt::format("{} is a bcache member", state_.graph().at(node).name));
    }
}

void UseWalk::add_edge_use(std::size_t lower, const Edge& edge) {
    const BlockNode& upper = state_.graph().at(edge.to);
    const std::string below = state_.graph().at(lower).name;
    switch (edge.kind) {
        case EdgeKind::partition:
            return;  // used only when something uses the partition
        case EdgeKind::loop:
            return add(ReasonCode::loop_backing,
                       fmt::format("{} is a loop device over {}", upper.name, below));
        case EdgeKind::zram_writeback:
            return add(ReasonCode::holder, fmt::format("{} writes back to {}", upper.name, below));
        case EdgeKind::bcache:
            return add(ReasonCode::holder,
                       fmt::format("bcache {} is on top of {}", upper.name, below));
        case EdgeKind::holder:
            return add(code_of_holder(upper),
                       fmt::format("{} is on top of {}", describe(upper), below));
    }
}

void UseWalk::climb(std::size_t lower, const Edge& edge) {
    add_edge_use(lower, edge);
    visit(edge.to);
}

void UseWalk::visit(std::size_t start) {
    std::vector<std::size_t> work{start};
    while (!work.empty()) {  // each device once: bounded by their number
        const std::size_t node = work.back();
        work.pop_back();
        if (seen_[node]) {
            continue;
        }
        seen_[node] = true;
        add_direct(node);
        add_bcache(node);
        for (const Edge& edge : state_.graph().at(node).above) {
            if (!seen_[edge.to]) {
                add_edge_use(node, edge);
                work.push_back(edge.to);
            }
        }
    }
}

}  // namespace efface::guard
