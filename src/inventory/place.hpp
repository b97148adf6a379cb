// SPDX-License-Identifier: Apache-2.0
// Where in the machine a disk is, for a person who has to find it.
#pragma once

#include <map>
#include <string>

#include "efface/inventory/folder.hpp"
#include "efface/inventory/inventory.hpp"

namespace efface::inventory {

/// Names below /dev/disk/by-path by the kernel name of what they lead to.
using PathNames = std::map<std::string, std::string>;
[[nodiscard]] PathNames read_path_names(const SystemView& view);

/// "bay Slot 03" where an enclosure tells it (SES, drivers/misc/enclosure.c), else the name below
/// /dev/disk/by-path; empty where neither is known. `disk`: its kernel name.
[[nodiscard]] std::string place_of(const Folder& class_block, const std::string& disk,
                                   const PathNames& names);

/// Who made it, as INQUIRY says it; empty where the model tells, or nothing does.
[[nodiscard]] std::string vendor_of(const Folder& class_block, const std::string& disk);

}  // namespace efface::inventory
