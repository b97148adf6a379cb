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

struct Drive {
    enum class Protocol {
        none,  ///< no commands of a drive reach it: loop devices, virtio, md, ...
        nvme,
        scsi,  ///< SCSI, or ATA behind a translation layer
    } protocol = Protocol::none;
    /// Nodes that take commands, the preferred first: NVMe controllers of the subsystem; the SCSI
    /// generic node, then the block device.
    std::vector<std::string> command_nodes;
    /// Everything that an erasure of the whole drive takes along, the device itself first: the
    /// namespaces of an NVMe subsystem; other paths to the same logical unit (same WWID) are in
    /// `other_paths`.
    std::vector<DriveSurface> surfaces;
    std::vector<DriveSurface> other_paths;
    std::string model, serial, wwid;  ///< as the kernel has them
    bool secure_erase = false;        ///< the block layer may offer it (secure_erase.hpp)
};
/// Reads sysfs only. A partition or a stacked device has Protocol::none.
[[nodiscard]] Drive drive_of(const Identity& identity, const SystemView& view = {});

}  // namespace efface::inventory
