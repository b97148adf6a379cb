// SPDX-License-Identifier: Apache-2.0
// What an ATA drive can do to itself, and why not.
#include <fmt/format.h>

#include "link.hpp"

namespace efface::method {

namespace {

constexpr std::chrono::minutes kKeyChangeTime{2};

constexpr const char* kThawSecurity =
    "the drive's security is frozen, as most host firmware does at boot: suspend and resume this "
    "host, or pull the drive and insert it again while the host is running; nothing was sent";
constexpr const char* kThawSanitize =
    "SANITIZE is frozen until the drive is switched off and on; if the host freezes it at boot, "
    "insert the drive while the host is running; nothing was sent";

/// What stops every technique.
std::optional<Reason> objection_to_all(const AtaLook& look) {
    if (!look.registers_readable) {
        return Reason{ReasonCode::drive_path,
                      "the path to the drive returns no ATA status (" + look.unreadable_why +
                          "), so the result could not be known: attach the drive to a SATA port"};
    }
    return std::nullopt;
}

Reason unlock_first() {
    return {ReasonCode::drive_locked,
            "the drive is locked with a password: unlock it with its password first (an "
            "interrupted job of efface unlocks its own drive with efface resume JOB)"};
}

bool supports(const ata::SanitizeSupport& support, AtaSanitize kind) {
    switch (kind) {
        case AtaSanitize::block:
            return support.block_erase;
        case AtaSanitize::crypto:
            return support.crypto_scramble;
        case AtaSanitize::overwrite:
            break;
    }
    return support.overwrite;
}

TechniqueFacts sanitize_technique(const AtaLook& look, AtaSanitize kind) {
    TechniqueFacts facts;
    facts.name = ata_technique(kind);
    facts.objection = ata_sanitize_objection(look, kind);
    facts.sends = {ata_command_name(kind), "SANITIZE DEVICE (SANITIZE STATUS EXT), until it ends"};
    // A sanitize operation does not fail over sectors that have become inaccessible.
    facts.not_reached = {"sectors that the drive has retired and can no longer access"};
    facts.facts = ObjectWriter()
                      .add("method", "sanitize")
                      .add("wholeDrive", true)
                      .add("cryptographic", kind == AtaSanitize::crypto)
                      .take();
    return facts;
}

TechniqueFacts security_technique(const AtaLook& look, bool enhanced) {
    TechniqueFacts facts;
    facts.name = enhanced ? kAtaSecurityEnhanced : kAtaSecurityNormal;
    facts.objection = ata_security_objection(look, enhanced, false);
    const auto& time = enhanced ? look.identify.enhanced_erase : look.identify.normal_erase;
    if (time) {
        facts.estimate = time->at_least;
    }
    facts.sends = {"SECURITY SET PASSWORD (temporary, user, level high)", "SECURITY ERASE PREPARE",
                   enhanced ? "SECURITY ERASE UNIT (enhanced)" : "SECURITY ERASE UNIT (normal)"};
    facts.not_reached = {"sectors that the drive has retired and can no longer access"};
    if (!enhanced) {
        facts.not_reached = {"sectors that the drive has reallocated"};
        if (look.identify.rotation.value_or(1) == 1) {
            facts.not_reached.emplace_back("over-provisioned flash that is not mapped");
        }
    }
    const bool key_change = enhanced && time && !time->or_more && time->at_least <= kKeyChangeTime;
    facts.facts = ObjectWriter()
                      .add("method", enhanced ? "security-enhanced" : "security-normal")
                      .add("wholeDrive", true)
                      .add("cryptographic", key_change)
                      .take();
    return facts;
}

}  // namespace

std::optional<Reason> ata_sanitize_objection(const AtaLook& look, AtaSanitize kind) {
    const auto& support = look.identify.sanitize;
    if (!support.feature_set) {
        return Reason{ReasonCode::drive_lacks_technique,
                      "the drive does not support SANITIZE (word 59 bit 12)"};
    }
    if (!supports(support, kind)) {
        return Reason{ReasonCode::drive_lacks_technique,
                      "the drive does not support this SANITIZE operation (word 59)"};
    }
    if (auto objection = objection_to_all(look)) {
        return objection;
    }
    if (!look.wide_unreadable.empty()) {
        return Reason{ReasonCode::drive_path,
                      "the path to the drive returns no status of 48-bit commands (" +
                          look.wide_unreadable +
                          "), so the result could not be known: attach the drive to a SATA port"};
    }
    if (look.identify.security.locked) {
        return unlock_first();
    }
    if (look.sanitize == AtaLook::Sanitize::frozen) {
        return Reason{ReasonCode::drive_frozen, kThawSanitize};
    }
    if (look.sanitize == AtaLook::Sanitize::unknown) {
        return Reason{ReasonCode::drive_state_unknown,
                      "the drive does not report the state of SANITIZE (" + look.sanitize_detail +
                          "): switch it off and on"};
    }
    return std::nullopt;
}

std::optional<Reason> ata_security_objection(const AtaLook& look, bool enhanced, bool ours) {
    const auto& security = look.identify.security;
    if (!security.supported) {
        return Reason{ReasonCode::drive_lacks_technique,
                      "the drive does not support the SECURITY feature set (word 128 bit 0)"};
    }
    if (enhanced && !security.enhanced_erase) {
        return Reason{ReasonCode::drive_lacks_technique,
                      "the drive does not support enhanced erase (word 128 bit 5)"};
    }
    if (auto objection = objection_to_all(look)) {
        return objection;
    }
    if (look.sanitize == AtaLook::Sanitize::running) {
        return Reason{ReasonCode::drive_erasing,
                      "a SANITIZE operation is running on the drive: wait until it has ended"};
    }
    if (look.sanitize == AtaLook::Sanitize::failed) {
        return Reason{ReasonCode::drive_failed,
                      "a SANITIZE operation failed on the drive, which accepts nothing but another "
                      "one: use an ata-sanitize technique"};
    }
    if (security.count_expired) {
        return Reason{ReasonCode::drive_frozen,
                      "too many wrong passwords were tried: switch the drive off and on"};
    }
    if (security.locked && !ours) {
        return unlock_first();
    }
    if (security.frozen) {
        return Reason{ReasonCode::drive_frozen, kThawSecurity};
    }
    if (security.enabled && !ours) {
        return Reason{ReasonCode::drive_locked,
                      "someone has set a password on the drive: remove it first"};
    }
    return std::nullopt;
}

std::vector<TechniqueFacts> ata_techniques(const AtaLook& look) {
    std::vector<TechniqueFacts> techniques;
    for (const auto kind : {AtaSanitize::block, AtaSanitize::crypto, AtaSanitize::overwrite}) {
        techniques.push_back(sanitize_technique(look, kind));
    }
    techniques.push_back(security_technique(look, true));
    techniques.push_back(security_technique(look, false));
    return techniques;
}

Json ata_facts(const AtaLook& look) {
    const auto& identify = look.identify;
    Json facts = ObjectWriter()
                     .add("encryptsAll", identify.encrypts_all)
                     .add("powerMode", ata::to_string(look.power_mode))
                     .add("securityState", ata_security_state(identify.security))
                     .add("registersReadable", look.registers_readable)
                     .take();
    if (identify.rotation) {
        facts["flash"] = identify.flash();
        if (!identify.flash()) {
            facts["rotationRpm"] = *identify.rotation;
        }
    }
    if (identify.checksum_good == false) {
        facts["checksumGood"] = false;
    }
    const auto& support = identify.sanitize;
    const auto& status = look.sanitize_status;
    facts["sanitize"] = ObjectWriter()
                            .add("supported", support.feature_set)
                            .add("blockErase", support.block_erase)
                            .add("cryptoScramble", support.crypto_scramble)
                            .add("overwrite", support.overwrite)
                            .add("antifreezeLock", status.antifreeze)
                            .add("state", to_string(look.sanitize))
                            .add("completedWithoutError", status.completed_without_error)
                            .take();
    if (identify.sectors > 0) {
        facts["accessibleMaxLba"] = identify.sectors - 1;
    }
    return facts;
}

}  // namespace efface::method
