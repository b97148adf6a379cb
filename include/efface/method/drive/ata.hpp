// SPDX-License-Identifier: Apache-2.0
// What an ATA drive can do to itself: SANITIZE DEVICE and the SECURITY feature set.
#pragma once

#include <memory>
#include <string>

#include "efface/base/random.hpp"
#include "efface/device/drive/ata_transport.hpp"
#include "efface/method/drive/command_set.hpp"

namespace efface::method {

/// Techniques: "ata-sanitize-block", "ata-sanitize-crypto", "ata-sanitize-overwrite" (one pass of
/// zeros), "ata-security-enhanced", "ata-security-normal". Their facts: "cryptographic" (only keys
/// change, or a time of two minutes suggests it), "wholeDrive", "method" ("sanitize",
/// "security-enhanced", "security-normal").
///
/// Facts of the survey: "flash" and "rotationRpm" (word 217; neither when the drive does not tell),
/// "encryptsAll", "powerMode", "securityState" ("unsupported", "disabled", "frozen", "enabled",
/// "locked", "expired"), "sanitize" (what is supported, "state", "completedWithoutError"),
/// "accessibleMaxLba", "nativeMaxLba" (where there is one), "registersReadable".
///
/// SECURITY ERASE UNIT is one command that lasts as long as the erasure: its start() does too. The
/// temporary password stands in OperationMemory, as 32 characters that any tool can unlock the
/// drive with, from before it is set until it is known to be gone.
///
/// `surface_name`: the block device of the drive. References outlive what is returned.
[[nodiscard]] std::unique_ptr<CommandSet> make_ata_drive(device::AtaTransport& ata,
                                                         std::string surface_name, Random& random);

}  // namespace efface::method
