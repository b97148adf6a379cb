// SPDX-License-Identifier: Apache-2.0
// What a SCSI disk can do to itself: SANITIZE, FORMAT UNIT, WRITE SAME (SBC-4). Techniques:
// scsi-sanitize-block, scsi-sanitize-crypto, scsi-sanitize-overwrite, scsi-format-unit,
// scsi-write-same.
//
// TechniqueFacts::facts: "cryptographic" and "wholeDrive" (booleans), "method" ("sanitize",
// "format", "write-same"). DriveSurvey::facts: "vendor", "revision"; "flash" (does not rotate),
// "rotationRpm" (0: not told); "zoned" (the host sees zones) and "zoneModel" ("none", "host-aware",
// "device-managed", "host-managed"); "translationLayer" (an ATA device behind one) with
// "translator"; "wabereq" and "wacereq" (what a read answers after a block or a cryptographic
// erase, in words); "logicalUnits" (of the target; 0: not told); "blockBytes", "capacityBytes";
// "failedSanitize" (an earlier SANITIZE failed, and only another one helps).
#pragma once

#include <memory>
#include <string>

#include "efface/base/clock.hpp"
#include "efface/device/drive/scsi_transport.hpp"
#include "efface/method/drive/command_set.hpp"

namespace efface::method {

/// Whether the device says to be an ATA one behind a translation layer (SAT-4, VPD page 89h); one
/// that does not answer has not said so. Asks for no other page.
[[nodiscard]] bool scsi_is_translated(device::ScsiTransport& transport);

/// `surface_name` is what read_status() knows the logical unit by. Transport and clock outlive it.
[[nodiscard]] std::unique_ptr<CommandSet> make_scsi_drive(device::ScsiTransport& transport,
                                                          std::string surface_name,
                                                          const Clock& clock);

}  // namespace efface::method
