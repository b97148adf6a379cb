// SPDX-License-Identifier: Apache-2.0
// Storage that the kernel serves to others: it holds no exclusive open and no process has it open.
#pragma once

#include <string>
#include <vector>

#include "efface/inventory/machine_state.hpp"

namespace efface::guard {

struct Export {
    std::string path;  ///< of the device or file, as it was configured
    std::string what;  ///< "LIO exports it as fileio_0/disk1"
};
struct Exports {
    std::vector<Export> list;
    std::vector<std::string> problems;
};
/// LIO (target), nvmet and USB mass storage gadgets, by configfs.
[[nodiscard]] Exports read_exports(const inventory::MachineState& state);

}  // namespace efface::guard
