// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "efface/guard/users.hpp"

#include "below/neighbours.hpp"
#include "users/file_uses.hpp"
#include "uses.hpp"

namespace efface::guard {

using inventory::BlockNode;
using inventory::Detail;
using inventory::Identity;
using inventory::Kind;
using inventory::MachineState;
using inventory::safe_text;
using inventory::SystemView;

struct Look::State {
    explicit State(MachineState taken)
        : machine(std::move(taken)),
          media(machine),
          openers(Openers::read(machine)),
          exports(read_exports(machine)) {}
    MachineState machine;
    mutable std::mutex mutex;  ///< of `media`, which remembers what it found
    mutable MediumMap media;
    Openers openers;
    Exports exports;
};

Look::Look(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Look::~Look() = default;
Look::Look(Look&&) noexcept = default;
Look& Look::operator=(Look&&) noexcept = default;

Look Look::take(const SystemView& view) {
    return Look{std::make_unique<const State>(MachineState::read(view, Detail::links))};
}

namespace {

/// What keeps an exclusive open from failing for an unknown reason.
bool explained(const std::vector<Use>& uses) {
    return std::any_of(uses.begin(), uses.end(), [](const Use& use) {
        return use.code != ReasonCode::read_only && use.code != ReasonCode::loop_backing &&
               use.code != ReasonCode::unreadable_state;
    });
}

/// The target and its partitions, by path.
std::vector<std::string> readable_paths(const MachineState& state, const Identity& identity) {
    std::vector<std::string> paths{identity.canonical_path};
    const auto node = state.graph().find(identity.major, identity.minor);
    if (!node) {
        return paths;
    }
    for (const auto& edge : state.graph().at(*node).above) {
        if (edge.kind == inventory::EdgeKind::partition) {
            paths.push_back(
                inventory::device_path(state.view(), state.graph().at(edge.to).name).string());
        }
    }
    return paths;
}

/// Members of volume groups that run although nothing of them lies here now. True when a ZFS label
/// was seen.
bool add_running_members(const MachineState& state, const Identity& identity,
                         std::vector<Use>& uses) {
    bool zfs = false;
    for (const auto& path : readable_paths(state, identity)) {
        try {
            for (const auto& found : inventory::signatures_on(path)) {
                zfs = zfs || found.type == "zfs_member";
                const auto volumes = active_volumes(state, found);
                if (!volumes.empty()) {
                    uses.push_back({ReasonCode::lvm_member,
                                    fmt::format("its volume group {} is active: {}",
                                                safe_text(found.label), safe_text(volumes[0]))});
                }
            }
        } catch (const Error& error) {
            // Blocks of a dying disk tell nothing; that it cannot be opened does.
            if (error.reason() != ReasonCode::unreadable_state) {
                uses.push_back({ReasonCode::unreadable_state, safe_text(error.what())});
            }
        }
    }
    return zfs;
}

}  // namespace

std::vector<Use> Look::uses_of(const Identity& identity, Blocks blocks) const {
    const MachineState& machine = state_->machine;
    std::vector<Use> uses;
    std::vector<std::string> aliases;
    {
        const std::lock_guard lock(state_->mutex);
        uses = uses_in({machine, state_->media, state_->openers, state_->exports}, identity);
    }
    if (!machine.view().live) {
        return uses;
    }
    if (identity.kind == Kind::file) {
        const bool unexplained = std::all_of(uses.begin(), uses.end(), [](const Use& use) {
            return use.code == ReasonCode::read_only;
        });
        if (unexplained && is_open_elsewhere(identity)) {
            uses.push_back({ReasonCode::opened, "a process that is not visible has it open"});
        }
        return uses;
    }
    const bool zfs =
        blocks == Blocks::read && uses.empty() && add_running_members(machine, identity, uses);
    if (explained(uses)) {
        return uses;
    }
    if (is_held_exclusively(identity.canonical_path, identity.major, identity.minor)) {
        uses.push_back(
            {zfs ? ReasonCode::zfs_member : ReasonCode::busy,
             zfs ? "a ZFS pool uses it" : "the kernel or another program has it open exclusively"});
    }
    for (const auto& alias : aliases_of(identity)) {
        const auto node = machine.graph().find_path(alias);
        if (node && is_held_exclusively(alias, machine.graph().at(*node).major,
                                        machine.graph().at(*node).minor)) {
            // As of the target itself: another job of ours begins with this, before it is seen to
            // have the target open.
            uses.push_back({zfs ? ReasonCode::alias_in_use : ReasonCode::busy,
                            alias + " is the same storage and is open exclusively"});
        }
    }
    return uses;
}

std::vector<std::string> Look::aliases_of(const Identity& identity) const {
    const MachineState& machine = state_->machine;
    const auto node = machine.graph().find(identity.major, identity.minor);
    std::vector<std::string> paths;
    if (identity.kind == Kind::file || !node) {
        return paths;
    }
    const std::lock_guard lock(state_->mutex);
    for (const auto other : to_be_held(machine, state_->media, *node)) {
        paths.push_back(
            inventory::device_path(machine.view(), machine.graph().at(other).name).string());
    }
    return paths;
}

std::vector<std::pair<std::size_t, std::size_t>> Look::overlapping(
    const std::vector<Identity>& identities) const {
    const std::lock_guard lock(state_->mutex);
    std::vector<Place> places;
    for (const auto& identity : identities) {
        const auto node = state_->machine.graph().find(identity.major, identity.minor);
        places.push_back(identity.kind == Kind::file || !node
                             ? state_->media.place_of_file(identity.major, identity.minor,
                                                           identity.inode, identity.canonical_path)
                             : state_->media.place_of(*node));
    }
    std::vector<std::pair<std::size_t, std::size_t>> pairs;
    for (std::size_t i = 0; i < places.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (overlap(places[j], places[i])) {
                pairs.emplace_back(j, i);
            }
        }
    }
    return pairs;
}

std::vector<inventory::Layer> Look::layers_below(const Identity& identity) const {
    return inventory::layers_below(identity, state_->machine);
}

LuksDevices Look::luks_devices() const {
    return guard::luks_devices(state_->machine);
}

std::shared_ptr<const Look> Looks::fresh() {
    std::unique_lock lock(mutex_);
    const auto wanted = begun_ + 1;
    taken_.wait(lock, [&] { return !taking_ || last_begun_ >= wanted; });
    if (last_begun_ >= wanted) {
        return last_;
    }
    taking_ = true;
    const auto number = ++begun_;
    lock.unlock();
    std::shared_ptr<const Look> look;
    std::exception_ptr failure;
    try {
        look = std::make_shared<const Look>(Look::take(view_));
    } catch (...) {
        failure = std::current_exception();  // whoever waits takes a look of its own
    }
    lock.lock();
    taking_ = false;
    if (look) {
        last_ = look;
        last_begun_ = number;
    }
    taken_.notify_all();
    if (failure) {
        std::rethrow_exception(failure);
    }
    return look;
}

Users Looks::users_of(const Identity& identity, Blocks blocks) {
    constexpr std::chrono::milliseconds kPause{100};
    const auto deadline = std::chrono::steady_clock::now() + kOpenersWait;
    for (;;) {
        const auto look = fresh();
        Users users{look->uses_of(identity, blocks), look->aliases_of(identity)};
        const bool may_go =
            !users.uses.empty() &&
            std::all_of(users.uses.begin(), users.uses.end(), [](const Use& use) {
                return use.code == ReasonCode::opened || use.code == ReasonCode::busy;
            });
        // udev looks at each device for a moment; who stays is a user.
        if (!may_go || !view_.live || std::chrono::steady_clock::now() + kPause >= deadline) {
            return users;
        }
        std::this_thread::sleep_for(kPause);
    }
}

std::vector<Use> uses_of(const Identity& identity, const SystemView& view, Blocks blocks) {
    return Looks(view).users_of(identity, blocks).uses;
}

std::vector<inventory::ListEntry> list_storage(const SystemView& view, bool probe,
                                               inventory::DiskQuestions* questions,
                                               std::chrono::milliseconds deadline) {
    const MachineState machine = MachineState::read(view, Detail::all);
    auto entries = inventory::list_storage(machine, probe, questions, deadline);
    MediumMap media(machine);
    const auto openers = Openers::read(machine);
    const auto exports = read_exports(machine);
    for (const auto& entry : entries) {
        const auto node = machine.graph().find(entry.identity.major, entry.identity.minor);
        if (node && entry.identity.kind == Kind::disk) {
            media.know(*node, entry.identity);
        }
    }
    for (auto& entry : entries) {
        const auto uses = uses_in({machine, media, openers, exports}, entry.identity);
        entry.uses.insert(entry.uses.end(), uses.begin(), uses.end());
    }
    return entries;
}

ErrorCode status_of(ReasonCode code) noexcept {
    return code == ReasonCode::busy ? ErrorCode::busy : ErrorCode::safety;
}

}  // namespace efface::guard
