// SPDX-License-Identifier: Apache-2.0
// What may be claimed after memory-backed storage was cleared, as a function of facts. Data first:
// a named, versioned table, so that a certificate can name the text that applied.
#pragma once

#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/policy/rule.hpp"

namespace efface::policy {

/// Every rule, in the order in which they are examined.
[[nodiscard]] const std::vector<Rule>& memory_rules();
constexpr const char* kMemoryPolicyId = "memory-backed-storage";
constexpr const char* kMemoryPolicyVersion = "2";
/// SHA-256 (hex) of the canonical JSON of the table.
[[nodiscard]] std::string memory_policy_digest();

/// What success on a target with these facts (method::MemorySurvey::facts) would be worth.
struct MemoryClaim {
    method::Level level = method::Level::none;  ///< none or clear; purge never comes from here
    std::vector<Finding> findings;              ///< in table order
};
/// Facts of a run that has ended ("swapAfter") limit it further. Facts that are missing or of
/// another shape count as the worst.
[[nodiscard]] MemoryClaim memory_claim(const Json& facts);

}  // namespace efface::policy
