// SPDX-License-Identifier: Apache-2.0
#include "efface/nvme/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace efface::nvme {

namespace {

struct Entry {
    std::uint16_t status;
    const char* name;
    const char* next_step;
};

constexpr const char* kFirmwarePending =
    "new firmware is waiting for activation: reset or power cycle the drive, then start again";
constexpr const char* kBlockedByFirmware =
    "the machine's firmware may have locked the command: suspend and resume, or power cycle the "
    "drive while the system runs";

/// NVMe Base 2.3, section 4.2.3; NVM Command Set 1.2, section 3.1. Sorted by status.
constexpr std::array kEntries{
    Entry{0x000, "Successful Completion", ""},
    Entry{0x001, "Invalid Command Opcode", kBlockedByFirmware},
    Entry{0x002, "Invalid Field in Command", ""},
    Entry{0x004, "Data Transfer Error", ""},
    Entry{0x005, "Commands Aborted due to Power Loss Notification", ""},
    Entry{0x006, "Internal Error", ""},
    Entry{0x007, "Command Abort Requested", ""},
    Entry{0x008, "Command Aborted due to SQ Deletion", ""},
    Entry{0x00b, "Invalid Namespace or Format", ""},
    Entry{0x00c, "Command Sequence Error",
          "the drive's security features forbid it: unlock or revert TCG locking first"},
    Entry{0x015, "Operation Denied",
          "the drive's security features forbid it: unlock or revert TCG locking first"},
    Entry{0x01c, "Sanitize Failed", "only a sanitize that succeeds ends this state"},
    Entry{0x01d, "Sanitize In Progress",
          "wait until it has ended, or adopt it with efface erase --technique"},
    Entry{0x020, "Namespace is Write Protected",
          "remove the write protection (Set Features 84h); some kinds need a power cycle"},
    Entry{0x021, "Command Interrupted", ""},
    Entry{0x022, "Transient Transport Error", ""},
    Entry{0x024, "Admin Command Media Not Ready", "wait until the drive is ready"},
    Entry{0x02b, "Sanitize Namespace Failed", ""},
    Entry{0x02c, "Sanitize Namespace In Progress", "wait until it has ended"},
    Entry{0x080, "LBA Out of Range", ""},
    Entry{0x081, "Capacity Exceeded", ""},
    Entry{0x082, "Namespace Not Ready", ""},
    Entry{0x083, "Reservation Conflict",
          "another host holds a reservation: release it on that host"},
    Entry{0x084, "Format In Progress", "wait until it has ended"},
    Entry{0x109, "Invalid Log Page", ""},
    Entry{0x10a, "Invalid Format", ""},
    Entry{0x10b, "Firmware Activation Requires Conventional Reset", kFirmwarePending},
    Entry{0x10d, "Feature Identifier Not Saveable", ""},
    Entry{0x110, "Firmware Activation Requires NVM Subsystem Reset", kFirmwarePending},
    Entry{0x111, "Firmware Activation Requires Controller Level Reset", kFirmwarePending},
    Entry{0x11a, "Namespace Not Attached", ""},
    Entry{0x123, "Sanitize Prohibited While Persistent Memory Region is Enabled",
          "disable the Persistent Memory Region"},
    Entry{0x139, "Controller Suspended", ""},
    Entry{0x13c, "Namespace Sanitize Limit Exceeded", ""},
    Entry{0x19c, "Successful Media Verification Read", ""},
    Entry{0x280, "Write Fault", ""},
    Entry{0x281, "Unrecovered Read Error", ""},
    Entry{0x282, "End-to-end Guard Check Error", ""},
    Entry{0x286, "Access Denied", "the range is locked: unlock or revert TCG locking first"},
    Entry{0x287, "Deallocated or Unwritten Logical Block", ""},
    Entry{0x300, "Internal Path Error", ""},
    Entry{0x301, "Asymmetric Access Persistent Loss", ""},
    Entry{0x302, "Asymmetric Access Inaccessible", ""},
    Entry{0x303, "Asymmetric Access Transition", ""},
    Entry{0x360, "Controller Pathing Error", ""},
    Entry{0x370, "Host Pathing Error", ""},
    Entry{0x371, "Command Aborted By Host", ""},
};

const Entry* find(std::uint16_t status) {
    const auto wanted = static_cast<std::uint16_t>(status & kStatusMask);
    const auto* at = std::lower_bound(
        kEntries.begin(), kEntries.end(), wanted,
        [](const Entry& entry, std::uint16_t value) { return entry.status < value; });
    return at != kEntries.end() && at->status == wanted ? at : nullptr;
}

}  // namespace

std::string status_text(std::uint16_t status) {
    const std::string numbers =
        fmt::format("sct {:x} sc {:02x}h", (status >> 8U) & 7U, status & 0xffU);
    const Entry* entry = find(status);
    return entry == nullptr ? numbers : fmt::format("{} ({})", entry->name, numbers);
}

std::string next_step(std::uint16_t status) {
    const Entry* entry = find(status);
    return entry == nullptr ? "" : entry->next_step;
}

}  // namespace efface::nvme
