// SPDX-License-Identifier: Apache-2.0
// An NVMe subsystem through one of its controllers: Sanitize and Format NVM.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "efface/device/drive/nvme_transport.hpp"
#include "efface/method/drive/command_set.hpp"

namespace efface::method {

/// A namespace that this machine has as a block device.
struct NvmePlace {
    std::string device;  ///< name of the surface: "nvme0n1"
    std::uint32_t nsid = 0;
};

/// The techniques nvme-sanitize-{block,crypto,overwrite} and nvme-format-{crypto,user-data}.
/// Facts of a technique: "method" ("sanitize" or "format"), "cryptographic", "wholeDrive",
/// "nodmmas" (SANICAP 31:30), "mediaVerification", "noDeallocate", "hiddenAreasNotCovered" (kinds:
/// Format NVM does not reach all that HiddenArea::covered says of Sanitize), "reasons".
/// Facts of the drive: "flash", "controllerId", "subsystemNqn", "multiController", "namespaces",
/// "sanicap", "fna", "oacs", "unallocatedBytes", "version", "sanitizeStatus".
/// start() of a Format NVM returns when the drive is done: up to hours, bounded by kNvmeFormatMax.
[[nodiscard]] std::unique_ptr<CommandSet> make_nvme_drive(device::NvmeTransport& transport,
                                                          std::vector<NvmePlace> places);

constexpr std::chrono::hours kNvmeFormatMax{4};

}  // namespace efface::method
