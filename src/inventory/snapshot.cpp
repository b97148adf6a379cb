// SPDX-License-Identifier: Apache-2.0
#include "snapshot.hpp"

#include <algorithm>

#include "file_uses.hpp"

namespace efface::inventory {

struct Snapshot::State {
    MachineState machine;
};

Snapshot::Snapshot(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Snapshot::~Snapshot() = default;
Snapshot::Snapshot(Snapshot&&) noexcept = default;
Snapshot& Snapshot::operator=(Snapshot&&) noexcept = default;

Snapshot Snapshot::take(const SystemView& view) {
    return Snapshot{std::make_unique<const State>(State{MachineState::read(view, Detail::links)})};
}

std::vector<Use> Snapshot::uses_of(const Identity& identity, Blocks blocks) const {
    const MachineState& machine = state_->machine;
    if (!machine.view().live || identity.kind == Kind::file) {
        return uses_in(machine, identity, nullptr);
    }
    Signature signature;
    std::vector<Use> uses;
    try {
        if (blocks == Blocks::read) {
            signature = probe_signature(identity.canonical_path);
        }
    } catch (const Error& error) {
        uses.push_back({ReasonCode::unreadable_state, safe_text(error.what())});
    }
    const std::vector<Use> found = uses_in(machine, identity, &signature);
    uses.insert(uses.end(), found.begin(), found.end());
    const bool explained = std::any_of(uses.begin(), uses.end(), [](const Use& use) {
        return use.code != ReasonCode::read_only && use.code != ReasonCode::loop_backing &&
               use.code != ReasonCode::unreadable_state;
    });
    if (!explained && is_held_exclusively(identity)) {
        const bool zfs = signature.type == "zfs_member";
        uses.push_back(
            {zfs ? ReasonCode::zfs_member : ReasonCode::busy,
             zfs ? "a ZFS pool holds it" : "the kernel or another program holds it exclusively"});
    }
    return uses;
}

std::vector<Layer> Snapshot::layers_below(const Identity& identity) const {
    return layers_in(state_->machine, identity);
}

std::vector<Use> uses_of(const Identity& identity, const SystemView& view, Blocks blocks) {
    return Snapshot::take(view).uses_of(identity, blocks);
}

std::vector<Layer> layers_below(const Identity& identity, const SystemView& view) {
    return Snapshot::take(view).layers_below(identity);
}

}  // namespace efface::inventory
