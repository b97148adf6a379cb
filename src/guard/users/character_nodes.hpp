// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "efface/inventory/inventory.hpp"

namespace efface::guard {

/// A character device through which commands reach a disk past its block device.
struct CharacterNode {
    std::string path;  ///< "/dev/sg3", "/dev/ng0n1", "/dev/nvme0"
    unsigned major = 0;
    unsigned minor = 0;
};
[[nodiscard]] std::vector<CharacterNode> character_nodes_of(const inventory::SystemView& view,
                                                            const std::string& disk);

}  // namespace efface::guard
