// SPDX-License-Identifier: Apache-2.0
// What the destruction of LUKS keys may claim.
#pragma once

#include <string>
#include <vector>

#include "efface/luks/header.hpp"
#include "efface/luks/payload_sample.hpp"
#include "efface/mandate/manifest.hpp"
#include "efface/policy/rule.hpp"

namespace efface::policy {

/// Every rule of "luks-key-destruction", in the order in which they are examined.
[[nodiscard]] const std::vector<Rule>& rules();
constexpr const char* kPolicyId = "luks-key-destruction";
constexpr const char* kPolicyVersion = "2";
/// SHA-256 (hex) of the canonical JSON of the table.
[[nodiscard]] std::string policy_digest();

/// Facts about one place where key material is.
struct LocationFacts {
    const luks::Header* header = nullptr;
    StorageFacts storage;
    std::vector<std::string> region_doubts;  ///< luks::MetadataRegion::reasons
};

/// Examines one volume: `locations[0]` holds the header in use, the rest are copies. `sample` is
/// null when the payload was not sampled (then no level is claimed). Findings are in table order.
[[nodiscard]] std::vector<Finding> examine(const std::vector<LocationFacts>& locations,
                                           const luks::SampleReport* sample,
                                           const mandate::Attestation& attestation);

}  // namespace efface::policy
