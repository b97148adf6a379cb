// SPDX-License-Identifier: Apache-2.0
#include "facts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/error.hpp"
#include "efface/tcg/call.hpp"

#include "fields.hpp"

namespace efface::method {

namespace {

constexpr Word<TcgTechnique> kTechniqueNames[] = {
    {TcgTechnique::psid_revert, "tcg-psid-revert"},
    {TcgTechnique::revert, "tcg-revert"},
    {TcgTechnique::activate_revert, "tcg-activate-revert"},
    {TcgTechnique::genkey, "tcg-genkey"},
};

using tcg::Discovery;
using tcg::RemovalMechanism;
using tcg::Ssc;

constexpr const char* kDiscoveryPage = "TCG Level 0 Discovery";
constexpr std::uint16_t kTcgComIdMin = 0x0002;  ///< below are discovery and what is reserved

constexpr std::array kTcgMechanisms{RemovalMechanism::overwrite,
                                    RemovalMechanism::block_erase,
                                    RemovalMechanism::cryptographic,
                                    RemovalMechanism::unmap,
                                    RemovalMechanism::reset_write_pointers,
                                    RemovalMechanism::vendor};

bool is_revert(TcgTechnique technique) {
    return technique != TcgTechnique::genkey;
}

bool uses_sid(TcgTechnique technique) {
    return technique == TcgTechnique::revert || technique == TcgTechnique::activate_revert;
}

/// What makes every technique impossible.
std::optional<Reason> general_objection(const Discovery& discovery) {
    const auto* ssc = discovery.ssc();
    if (ssc == nullptr) {
        return Reason{
            ReasonCode::drive_lacks_technique,
            "the drive has TCG functions, but none of the subsystem classes that can erase"};
    }
    if (ssc->base_com_id < kTcgComIdMin) {
        return Reason{ReasonCode::drive_lacks_technique,
                      "the drive offers no ComID: its TCG functions cannot be used"};
    }
    if (!discovery.tper || !discovery.tper->sync) {
        return Reason{ReasonCode::drive_lacks_technique,
                      "the drive does not support the synchronous protocol"};
    }
    if (!discovery.locking || !discovery.locking->supported) {
        return Reason{ReasonCode::drive_lacks_technique,
                      "the drive has no Locking SP: there is nothing to revert"};
    }
    if (discovery.data_removal && discovery.data_removal->processing) {
        return Reason{ReasonCode::drive_erasing,
                      "a data removal is running: wait until it has ended"};
    }
    return std::nullopt;
}

/// What keeps a technique from erasing, although the drive would accept it.
std::optional<Reason> effect_objection(TcgTechnique technique, const Discovery& discovery) {
    const Ssc ssc = discovery.ssc()->ssc;
    if (!tcg::encrypts(ssc)) {
        if (technique == TcgTechnique::genkey) {
            return Reason{ReasonCode::drive_ineffective,
                          "Pyrite: the drive has no media key to change; use Sanitize"};
        }
        const bool removes =
            discovery.data_removal && std::any_of(kTcgMechanisms.begin(), kTcgMechanisms.end(),
                                                  [&](RemovalMechanism mechanism) {
                                                      return tcg_removes_data(mechanism) &&
                                                             discovery.data_removal->has(mechanism);
                                                  });
        if (!removes) {
            return Reason{
                ReasonCode::drive_ineffective,
                "Pyrite: the drive does not encrypt, and Revert removes no data from it; use "
                "Sanitize or overwrite"};
        }
    } else if (!discovery.locking->media_encryption) {
        return Reason{
            ReasonCode::drive_ineffective,
            "the drive reports that it does not encrypt its media; use Sanitize or overwrite"};
    }
    if (ssc == Ssc::enterprise && uses_sid(technique)) {
        return Reason{ReasonCode::drive_lacks_technique,
                      "Enterprise: SID cannot revert the drive; use tcg-psid-revert with the "
                      "PSID from the label, or tcg-genkey with the password of EraseMaster"};
    }
    const bool active = discovery.locking->enabled;
    if (technique == TcgTechnique::activate_revert) {
        return active ? std::optional(Reason{ReasonCode::drive_ineffective,
                                             "the Locking SP is already active: use tcg-revert"})
                      : std::nullopt;
    }
    if (!active) {
        if (ssc == Ssc::enterprise) {
            return Reason{ReasonCode::drive_ineffective,
                          "the Locking SP is not active, so it is not shown that the keys in use "
                          "would change; use Sanitize or overwrite"};
        }
        return Reason{ReasonCode::drive_ineffective,
                      is_revert(technique)
                          ? "the Locking SP is not active, so Revert would erase nothing (Opal "
                            "2.30, 5.1.2.2); use Sanitize, or tcg-activate-revert"
                          : "the Locking SP is not active, so nobody can log in to change a key; "
                            "use Sanitize, or tcg-activate-revert"};
    }
    return std::nullopt;
}

/// The longest that the drive names: which mechanism is active only a session tells.
std::optional<std::chrono::seconds> tcg_estimate(TcgTechnique technique,
                                                 const Discovery& discovery) {
    if (!discovery.data_removal) {
        return std::nullopt;
    }
    const auto& removal = *discovery.data_removal;
    if (technique == TcgTechnique::genkey) {
        return removal.time(RemovalMechanism::cryptographic);
    }
    std::optional<std::chrono::seconds> longest;
    for (const RemovalMechanism mechanism : kTcgMechanisms) {
        const auto time = removal.has(mechanism) ? removal.time(mechanism) : std::nullopt;
        if (time && (!longest || *time > *longest)) {
            longest = time;
        }
    }
    return longest;
}

std::vector<std::string> tcg_sends(TcgTechnique technique, Ssc ssc) {
    const bool enterprise = ssc == Ssc::enterprise;
    switch (technique) {
        case TcgTechnique::psid_revert:
            return {"StartSession (Admin SP, PSID)",
                    enterprise ? "RevertSP (Admin SP)" : "Revert (Admin SP)"};
        case TcgTechnique::revert:
            return {"StartSession (Admin SP, SID)", "Revert (Admin SP)"};
        case TcgTechnique::activate_revert:
            return {"StartSession (Admin SP, SID)", "Activate (Locking SP)", "Revert (Admin SP)"};
        case TcgTechnique::genkey:
            break;
    }
    if (enterprise) {
        return {"StartSession (Locking SP, EraseMaster)", "Erase (each band)"};
    }
    return {"StartSession (Locking SP, Admin1)",
            "GenKey (key of the global range and of each range in use)"};
}

Json removal_facts(const tcg::DataRemovalFeature& removal) {
    Json mechanisms = Json::array();
    for (const RemovalMechanism mechanism : kTcgMechanisms) {
        if (removal.has(mechanism)) {
            ObjectWriter one;
            one.add("name", tcg::to_string(mechanism));
            if (const auto time = removal.time(mechanism)) {
                one.add("seconds", time->count());
            }
            mechanisms.push_back(one.take());
        }
    }
    return ObjectWriter()
        .add("processing", removal.processing)
        .add("interrupted", removal.interrupted)
        .add("mechanisms", std::move(mechanisms))
        .take();
}

}  // namespace

const char* to_string(TcgTechnique technique) noexcept {
    return word_of(kTechniqueNames, technique);
}

std::optional<TcgTechnique> tcg_technique_named(std::string_view name) noexcept {
    return find_word(kTechniqueNames, name);
}

bool tcg_removes_data(RemovalMechanism mechanism) noexcept {
    return mechanism != RemovalMechanism::unmap &&
           mechanism != RemovalMechanism::reset_write_pointers;
}

TcgLook look_at_tcg(device::SecurityTransport& transport) {
    TcgLook look;
    Bytes response(tcg::kDiscoveryBytes, 0);
    const auto answer = transport.receive(tcg::kDiscoveryProtocol, tcg::kDiscoveryComId, response);
    if (answer.error != 0) {
        look.detail = "Level 0 Discovery: " + errno_text(answer.error);
        return look;
    }
    if (!answer.accepted) {
        look.kind = TcgLook::Kind::absent;
        look.detail = "Level 0 Discovery is refused: " + answer.refusal;
        return look;
    }
    auto discovery = tcg::decode_discovery(response);
    if (!discovery) {
        look.kind = TcgLook::Kind::absent;
        look.detail = "Level 0 Discovery is empty";
        if (!all_zero(response)) {
            look.kind = TcgLook::Kind::unreadable;
            look.detail =
                "the drive's Level 0 Discovery is unreadable (a descriptor is repeated, too short, "
                "or beyond the end): what it has is not known; use another technique";
            look.pages.push_back({kDiscoveryPage, std::move(response)});
        }
        return look;
    }
    look.kind = TcgLook::Kind::present;
    look.discovery = std::move(*discovery);
    response.resize(look.discovery.bytes);
    look.pages.push_back({kDiscoveryPage, std::move(response)});
    return look;
}

std::optional<Reason> tcg_objection(TcgTechnique technique, const Discovery& discovery,
                                    const TcgCredential& credential) {
    if (auto objection = general_objection(discovery)) {
        return objection;
    }
    if (auto objection = effect_objection(technique, discovery)) {
        return objection;
    }
    return tcg_credential_objection(technique, discovery, credential);
}

TechniqueFacts tcg_technique_facts(TcgTechnique technique, const Discovery& discovery,
                                   const TcgCredential& credential) {
    const Ssc ssc = discovery.ssc()->ssc;
    TechniqueFacts facts;
    facts.name = to_string(technique);
    facts.objection = tcg_objection(technique, discovery, credential);
    facts.estimate = tcg_estimate(technique, discovery);
    facts.sends = tcg_sends(technique, ssc);
    facts.facts = ObjectWriter()
                      .add("cryptographic", tcg::encrypts(ssc))
                      .add("wholeDrive", is_revert(technique))
                      .add("method", is_revert(technique) ? "tcg-revert" : "tcg-genkey")
                      .add("lockingEnabledBefore", discovery.locking && discovery.locking->enabled)
                      .add("ssc", tcg::to_string(ssc))
                      .take();
    if (technique == TcgTechnique::genkey) {
        facts.not_reached = {"shadow MBR and DataStore tables"};
    }
    if (technique == TcgTechnique::activate_revert) {
        facts.facts["alwaysEncrypted"] = "not proven";
    }
    return facts;
}

TechniqueFacts tcg_unreadable_facts(TcgTechnique technique, const std::string& why) {
    TechniqueFacts facts;
    facts.name = to_string(technique);
    facts.objection = Reason{ReasonCode::drive_state_unknown, why};
    facts.facts = ObjectWriter()
                      .add("cryptographic", true)
                      .add("wholeDrive", is_revert(technique))
                      .add("method", is_revert(technique) ? "tcg-revert" : "tcg-genkey")
                      .take();
    return facts;
}

Json tcg_drive_facts(const Discovery* discovery) {
    if (discovery == nullptr) {
        return ObjectWriter().add("ssc", nullptr).take();
    }
    const auto* ssc = discovery->ssc();
    Json facts = Json::object();
    facts["ssc"] = ssc == nullptr ? Json(nullptr) : Json(tcg::to_string(ssc->ssc));
    if (const auto& locking = discovery->locking) {
        facts["lockingEnabled"] = locking->enabled;
        facts["locked"] = locking->locked;
        facts["mbrEnabled"] = locking->mbr_enabled;
        facts["mediaEncryption"] = locking->media_encryption;
    }
    const auto& block_sid = discovery->block_sid;
    facts["blockSid"] = block_sid ? Json(block_sid->sid_blocked) : Json(nullptr);
    facts["sidChanged"] = block_sid ? Json(block_sid->sid_changed) : Json(nullptr);
    facts["dataRemoval"] =
        discovery->data_removal ? removal_facts(*discovery->data_removal) : Json(nullptr);
    facts["features"] = Json::array();
    for (const auto& feature : discovery->features) {
        facts["features"].push_back(tcg::feature_name(feature.code));
    }
    return facts;
}

}  // namespace efface::method
