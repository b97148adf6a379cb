// SPDX-License-Identifier: Apache-2.0
// Which techniques are a drive's own, and the best level that each may claim. scripts/verify_bundle
// (drive_claims.py) keeps the same table. Private to the rules module.
#pragma once

#include <array>
#include <string_view>

namespace efface::rules {

struct DriveTechnique {
    std::string_view name;
    std::string_view level;  ///< at most; "none" for one that erases and reaches no level
};
/// Limits that hold whatever a policy says; what is claimed below them is the policy's matter.
constexpr std::array<DriveTechnique, 20> kDriveTechniques{{
    {"nvme-sanitize-block", "purge"},
    {"nvme-sanitize-crypto", "purge"},
    {"nvme-sanitize-overwrite", "purge"},
    {"nvme-format-crypto", "clear"},  // its scope is that of namespaces
    {"nvme-format-user-data", "clear"},
    {"ata-sanitize-block", "purge"},
    {"ata-sanitize-crypto", "purge"},
    {"ata-sanitize-overwrite", "purge"},
    {"ata-security-enhanced", "purge"},
    {"ata-security-normal", "clear"},
    {"scsi-sanitize-block", "purge"},
    {"scsi-sanitize-crypto", "purge"},
    {"scsi-sanitize-overwrite", "purge"},
    {"scsi-format-unit", "clear"},
    {"scsi-write-same", "clear"},
    {"tcg-psid-revert", "purge"},
    {"tcg-revert", "purge"},
    {"tcg-activate-revert", "none"},  // what stood there before was not always encrypted
    {"tcg-genkey", "none"},           // of one range
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

/// Empty for one that is not known to erase anything (a discard, a format without erasure): it
/// leaves nothing sanitized.
[[nodiscard]] constexpr std::string_view level_limit(std::string_view technique) noexcept {
    for (const DriveTechnique& known : kDriveTechniques) {
        if (technique == known.name) {
            return known.level;
        }
    }
    return {};
}

}  // namespace efface::rules
