// SPDX-License-Identifier: Apache-2.0
// Who uses this storage: the one answer, for `efface list`, for a plan, right before the first
// destructive command and for every kind of target. Reads only; what can't be looked at is a use.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "efface/guard/luks_devices.hpp"
#include "efface/inventory/inventory.hpp"
#include "efface/inventory/list.hpp"

namespace efface::guard {

using inventory::Use;

/// Whether blocks of the target may be read for an answer: those of a drive that is erasing itself
/// would keep the reader.
enum class Blocks { read, left_alone };

/// Who uses a target, and its other names, as of one look.
struct Users {
    std::vector<Use> uses;             ///< Look::uses_of()
    std::vector<std::string> aliases;  ///< Look::aliases_of()
};

/// What the machine does with its storage at one moment, for questions about many targets. May be
/// asked from several threads.
class Look final {
  public:
    [[nodiscard]] static Look take(const inventory::SystemView& view = {});
    ~Look();
    Look(Look&&) noexcept;
    Look& operator=(Look&&) noexcept;
    Look(const Look&) = delete;
    Look& operator=(const Look&) = delete;

    /// Everything that uses the target, through any number of layers:
    /// - mounts of every mount namespace, swap areas, what the running system is on top of;
    /// - what is on top of it: device mapper, md, loop devices, bcache, zram;
    /// - the same medium by another name (`alias_in_use`): other paths to a disk (same WWID, serial
    ///   number and size), NVMe paths of one namespace, loop devices over one file, partitions and
    ///   linear mappings whose ranges overlap, whatever lies below or beside the target;
    /// - processes that have it, a part, an alias or a command node of it open (`opened`; another
    ///   efface: `busy`), this process excepted; exports of the kernel (`exported`: LIO, nvmet, USB
    ///   gadgets);
    /// - a member of a group that runs, also where nothing of the group lies on it now (LVM);
    /// - who holds it exclusively for no other known reason (`busy`); read-only.
    /// Fails closed: what cannot be looked at is `unreadable_state`. A member of a group that does
    /// not run is no use: Contents tells it.
    [[nodiscard]] std::vector<Use> uses_of(const inventory::Identity& identity,
                                           Blocks blocks = Blocks::read) const;
    /// Nodes of the same medium that must be held together with the target, by device path: not
    /// what lies on the way down from it, which it holds itself.
    [[nodiscard]] std::vector<std::string> aliases_of(const inventory::Identity& identity) const;
    /// Pairs of which erasing the one would erase blocks of the other, by index: a device and its
    /// partition, two loop devices whose parts of one file overlap, a file and a mapping above it,
    /// two paths to a disk. Of each identity counts what it is (kind, device number, inode, path).
    [[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> overlapping(
        const std::vector<inventory::Identity>& identities) const;
    [[nodiscard]] std::vector<inventory::Layer> layers_below(
        const inventory::Identity& identity) const;
    /// guard::luks_devices() of these devices, as they are read now.
    [[nodiscard]] LuksDevices luks_devices() const;

  private:
    struct State;
    explicit Look(std::unique_ptr<const State> state);
    std::unique_ptr<const State> state_;
};

/// Looks as of now, for questions from several threads: who asks while another one's look is being
/// taken waits for the next, which then serves all who wait. A look costs a walk through all
/// processes and devices of the machine.
class Looks final {
  public:
    explicit Looks(inventory::SystemView view = {}) : view_(std::move(view)) {}
    /// One that began after this was called.
    [[nodiscard]] std::shared_ptr<const Look> fresh();
    /// As of now. Who opens a device for a moment (udev does) is waited for: no look begins later
    /// than kOpenersWait.
    [[nodiscard]] Users users_of(const inventory::Identity& identity, Blocks blocks = Blocks::read);

  private:
    inventory::SystemView view_;
    std::mutex mutex_;
    std::condition_variable taken_;
    bool taking_ = false;
    std::uint64_t begun_ = 0;       ///< how many looks
    std::uint64_t last_begun_ = 0;  ///< which of them `last_` is
    std::shared_ptr<const Look> last_;
};

constexpr std::chrono::milliseconds kOpenersWait{2000};
/// Looks::users_of() for a single question.
[[nodiscard]] std::vector<Use> uses_of(const inventory::Identity& identity,
                                       const inventory::SystemView& view = {},
                                       Blocks blocks = Blocks::read);

/// inventory::list_storage() with the users of each row, from one look at the machine. Nothing is
/// opened exclusively and no pool is looked up: a plan can find users that the list does not show.
[[nodiscard]] std::vector<inventory::ListEntry> list_storage(
    const inventory::SystemView& view = {}, bool probe = false,
    inventory::DiskQuestions* questions = nullptr,
    std::chrono::milliseconds deadline = inventory::kListDeadline);

/// The exit status of a refusal for this use: `busy` (75) when trying again may help, else
/// `safety`.
[[nodiscard]] ErrorCode status_of(ReasonCode code) noexcept;

}  // namespace efface::guard
