// SPDX-License-Identifier: Apache-2.0
// Small looks at one place, shared by the survey and the last check.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/digest.hpp"
#include "efface/job/guard.hpp"
#include "efface/policy/key_destruction.hpp"

namespace efface::job {

/// Collects objections of one volume under its name.
class Objector final {
  public:
    explicit Objector(VolumePlan& plan) : plan_(plan) {}
    void object(ReasonCode code, const std::string& what, ErrorCode status = ErrorCode::safety) {
        plan_.objections.push_back({{code, plan_.name + ": " + what}, status});
    }

  private:
    VolumePlan& plan_;
};

/// One volume while it is looked at. What it refers to outlives it.
struct Guard::Survey {
    VolumePlan& plan;
    const mandate::Volume& volume;
    Objector objector;
    std::vector<policy::LocationFacts> facts = {};  ///< point into `headers`
    std::vector<luks::Header> headers = {};         ///< reserved beforehand, so that none moves
    std::unique_ptr<HeldTarget> payload = nullptr;  ///< open already where the header is in place
};

constexpr std::size_t kFirstSectorBytes = 512;
using FirstSector = std::array<std::uint8_t, kFirstSectorBytes>;

/// Throws Error(not_sanitized) when it cannot be read.
/// UUIDs are the same whatever their case (RFC 4122, 3); those of manifests are in lower case.
[[nodiscard]] bool same_uuid(std::string_view one, std::string_view other);

[[nodiscard]] FirstSector read_first_sector(device::BlockTarget& target, const std::string& path);

/// Is this still the place that was surveyed? True when the first sector is as it was, holds this
/// location's pattern, or holds a primary header with the UUID (libcryptsetup rewrote it).
[[nodiscard]] bool first_sector_belongs(const FirstSector& sector, const LocationPlan& plan);

/// The whole text of a header for the certificate's ten items: ciphers, key sizes, derivations.
[[nodiscard]] Json encryption_facts(const luks::Header& header);

/// Facts of the file system that hold for a file, for the record.
[[nodiscard]] Json to_json(const device::ExtentReport& extents);

}  // namespace efface::job
