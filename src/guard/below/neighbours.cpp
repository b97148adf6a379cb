// SPDX-License-Identifier: Apache-2.0
#include "neighbours.hpp"

namespace efface::guard {

using inventory::BlockNode;
using inventory::EdgeKind;
using inventory::Kind;
using inventory::MachineState;

namespace {

template <typename Next>
std::set<std::size_t> reach(std::size_t from, const Next& next) {
    std::set<std::size_t> found;
    std::vector<std::size_t> work{from};
    while (!work.empty()) {  // each device once: bounded by their number
        const auto node = work.back();
        work.pop_back();
        for (const auto other : next(node)) {
            if (other != from && found.insert(other).second) {
                work.push_back(other);
            }
        }
    }
    return found;
}

std::set<std::size_t> above(const MachineState& state, std::size_t target) {
    return reach(target, [&](std::size_t node) {
        std::vector<std::size_t> uppers;
        for (const auto& edge : state.graph().at(node).above) {
            uppers.push_back(edge.to);
        }
        return uppers;
    });
}

}  // namespace

Neighbours neighbours_of(const MachineState& state, MediumMap& map, std::size_t target) {
    Neighbours found;
    found.above = above(state, target);
    const Place place = map.place_of(target);
    const auto down = reach(target, [&](std::size_t node) { return state.graph().at(node).below; });
    for (const auto node : down) {
        if (overlap(map.place_of(node), place)) {
            found.below.insert(node);
        }
    }
    const bool on_file = !map.files_below(place).empty();
    for (std::size_t node = 0; node < state.graph().nodes().size(); ++node) {
        const BlockNode& device = state.graph().at(node);
        // Which file is below a loop device only the device itself can tell.
        const bool over_file = device.kind == Kind::loop && device.below.empty();
        if (node == target || device.size_bytes == 0 || found.above.contains(node) ||
            down.contains(node) || (over_file && !on_file)) {
            continue;
        }
        if (overlap(map.place_of(node), place)) {
            found.beside.insert(node);
        }
    }
    return found;
}

std::vector<std::size_t> to_be_held(const MachineState& state, MediumMap& map, std::size_t target) {
    const auto found = neighbours_of(state, map, target);
    const Place place = map.place_of(target);
    std::set<std::size_t> held = found.beside;
    for (const auto node : found.below) {
        // Device mapper, md and bcache hold what they rest on; a loop device does not, and a disk
        // is kept by the hold on its partition.
        for (const auto& edge : state.graph().at(node).above) {
            const bool in_stack = edge.to == target || found.below.contains(edge.to);
            if (in_stack && edge.kind == EdgeKind::loop) {
                held.insert(node);
            }
        }
    }
    // A disk and its partitions cannot both be held: the one says enough for the other.
    for (const auto node : std::set<std::size_t>(held)) {
        const auto disk = state.graph().find_name(state.graph().at(node).parent);
        if (!disk || !held.contains(*disk)) {
            continue;
        }
        held.erase(within(map.place_of(*disk), place) ? node : *disk);
    }
    return {held.begin(), held.end()};
}

}  // namespace efface::guard
