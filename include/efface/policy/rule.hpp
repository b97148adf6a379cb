// SPDX-License-Identifier: Apache-2.0
// What limits a claim: rules in tables with a version, so that a certificate can name the text that
// applied. A rule never raises a level, it only limits it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "efface/inventory/inventory.hpp"
#include "efface/method/outcome.hpp"

namespace efface::policy {

/// What a rule does when it applies.
enum class Effect {
    refuse,         ///< the run does not start
    no_level,       ///< it is done, but no level is claimed
    at_most_clear,  ///< counts as clear, not as purge
    exception,      ///< sanitized-with-exceptions
    note,           ///< stated as a residual risk
};
[[nodiscard]] const char* to_string(Effect effect) noexcept;

struct Rule {
    ReasonCode code;  ///< names the rule, in records and journals, too
    Effect effect;
    const char* reason;  ///< for the certificate
    const char* source;
};

/// A rule that applies, with what was seen.
struct Finding {
    const Rule* rule = nullptr;
    std::string detail;
    bool unknown = false;  ///< it could not be seen whether it applies
};

/// `highest`, limited by the findings.
[[nodiscard]] method::Level level_of(const std::vector<Finding>& findings,
                                     method::Level highest = method::Level::purge) noexcept;

/// The findings as reasons, by what they do. What only limits the level is a residual risk, too.
struct FindingReasons {
    std::vector<Reason> refusals;
    std::vector<Reason> exceptions;
    std::vector<Reason> residual_risks;
};
[[nodiscard]] FindingReasons reasons_of(const std::vector<Finding>& findings);

/// For digests of policies: id, effect, reason and source of each rule.
[[nodiscard]] Json rules_json(const std::vector<Rule>& rules);

/// What is known of the storage at one place.
struct StorageFacts {
    std::vector<inventory::Layer> layers;
    // Of the file system that holds a file; all zero for a block device.
    std::uint64_t shared_extents = 0;
    std::uint64_t encoded_extents = 0;
    bool copy_on_write = false;
    bool remote = false;
    bool memory = false;
};

}  // namespace efface::policy
