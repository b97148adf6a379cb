// SPDX-License-Identifier: Apache-2.0
// Which storage of the machine has LUKS headers, whoever made them and whatever names it: where a
// key may live on when the one that is known is destroyed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "efface/inventory/machine_state.hpp"

namespace efface::guard {

/// A block device with at least one header copy.
struct LuksDevice {
    inventory::Identity identity;    ///< kind, number and path only
    std::vector<std::string> uuids;  ///< of all copies, each once, as they are written there
    /// What is on top of it, through any number of layers: these show the same blocks. As above.
    std::vector<inventory::Identity> above;
};

struct LuksDevices {
    std::vector<LuksDevice> found;
    std::vector<std::string> unread;  ///< paths: whether there is a header is unknown
};

/// A device that hangs must not hold the run.
constexpr std::chrono::milliseconds kLuksDevicesDeadline{10'000};

/// Looks at every place of every block device where a header could begin (luks::kHeaderOffsets), in
/// another process: whoever does not answer before the deadline is `unread`. What holds no medium
/// has no header. Empty for a recorded machine.
[[nodiscard]] LuksDevices luks_devices(const inventory::MachineState& machine,
                                       std::chrono::milliseconds deadline = kLuksDevicesDeadline);

}  // namespace efface::guard
