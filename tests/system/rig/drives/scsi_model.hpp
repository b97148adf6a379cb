// SPDX-License-Identifier: Apache-2.0
// The drive models that rig_scsi_target can serve.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/device/scsi_transport.hpp"

namespace efface::rig {

/// A drive and what can happen to it. `parts` own what the transport is made of.
struct ScsiModel {
    std::vector<std::shared_ptr<void>> parts;
    device::ScsiTransport* transport = nullptr;
    std::function<void()> power_cycle;
};

/// From options in the form NAME=VALUE (a lie is NAME=1): those of fake::ScsiDriveOptions and of
/// fake::AtaDriveOptions with fake::SatBridgeOptions, under their own names, times in milliseconds.
/// Throws Error(usage) for one that is not known. The clock outlives the model.
[[nodiscard]] ScsiModel make_scsi_model(const std::vector<std::string>& options,
                                        const Clock& clock);
[[nodiscard]] ScsiModel make_ata_model(const std::vector<std::string>& options, const Clock& clock);

/// Sets what `option` names.
using OptionSetter = std::function<void(const std::string& value)>;
struct ModelOption {
    const char* name;
    OptionSetter set;
};
void apply_options(const std::vector<std::string>& options, const std::vector<ModelOption>& known);

/// A setter for a number or a boolean.
template <typename T>
[[nodiscard]] OptionSetter number(T& place) {
    return [&place](const std::string& value) {
        place = static_cast<T>(std::stoull(value, nullptr, 0));
    };
}
[[nodiscard]] inline OptionSetter text(std::string& place) {
    return [&place](const std::string& value) { place = value; };
}
[[nodiscard]] inline OptionSetter share(double& place) {
    return [&place](const std::string& value) { place = std::stod(value); };
}
[[nodiscard]] inline OptionSetter milliseconds(std::chrono::milliseconds& place) {
    return [&place](const std::string& value) {
        place = std::chrono::milliseconds(std::stoull(value));
    };
}

}  // namespace efface::rig
