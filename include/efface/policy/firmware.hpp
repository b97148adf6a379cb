// SPDX-License-Identifier: Apache-2.0
// What a drive's own erase may claim, in which order techniques are preferred, and which firmware
// is known not to erase.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/policy/rule.hpp"

namespace efface::policy {

struct FirmwareTechnique {
    const char* name;
    const char* command_set;
    method::Level on_flash;
    method::Level on_disk;
    const char* title;
    const char* source;  ///< of the classification
    /// Its command promises zeros, or a pattern of ours, to whoever reads afterwards (a drive may
    /// still not: it is asked).
    bool leaves_known = false;
};
/// Every technique, the preferred ones first.
[[nodiscard]] const std::vector<FirmwareTechnique>& firmware_techniques();
[[nodiscard]] const FirmwareTechnique* find_firmware_technique(std::string_view name) noexcept;
constexpr const char* kFirmwarePolicyVersion = "1";
/// SHA-256 (hex) of the canonical JSON of one technique with the rules and the deny-list below.
[[nodiscard]] std::string firmware_policy_digest(const FirmwareTechnique& technique);

/// Firmware that its vendor has said to erase wrongly.
struct DeniedFirmware {
    const char* models;      ///< the model begins with this
    const char* line;        ///< the revision begins with this
    const char* fixed_in;    ///< the first good revision of this line; empty: none is
    const char* techniques;  ///< the name begins with this
    const char* source;
};
[[nodiscard]] const std::vector<DeniedFirmware>& denied_firmware();

/// What is known of a technique on a drive.
struct FirmwareFacts {
    std::string technique;
    std::string model;
    std::string firmware;
    /// Of the drive and of the technique, as method::DriveSurvey has them. Read are: drive "flash",
    /// "multiController"; technique "wholeDrive", "cryptographic". What is missing counts against
    /// the claim.
    Json drive = Json::object();
    Json technique_facts = Json::object();
    bool canaries = true;
};
[[nodiscard]] const std::vector<Rule>& firmware_rules();
[[nodiscard]] std::vector<Finding> examine_firmware(const FirmwareFacts& facts);
/// What success may claim.
[[nodiscard]] method::Level firmware_level(const FirmwareFacts& facts);

}  // namespace efface::policy
