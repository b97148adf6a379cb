// SPDX-License-Identifier: Apache-2.0
// What the kernel knows of a whole disk's name, without a command to it.
#pragma once

#include <string>

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

}  // namespace efface::inventory
