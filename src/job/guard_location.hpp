// SPDX-License-Identifier: Apache-2.0
// Small looks at one place, shared by the survey and the last check.
#pragma once

#include <array>
#include <string>

#include "efface/base/digest.hpp"
#include "efface/job/plan.hpp"

namespace efface::job {

constexpr std::size_t kFirstSectorBytes = 512;
using FirstSector = std::array<std::uint8_t, kFirstSectorBytes>;

/// Throws Error(not_sanitized) when it can not be read.
[[nodiscard]] FirstSector read_first_sector(device::BlockTarget& target, const std::string& path);

/// Is this still the place that was surveyed? True when the first sector is as it was, holds this
/// location's pattern, or holds a primary header with the UUID (libcryptsetup rewrote it).
[[nodiscard]] bool first_sector_belongs(const FirstSector& sector, const LocationPlan& plan);

/// The whole text of a header for the certificate's ten items: ciphers, key sizes, derivations.
[[nodiscard]] Json encryption_facts(const luks::Header& header);

/// Facts of the file system that hold for a file, for the record.
[[nodiscard]] Json to_json(const device::ExtentReport& extents);

}  // namespace efface::job
