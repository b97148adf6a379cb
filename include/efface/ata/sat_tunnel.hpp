// SPDX-License-Identifier: Apache-2.0
// An ATA device behind a SCSI to ATA translation layer: every SATA drive under Linux, and those
// behind SAS adapters and USB bridges.
#pragma once

#include "efface/device/drive/ata_transport.hpp"
#include "efface/device/drive/scsi_transport.hpp"

namespace efface::ata {

/// ATA PASS-THROUGH (16) (SAT-4, section 12.2.2), with CK_COND = 1 but for data from the device,
/// which comes without registers unless the command fails. Encodes only.
[[nodiscard]] device::ScsiCommand encode_pass_through(const device::AtaCommand& command);
/// What the translation layer answered. Registers are taken from an ATA Status Return descriptor
/// (SAT-4, section 12.2.6) in descriptor-format sense: fixed-format sense has no room for COUNT
/// 15:8, which is where SANITIZE says whether it succeeded. Only a failure is taken from it,
/// because libata sends every failure so: with ERROR, STATUS, DEVICE, COUNT 7:0 and LBA 7:0, and
/// the rest 0.
[[nodiscard]] device::AtaCompletion decode_pass_through(const device::AtaCommand& command,
                                                        const device::ScsiCompletion& completion);

/// The SCSI transport outlives it. A command that only met a unit attention is sent again, a
/// bounded number of times.
class SatTunnel final : public device::AtaTransport {
  public:
    explicit SatTunnel(device::ScsiTransport& scsi) : scsi_(scsi) {}
    device::AtaCompletion submit(const device::AtaCommand& command) override;

  private:
    device::ScsiTransport& scsi_;
};

}  // namespace efface::ata
