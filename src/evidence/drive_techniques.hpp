// SPDX-License-Identifier: Apache-2.0
// Which techniques are a drive's own, and the best level that each may claim. scripts/verify_bundle
// (drive_claims.py) keeps the same table. Private to the evidence module.
#pragma once

#include <array>
#include <string_view>

namespace efface::evidence {

struct DriveTechnique {
    std::string_view begins;  ///< of the technique's name; the first that fits counts
    std::string_view level;   ///< at most
};
/// Readings: NIST SP 800-88r1 appendix A, NVMe Base 2.3 annex A (IEEE 2883-2022). What a technique
/// reaches is a matter of policy; what it can not reach whatever the policy says stands here.
constexpr std::array<DriveTechnique, 12> kDriveTechniques{{
    {"nvme-sanitize-namespace", "clear"},  // of one namespace, never of the subsystem
    {"nvme-sanitize-", "purge"},
    {"nvme-format-", "clear"},  // its scope is that of namespaces
    {"ata-sanitize-", "purge"},
    {"ata-security-enhanced", "purge"},
    {"ata-security-normal", "clear"},
    {"scsi-sanitize-", "purge"},
    {"scsi-format-unit", "clear"},
    {"scsi-write-same", "clear"},
    {"tcg-genkey", "clear"},  // of one range
    {"tcg-", "purge"},
    {"block-secure-erase", "clear"},
}};
constexpr std::array<std::string_view, 5> kCommandSets{"nvme", "ata", "scsi", "tcg", "block"};

/// The commands of which the technique is one; empty when it is not a drive's own.
[[nodiscard]] constexpr std::string_view command_set_of(std::string_view technique) noexcept {
    for (const std::string_view set : kCommandSets) {
        if (technique.size() > set.size() && technique.starts_with(set) &&
            technique[set.size()] == '-') {
            return set;
        }
    }
    return {};
}

/// "clear" or "purge"; empty for one that is not known to erase anything (a discard, a format
/// without erasure): it leaves nothing sanitized.
[[nodiscard]] constexpr std::string_view level_limit(std::string_view technique) noexcept {
    for (const DriveTechnique& known : kDriveTechniques) {
        if (technique.starts_with(known.begins)) {
            return known.level;
        }
    }
    return {};
}

}  // namespace efface::evidence
