// SPDX-License-Identifier: Apache-2.0
// All storage of the machine, for `efface list`.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/inventory/inventory.hpp"

namespace efface::inventory {

/// One row of `efface list`.
struct ListEntry {
    Identity identity;
    std::string parent;  ///< kernel name of the disk of a partition, or empty
    std::string vendor;  ///< of a disk, printable; empty where the model tells or nothing does
    /// Of a disk: "bay Slot 03", or its name below /dev/disk/by-path; empty where neither is known.
    std::string place;
    Signature signature;
    int luks_version = 0;  ///< 0 = none
    std::string luks_uuid;
    std::string controller;  ///< a virtual disk of it: raid_controller_of(); empty: a disk
    /// From list_storage() of this module only what could not be read; guard::list_storage() adds
    /// who uses it.
    std::vector<Use> uses;
};

/// What someone else wants to know of the disks while they are listed.
class DiskQuestions {
  public:
    struct Answer {
        Json told;
        std::string leave_alone;  ///< not empty: why no block of the disk is to be read now
    };

    virtual ~DiskQuestions() = default;
    /// Called once, before anything is asked. `all`: every disk and partition of the list.
    virtual void look_at(const std::vector<Identity>& all) = 0;
    /// Whether all[i] is to be asked.
    [[nodiscard]] virtual bool asks(std::size_t i) const = 0;
    /// In another process, beside other calls of it: it may hang as long as the disk does.
    [[nodiscard]] virtual Answer ask(std::size_t i) const = 0;
    /// What ask(i) told.
    virtual void take(std::size_t i, const Json& told) = 0;
    /// No answer came in time: "no answer in 3 s".
    virtual void give_up(std::size_t i, const std::string& why) = 0;
};

/// A drive that hangs must not hold the list.
constexpr std::chrono::milliseconds kListDeadline{3000};

/// Every block device with a size, and every fixed drive of none (one that failed, or has sectors
/// that Linux cannot address), sorted by kernel name (loop2 before loop10), unused loop and zram
/// devices left out. Reads at most the first 4 KiB of each device itself (no libblkid: 64
/// devices cost a few milliseconds) unless `probe` asks for full signatures. `questions`, which may
/// be nullptr, are asked of each disk before a block of it is read; nothing is read of a disk that
/// is to be left alone or does not answer before the deadline, nor of its partitions: a use says
/// so. Changes and wakes nothing. The caller has no other thread. `state` was read with
/// Detail::all.
[[nodiscard]] std::vector<ListEntry> list_storage(const MachineState& state, bool probe,
                                                  DiskQuestions* questions,
                                                  std::chrono::milliseconds deadline);

}  // namespace efface::inventory
