// SPDX-License-Identifier: Apache-2.0
// One look at the machine for each of its facts. `none` is the detail where nothing was found.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "efface/inventory/machine_facts.hpp"
#include "efface/inventory/memory_facts.hpp"

namespace efface::inventory {

/// What a look gave, before it has a name.
struct Seen {
    Presence state = Presence::unknown;
    std::string detail;
};

struct Look {
    const SystemView& view;
    const MemoryFacts& memory;
};

[[nodiscard]] Seen of_list(const std::vector<std::string>& found, const std::string& none);
/// With some of which nothing can be told: of those none is absent.
[[nodiscard]] Seen of_list(const std::vector<std::string>& found,
                           const std::vector<std::string>& silent, const std::string& none);
/// Entries of a folder. What is not there is `missing`.
[[nodiscard]] Seen of_folder(const std::filesystem::path& path, const Seen& missing,
                             const std::string& none);

// Devices with memory of their own.
/// Capacity of NVDIMM regions that no namespace holds.
[[nodiscard]] Seen look_at_persistent_memory(const Look& look);
/// Memory of the controller (CMB), and of this machine that the controller uses (HMB).
[[nodiscard]] Seen look_at_nvme(const Look& look);
[[nodiscard]] Seen look_at_graphics(const Look& look);
[[nodiscard]] Seen look_at_bmc(const Look& look);
[[nodiscard]] Seen look_at_tpm(const Look& look);

}  // namespace efface::inventory
