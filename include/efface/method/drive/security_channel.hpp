// SPDX-License-Identifier: Apache-2.0
// TCG speaks through whatever the drive speaks: these carry it.
#pragma once

#include <memory>

#include "efface/device/drive/ata_transport.hpp"
#include "efface/device/drive/nvme_transport.hpp"
#include "efface/device/drive/scsi_transport.hpp"
#include "efface/device/drive/security_transport.hpp"

namespace efface::method {

/// The transport outlives the channel. A channel never keeps or reports what it carries.
/// NVMe Base 2.3, Security Receive (82h) and Security Send (81h) commands.
[[nodiscard]] std::unique_ptr<device::SecurityTransport> make_security_channel(
    device::NvmeTransport& transport);
/// SPC-5, SECURITY PROTOCOL IN (A2h) and OUT (B5h) commands, lengths in blocks of 512 (INC_512).
[[nodiscard]] std::unique_ptr<device::SecurityTransport> make_security_channel(
    device::ScsiTransport& transport);
/// ACS-4, TRUSTED RECEIVE (5Ch) and TRUSTED SEND (5Eh) commands.
[[nodiscard]] std::unique_ptr<device::SecurityTransport> make_security_channel(
    device::AtaTransport& transport);

}  // namespace efface::method
