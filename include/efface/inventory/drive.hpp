// SPDX-License-Identifier: Apache-2.0
// Which drive a block device belongs to: how commands reach it, and what else lies on it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "efface/inventory/inventory.hpp"

namespace efface::inventory {

/// One block device of a drive.
struct DriveSurface {
    std::string name;        ///< of the kernel: "nvme0n1", "sda"
    std::string path;        ///< "/dev/nvme0n1"
    std::uint32_t nsid = 0;  ///< NVMe only
};

/// Whether the block layer may offer secure erase, as far as sysfs tells. A virtio disk has it as a
/// feature bit. An eMMC has it or not, and sysfs does not say; an SD card has none. No attribute of
/// the queue tells of it (Linux 6.18, block/blk-sysfs.c).
struct SecureErase {
    enum class Offer {
        none,      ///< not of a kind that has it, or its driver says no
        yes,       ///< its driver says so
        not_told,  ///< the driver must be asked (device/drive/secure_erase.hpp)
    } offer = Offer::none;
    std::string why;  ///< in words; empty for a device of another kind
};

struct Drive {
    enum class Protocol {
        none,  ///< no commands of a drive reach it: loop devices, virtio, md, ...
        nvme,
        scsi,  ///< SCSI, or ATA behind a translation layer
    } protocol = Protocol::none;
    /// Nodes that take commands, the preferred first: NVMe controllers of the subsystem; the SCSI
    /// generic node, then the block device.
    std::vector<std::string> command_nodes;
    /// Everything that an erase of the whole drive takes along, the device itself first: the
    /// namespaces of an NVMe subsystem; other paths to the same logical unit (same WWID, serial
    /// number and size) are in `other_paths`.
    std::vector<DriveSurface> surfaces;
    std::vector<DriveSurface> other_paths;
    std::string model, serial, wwid;  ///< as the kernel has them
    SecureErase secure_erase;
};
/// The drive of each, in the same order. A partition or a stacked device has Protocol::none. Other
/// paths of SCSI disks are looked for among these identities only.
[[nodiscard]] std::vector<Drive> drives_of(const std::vector<Identity>& identities,
                                           const SystemView& view = {});
/// Of one, its other paths among all devices of the machine. Reads sysfs only.
[[nodiscard]] Drive drive_of(const Identity& identity, const SystemView& view = {});

}  // namespace efface::inventory
