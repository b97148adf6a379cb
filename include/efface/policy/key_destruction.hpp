// SPDX-License-Identifier: Apache-2.0
// What the destruction of LUKS keys may claim. The rules are a table with a version, so that a
// certificate can name the text that applied; a rule never raises a level, it only limits it.
#pragma once

#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/inventory/inventory.hpp"
#include "efface/luks/header.hpp"
#include "efface/luks/payload_sample.hpp"
#include "efface/method/outcome.hpp"

namespace efface::policy {

/// What a rule does when it applies.
enum class Effect {
    refuse,         ///< the run does not start
    no_level,       ///< keys are destroyed, but no level is claimed
    at_most_clear,  ///< key destruction counts as clear, not as purge
    exception,      ///< sanitized-with-exceptions
    note,           ///< stated as a residual risk
};
[[nodiscard]] const char* to_string(Effect effect) noexcept;

struct Rule {
    const char* id;
    Effect effect;
    const char* reason;  ///< for the certificate
    const char* source;
};
/// Every rule of "luks-key-destruction", in the order in which they are examined.
[[nodiscard]] const std::vector<Rule>& rules();
constexpr const char* kPolicyId = "luks-key-destruction";
constexpr const char* kPolicyVersion = "1";
/// SHA-256 (hex) of the canonical JSON of the table.
[[nodiscard]] std::string policy_digest();

/// A rule that applies, with what was seen.
struct Finding {
    const Rule* rule = nullptr;
    std::string detail;
};

/// What the owner states in the manifest; without it no level is claimed.
struct Attestation {
    bool encrypted_since_first_use = false;
    bool all_key_copies_declared = false;
    std::string by;
};

/// Facts about one place where key material stands.
struct LocationFacts {
    bool header_file = false;  ///< detached header or backup: the whole file goes
    const luks::Header* header = nullptr;
    std::vector<inventory::Layer> layers;
    std::uint64_t shared_extents = 0;
    std::uint64_t encoded_extents = 0;
    bool copy_on_write = false;  ///< of the file system that holds the file
    bool remote = false;
    bool memory = false;
};

/// Examines one volume: `locations[0]` holds the header in use, the rest are copies. `sample` is
/// null when the payload was not sampled (then no level is claimed). Findings are in table order.
[[nodiscard]] std::vector<Finding> examine(const std::vector<LocationFacts>& locations,
                                           const luks::SampleReport* sample,
                                           const Attestation& attestation);

/// The highest level that the findings leave.
[[nodiscard]] method::Level level_of(const std::vector<Finding>& findings) noexcept;

}  // namespace efface::policy
