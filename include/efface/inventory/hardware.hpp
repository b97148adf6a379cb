// SPDX-License-Identifier: Apache-2.0
// What the kernel knows of a whole disk's name, without a command to it.
#pragma once

#include <string>
#include <string_view>

#include "efface/inventory/folder.hpp"
#include "efface/inventory/inventory.hpp"

namespace efface::inventory {

struct Hardware {
    std::string model;   ///< whole, also where INQUIRY cuts it at 16 characters
    std::string serial;  ///< of the drive where the kernel has its IDENTIFY data, cut at NUL
    /// Of what is between, when it gives another one: a dock, a controller.
    std::string bridge_serial;
    bool serial_by_drive = false;  ///< VPD page 89h has it: no bridge made it up
    std::string wwid;
};
/// `disk`: kernel name of a whole disk.
[[nodiscard]] Hardware hardware_of(const Folder& class_block, const std::string& disk);

/// Disks that are one logical unit by several paths have the same: WWID, serial number and size
/// (NVMe: and namespace). Empty for a disk without a WWID, which cannot be told from others, and
/// for what is neither a SCSI nor an NVMe disk.
[[nodiscard]] std::string same_unit_key(const Folder& class_block, const std::string& disk);
/// The same, of a disk whose identity is known.
[[nodiscard]] std::string same_unit_key(const Folder& class_block, const std::string& disk,
                                        const Identity& identity);

/// The RAID controller that shows a virtual disk in place of the drives behind it, by INQUIRY's
/// vendor and product or the kernel's model: "Dell PERC"; empty for a drive. `vendor` may be empty
/// where it is not known.
[[nodiscard]] std::string raid_controller_of(std::string_view vendor, std::string_view model);
/// The note of such a layer begins so.
constexpr std::string_view kVirtualDiskNote = "a virtual disk of a RAID controller";

}  // namespace efface::inventory
