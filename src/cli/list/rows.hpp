// SPDX-License-Identifier: Apache-2.0
// Storage as rows of a table: what a person needs to find a disk and to know what is in the
// way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/inventory/list.hpp"
#include "efface/job/drives.hpp"

#include "past.hpp"
#include "terminal/columns.hpp"

namespace efface::cli {

using Abilities = std::vector<std::optional<job::DriveAbility>>;

/// Which rows the list has.
enum class Devices {
    usual,  ///< all, but many loop and ram devices that nobody uses are one line
    disks,  ///< whole disks
    all,
};

struct Storage {
    std::vector<inventory::ListEntry> entries;
    Abilities abilities;  ///< one an entry
    Pasts pasts;
    bool examined = true;  ///< false: this process may not look at everything (it is not root)
};

/// Those that are wanted, in their order.
[[nodiscard]] Storage chosen(Storage storage, Devices devices);
/// The names of all columns, as they are typed.
[[nodiscard]] std::vector<std::string> list_columns();
/// Every column. What could not be looked at is "?", what is not there "-".
[[nodiscard]] Table table_of(const Storage& storage, Devices devices);
/// Those that are shown unless others are asked for.
[[nodiscard]] std::string usual_columns();

}  // namespace efface::cli
