// SPDX-License-Identifier: Apache-2.0
#include "efface/policy/firmware.hpp"

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/rules/techniques.hpp"

#include "findings.hpp"

namespace efface::policy {

namespace {

using method::Level;

Level level_in_table(const std::string& text) {
    const auto level = method::level_from_string(text);
    EFFACE_ASSERT(level.has_value());  // the reader of the table takes no other word
    return *level;
}

const DeniedFirmware* denied(const FirmwareFacts& facts) {
    const auto& list = denied_firmware();
    const auto found = std::find_if(list.begin(), list.end(), [&](const DeniedFirmware& entry) {
        const bool old = *entry.fixed_in == '\0' || facts.firmware < entry.fixed_in;
        return facts.model.starts_with(entry.models) && facts.firmware.starts_with(entry.line) &&
               facts.technique.starts_with(entry.techniques) && old;
    });
    return found == list.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<FirmwareTechnique>& firmware_techniques() {
    static const std::vector<FirmwareTechnique> kTechniques = [] {
        std::vector<FirmwareTechnique> techniques;
        for (const auto& row : rules::techniques().rows()) {
            if (!row.command_set.empty()) {
                techniques.push_back({row.name.c_str(), row.command_set.c_str(),
                                      level_in_table(row.level_flash),
                                      level_in_table(row.level_disk), row.title.c_str(),
                                      row.source.c_str(), row.leaves_known});
            }
        }
        return techniques;
    }();
    return kTechniques;
}

const FirmwareTechnique* find_firmware_technique(std::string_view name) noexcept {
    const auto& techniques = firmware_techniques();
    const auto found = std::find_if(techniques.begin(), techniques.end(),
                                    [&](const auto& one) { return name == one.name; });
    return found == techniques.end() ? nullptr : &*found;
}

const std::vector<DeniedFirmware>& denied_firmware() {
    static const std::vector<DeniedFirmware> kDenied = {
        {"INTEL SSDPE2K", "VDV10", "VDV10184", "nvme-",
         "INTEL-SA-00535, SOLIDIGM-SA-00563: P4510 and P4610 may leave data after an erase"},
        {"Dell Express Flash NVMe P4", "VDV1DP", "VDV1DP25", "nvme-",
         "Dell DSA-2022-203 (INTEL-SA-00535): P4510 and P4610 may leave data after an erase"},
    };
    return kDenied;
}

const std::vector<Rule>& firmware_rules() {
    static const std::vector<Rule> kRules = {
        {ReasonCode::denied_firmware, Effect::refuse,
         "the vendor warns that this firmware may leave data behind after an erase: update it "
         "first",
         "vendor advisories, as the deny-list names them"},
        {ReasonCode::no_canaries, Effect::no_level, "nothing was checked afterwards",
         "fail closed"},
        {ReasonCode::not_whole_drive, Effect::exception,
         "the technique reaches only part of the drive in its present configuration",
         "NVMe Base 2.3, 5.10 (Format NVM: SENS, unallocated capacity); TCG ranges"},
        {ReasonCode::part_of_a_drive, Effect::at_most_clear,
         "part of a drive is not a medium: it cannot be purged",
         "NIST SP 800-88r2: applies to media"},
        {ReasonCode::no_media_key, Effect::at_most_clear,
         "the drive has no media key to change: its Revert removes data by a mechanism of its own, "
         "which no standard classifies",
         "TCG Pyrite 2.00: no encryption of user data; NIST SP 800-88r1 tables A-5 to A-8 name the "
         "key change"},
        {ReasonCode::drive_word, Effect::note,
         "only the firmware reports that every place was reached; canaries show it only where a "
         "host can read",
         "NVMe Base 2.3 Annex A; NIST SP 800-88r2 4.5"},
        {ReasonCode::canary_grid, Effect::note,
         "a part that kept its data could lie between canaries if it is shorter than two of 1024 "
         "parts of the drive",
         "src/method/drive/medium/canaries.hpp"},
        {ReasonCode::retired_blocks, Effect::note,
         "blocks that the drive has retired may keep their old content where the command does not "
         "cover them",
         "ACS-4 7.36: sectors that have become inaccessible do not make SANITIZE fail"},
        {ReasonCode::keys_only, Effect::note,
         "only keys were changed: this relies on the drive having encrypted all data from the "
         "start",
         "NIST SP 800-88r2 3.2"},
        {ReasonCode::other_hosts, Effect::note,
         "the subsystem has several controllers or ports: other hosts were not checked",
         "NVMe Base 2.3, CMIC"},
    };
    return kRules;
}

std::vector<Finding> examine_firmware(const FirmwareFacts& facts) {
    Findings findings(firmware_rules());
    if (const auto* entry = denied(facts)) {
        findings.add(ReasonCode::denied_firmware,
                     facts.model + " with " + facts.firmware + "; " + entry->source);
    }
    if (!facts.canaries) {
        findings.add(ReasonCode::no_canaries, "verification was switched off");
    } else {
        findings.add(ReasonCode::canary_grid, facts.technique);
    }
    if (!facts.technique_facts.value("wholeDrive", false)) {
        findings.add(ReasonCode::not_whole_drive, facts.technique);
        findings.add(ReasonCode::part_of_a_drive, facts.technique);
    }
    const auto* technique = find_firmware_technique(facts.technique);
    const bool cryptographic = facts.technique_facts.value("cryptographic", false);
    if (technique != nullptr && std::string_view(technique->command_set) == "tcg" &&
        !cryptographic) {
        findings.add(ReasonCode::no_media_key, facts.technique);
    }
    findings.add(ReasonCode::drive_word, facts.model.empty() ? "firmware" : facts.model);
    findings.add(ReasonCode::retired_blocks, facts.technique);
    if (cryptographic) {
        findings.add(ReasonCode::keys_only, facts.technique);
    }
    if (facts.drive.value("multiController", false)) {
        findings.add(ReasonCode::other_hosts, "NVMe subsystem");
    }
    return std::move(findings).in_table_order();
}

Level firmware_level(const FirmwareFacts& facts) {
    const auto* technique = find_firmware_technique(facts.technique);
    if (technique == nullptr) {
        return Level::none;
    }
    // A drive that does not say what it is made of is taken for flash.
    const auto highest =
        facts.drive.value("flash", true) ? technique->on_flash : technique->on_disk;
    return level_of(examine_firmware(facts), highest);
}

std::string firmware_policy_digest(const FirmwareTechnique& technique) {
    Json denied_list = Json::array();
    for (const auto& entry : denied_firmware()) {
        denied_list.push_back(ObjectWriter()
                                  .add("models", entry.models)
                                  .add("line", entry.line)
                                  .add("fixedIn", entry.fixed_in)
                                  .add("techniques", entry.techniques)
                                  .add("source", entry.source)
                                  .take());
    }
    return sha256_hex(canonical_json(ObjectWriter()
                                         .add("id", technique.name)
                                         .add("version", kFirmwarePolicyVersion)
                                         .add("onFlash", to_string(technique.on_flash))
                                         .add("onDisk", to_string(technique.on_disk))
                                         .add("source", technique.source)
                                         .add("rules", rules_json(firmware_rules()))
                                         .add("denied", std::move(denied_list))
                                         .take()));
}

}  // namespace efface::policy
