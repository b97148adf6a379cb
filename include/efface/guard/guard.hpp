// SPDX-License-Identifier: Apache-2.0
// Stands between the tool and somebody's data: looks at a target once more, right before the first
// destructive command, and holds it and everything else that is the same medium until it is erased.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/guard/clearance.hpp"
#include "efface/guard/held_target.hpp"
#include "efface/guard/users.hpp"

namespace efface::guard {

/// When a question about use must be true: as of one look at the whole machine, taken when it was
/// first asked (planning many volumes) or since Machine::look_anew(), or right now (before
/// something is destroyed); `now_unread` reads no block of it (Blocks::left_alone).
enum class Moment { survey, now, now_unread };

/// What the guard asks of the machine; a test replaces it.
class Machine {
  public:
    virtual ~Machine() = default;
    virtual inventory::Identity identify(const std::string& path) = 0;
    /// Looks::users_of(), as of that moment.
    virtual Users users_of(const inventory::Identity& identity, Moment moment) = 0;
    /// From now on Moment::survey is another look.
    virtual void look_anew() {}
    /// As device::LinuxTarget::open.
    virtual std::unique_ptr<HeldTarget> open(const std::string& path, device::Access access) = 0;
};

/// What is to be held, and how it is known again.
struct HoldRequest {
    std::string path;  ///< canonical
    Moment moment = Moment::now;
    /// Of the device that was shown and confirmed, in the same process; nullopt after a restart.
    std::optional<std::uint64_t> disk_sequence;
    /// Why what is there now is not what was planned; nullopt when it is.
    std::function<std::optional<Reason>(const inventory::Identity& now)> recognise;
    /// The same of the opened target, which nobody can exchange any more; may be empty.
    std::function<std::optional<Reason>(HeldTarget& target)> examine;
    /// A header file of mode 0400 is written by root all the same.
    bool read_only_file_allowed = false;
};

/// The target, and with it (until it is closed) every alias, held O_EXCL.
struct Held {
    std::unique_ptr<HeldTarget> target;
    Clearance clearance;
};

/// Opens the target exclusively, then looks who uses it, so that nobody can have begun to hold it
/// in between; opens the aliases that this look found and then looks once more. Throws Error, with
/// nothing written: `busy` (75) when all that is in the way may go by itself, as another job of
/// ours; else `safety` (7) with the code of what uses it.
[[nodiscard]] Held hold(Machine& machine, const HoldRequest& request);

}  // namespace efface::guard
