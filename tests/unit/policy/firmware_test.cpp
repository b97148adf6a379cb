// SPDX-License-Identifier: Apache-2.0
#include "efface/policy/firmware.hpp"

#include <algorithm>
#include <set>

#include "catch.hpp"

using namespace efface;
using namespace efface::policy;
using method::Level;

namespace {

FirmwareFacts facts_of(const std::string& technique, bool flash = true) {
    FirmwareFacts facts;
    facts.technique = technique;
    facts.model = "Example Drive";
    facts.firmware = "1.0";
    facts.drive = {{"flash", flash}, {"multiController", false}};
    facts.technique_facts = {{"wholeDrive", true}, {"cryptographic", false}};
    return facts;
}

bool found(const FirmwareFacts& facts, const std::string& id) {
    const auto findings = examine_firmware(facts);
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
        return to_string(finding.rule->code) == std::string(id);
    });
}

}  // namespace

TEST_CASE("sanitize purges, formatting and normal erases clear, a range key claims nothing") {
    for (const char* name : {"nvme-sanitize-block", "nvme-sanitize-crypto", "ata-sanitize-block",
                             "scsi-sanitize-overwrite"}) {
        CHECK(firmware_level(facts_of(name)) == Level::purge);
    }
    for (const char* name : {"nvme-format-crypto", "nvme-format-user-data", "ata-security-normal",
                             "scsi-format-unit", "scsi-write-same", "block-secure-erase"}) {
        CHECK(firmware_level(facts_of(name)) == Level::clear);
    }
    CHECK(firmware_level(facts_of("tcg-genkey")) == Level::none);
    CHECK(firmware_level(facts_of("no-such-technique")) == Level::none);
}

TEST_CASE("an enhanced security erase purges a disk that rotates, and only clears flash") {
    CHECK(firmware_level(facts_of("ata-security-enhanced", false)) == Level::purge);
    CHECK(firmware_level(facts_of("ata-security-enhanced", true)) == Level::clear);
    auto untold = facts_of("ata-security-enhanced");
    untold.drive = Json::object();
    CHECK(firmware_level(untold) == Level::clear);
}

TEST_CASE("what reaches only a part never counts as purge, what is not looked for as nothing") {
    auto part = facts_of("nvme-sanitize-block");
    part.technique_facts["wholeDrive"] = false;
    CHECK(firmware_level(part) == Level::clear);
    CHECK(found(part, "not-whole-drive"));
    part.technique_facts = Json::object();
    CHECK(firmware_level(part) == Level::clear);
    auto blind = facts_of("nvme-sanitize-block");
    blind.canaries = false;
    CHECK(firmware_level(blind) == Level::none);
}

TEST_CASE("a Revert purges where a media key was changed, else it clears") {
    auto facts = facts_of("tcg-psid-revert");
    facts.technique_facts["cryptographic"] = true;
    CHECK(firmware_level(facts) == Level::purge);
    CHECK_FALSE(found(facts, "no-media-key"));
    facts.technique_facts["cryptographic"] = false;
    CHECK(firmware_level(facts) == Level::clear);
    facts.technique_facts.erase("cryptographic");
    CHECK(firmware_level(facts) == Level::clear);
    CHECK(found(facts, "no-media-key"));
    CHECK_FALSE(found(facts_of("scsi-sanitize-block"), "no-media-key"));
}

TEST_CASE("firmware that its vendor withdrew is refused until it is updated") {
    auto facts = facts_of("nvme-sanitize-block");
    facts.model = "INTEL SSDPE2KX040T8";
    facts.firmware = "VDV10170";
    CHECK(found(facts, "denied-firmware"));
    CHECK(firmware_level(facts) == Level::none);
    facts.firmware = "VDV10184";
    CHECK_FALSE(found(facts, "denied-firmware"));
    facts.firmware = "VDV10170";
    facts.technique = "tcg-psid-revert";
    CHECK_FALSE(found(facts, "denied-firmware"));
}

TEST_CASE("what only changes keys says so") {
    auto facts = facts_of("nvme-sanitize-crypto");
    CHECK_FALSE(found(facts, "keys-only"));
    facts.technique_facts["cryptographic"] = true;
    CHECK(found(facts, "keys-only"));
    CHECK(found(facts, "drive-word"));
    facts.drive["multiController"] = true;
    CHECK(found(facts, "other-hosts"));
}

TEST_CASE("every technique stands once, with a source, and its digest is its own") {
    std::set<std::string> names;
    std::set<std::string> digests;
    for (const auto& technique : firmware_techniques()) {
        CHECK(names.insert(technique.name).second);
        CHECK(digests.insert(firmware_policy_digest(technique)).second);
        CHECK(std::string(technique.name).starts_with(technique.command_set));
        CHECK(std::string(technique.source).size() > 10);
        CHECK(find_firmware_technique(technique.name) == &technique);
    }
    CHECK(find_firmware_technique("overwrite-random") == nullptr);
}
