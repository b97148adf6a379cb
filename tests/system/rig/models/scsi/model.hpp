// SPDX-License-Identifier: Apache-2.0
// The drive models that rig_scsi_target can serve.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/device/drive/scsi_transport.hpp"

#include "tcg_model.hpp"

namespace efface::rig {

/// A drive and what can happen to it. `parts` own what the transport is made of.
struct ScsiModel {
    std::vector<std::shared_ptr<void>> parts;
    device::ScsiTransport* transport = nullptr;
    fake::DriveMedia* media = nullptr;
    std::function<void()> power_cycle;  ///< of the drive, and of its TCG functions
    std::shared_ptr<TcgModel> tcg;      ///< nullptr: it has none
};

/// From options in the form NAME=VALUE (a lie is NAME=1): those of fake::ScsiDriveOptions and of
/// fake::AtaDriveOptions with fake::SatBridgeOptions, under their own names, times in milliseconds,
/// and those of TcgModel.
/// Throws Error(usage) for one that is not known. The clock outlives the model.
[[nodiscard]] ScsiModel make_scsi_model(const std::vector<std::string>& options,
                                        const Clock& clock);
[[nodiscard]] ScsiModel make_ata_model(const std::vector<std::string>& options, const Clock& clock);

}  // namespace efface::rig
