// SPDX-License-Identifier: Apache-2.0
// Which passes an overwrite makes, how it is verified, and what it may claim on which medium.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/mandate/choice.hpp"
#include "efface/policy/rule.hpp"
#include "efface/stream/pattern.hpp"

namespace efface::policy {

/// What one pass writes.
struct PassRule {
    enum class Kind {
        random,          ///< a fresh key for each pass
        bytes,           ///< `bytes`, repeated
        operator_bytes,  ///< what the operator gives (--pattern)
    } kind = Kind::random;
    Bytes bytes;
};

struct OverwritePolicy {
    const char* name;
    std::vector<PassRule> passes;  ///< the last one is verified
    const char* title;
    const char* source;
};
/// Every policy, the default first. None of them claims more than clear: overwriting reaches only
/// what is addressable (NIST SP 800-88r2).
[[nodiscard]] const std::vector<OverwritePolicy>& overwrite_policies();
[[nodiscard]] const OverwritePolicy* find_overwrite_policy(std::string_view name) noexcept;
constexpr const char* kOverwritePolicyVersion = "1";
/// SHA-256 (hex) of the canonical JSON of one policy with the rules below.
[[nodiscard]] std::string overwrite_policy_digest(const OverwritePolicy& policy);

/// What is known of a target that is to be overwritten.
struct OverwriteFacts {
    inventory::Kind kind = inventory::Kind::other;
    StorageFacts storage;
    /// A pattern that a device may store without writing it: zeros or any repetition.
    bool uniform_pattern = false;
    mandate::Verification verification = mandate::Verification::full;
};
/// Every rule, in the order in which they are examined.
[[nodiscard]] const std::vector<Rule>& overwrite_rules();
[[nodiscard]] std::vector<Finding> examine_overwrite(const OverwriteFacts& facts);

}  // namespace efface::policy
