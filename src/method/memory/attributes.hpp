// SPDX-License-Identifier: Apache-2.0
// Small control and state files of one kernel object in sysfs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "efface/inventory/memory_facts.hpp"

#include "run.hpp"

namespace efface::method {

/// Without trailing white space, printable; nullopt when there is no such attribute or it can't be
/// read (one that is refused does not differ from one that is missing: nothing is known).
[[nodiscard]] std::optional<std::string> read_attribute(const std::filesystem::path& path);
/// The decimal number in an attribute; nullopt when there is none.
[[nodiscard]] std::optional<std::uint64_t> read_number(const std::filesystem::path& path);

/// "device" (major:minor), "diskSequence" and "sizeBytes" of a block device by its sysfs folder.
[[nodiscard]] Json block_identity(const std::filesystem::path& folder);
/// Why something that is used this way must not be touched.
[[nodiscard]] Reason objection_of(const inventory::Use& use);
/// Whoever has it open or mapped: another efface makes it busy.
void object_to_users(MemorySurvey& survey, const inventory::FileUsers& users);
/// Other effaces among them only.
void object_to_other_effaces(MemorySurvey& survey, inventory::FileUsers users);
/// Every use of a block device as a reason against touching it.
[[nodiscard]] std::vector<Reason> block_objections(const inventory::Identity& identity,
                                                   const inventory::SystemView& view);

/// Resets a zram device: the kernel refuses (EBUSY) while anyone has it open. Adds steps, the
/// negative controls and what was not reached; true when the reset was accepted. A reset forgets
/// the write-back device: `write_back_before` is that of a job whose reset was interrupted.
bool reset_zram(MemoryRun& run, const std::string& name, const inventory::SystemView& view,
                const std::string& write_back_before);
/// The device that a zram device writes pages to; empty when there is none.
[[nodiscard]] std::string write_back_device(const std::string& name,
                                            const inventory::SystemView& view);
/// disksize, algorithm, mm_stat, bd_stat and backing_dev, as sysfs has them.
[[nodiscard]] Json zram_facts(const std::string& name, const inventory::SystemView& view);

}  // namespace efface::method
