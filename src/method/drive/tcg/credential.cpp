// SPDX-License-Identifier: Apache-2.0
// Whose credential a technique takes, and what of it is refused before a drive counts a try.
#include <fmt/format.h>

#include <algorithm>

#include "efface/tcg/call.hpp"

#include "facts.hpp"

namespace efface::method {

namespace {

using tcg::Discovery;
using tcg::Ssc;

bool is_blank(std::uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/// What a person types into a file. A hash that a tool has set may be any bytes.
bool is_text(ByteView secret) {
    return std::all_of(secret.begin(), secret.end(), [](std::uint8_t byte) {
        return is_blank(byte) || (byte > 0x20 && byte < 0x7f);
    });
}

/// A drive would take it as it is, and count a try.
std::optional<Reason> form_objection(ByteView secret) {
    if (secret.size() > tcg::kCredentialBytesMax) {
        return Reason{
            ReasonCode::drive_credential,
            fmt::format("the password given is longer than {} bytes", tcg::kCredentialBytesMax)};
    }
    const bool line_end = std::any_of(secret.begin(), secret.end(), [](std::uint8_t byte) {
        return byte == '\r' || byte == '\n';
    });
    if (!secret.empty() && is_text(secret) &&
        (line_end || is_blank(secret.front()) || is_blank(secret.back()))) {
        return Reason{ReasonCode::drive_credential,
                      "the credential has a line end (CR, LF) in it, or blanks around it: nothing "
                      "was sent; write it into its file without them"};
    }
    return std::nullopt;
}

/// Why the drive's owner cannot log in.
std::optional<Reason> sid_objection(const Discovery& discovery, bool given) {
    const auto& block_sid = discovery.block_sid;
    if (block_sid && block_sid->sid_blocked) {
        return Reason{
            ReasonCode::drive_frozen,
            "the machine's firmware has blocked SID until the drive is switched off and on (Block "
            "SID): turn that off in the firmware setup, or use tcg-psid-revert"};
    }
    // Opal 2.30, 3.1.1.5.2: 00h in the feature of the class means that SID began with the MSID.
    const bool began_with_another = discovery.ssc()->initial_sid_pin.value_or(0) != 0;
    if (!given && (block_sid ? block_sid->sid_changed : began_with_another)) {
        return Reason{ReasonCode::drive_credential,
                      "needs the password of SID, which is not the factory one (MSID); or use "
                      "tcg-psid-revert"};
    }
    return std::nullopt;
}

}  // namespace

TcgLogin tcg_login(TcgTechnique technique, Ssc ssc) noexcept {
    using mandate::Authority;
    switch (technique) {
        case TcgTechnique::psid_revert:
            return {"Admin SP", tcg::kAdminSp, "PSID", tcg::kAuthorityPsid, Authority::psid};
        case TcgTechnique::revert:
        case TcgTechnique::activate_revert:
            return {"Admin SP", tcg::kAdminSp, "SID", tcg::kAuthoritySid, Authority::sid};
        case TcgTechnique::genkey:
            break;
    }
    if (ssc == Ssc::enterprise) {
        return {"Locking SP", tcg::kLockingSpEnterprise, "EraseMaster", tcg::kAuthorityEraseMaster,
                Authority::erase_master};
    }
    return {"Locking SP", tcg::kLockingSp, "Admin1", tcg::kAuthorityAdmin1, Authority::admin};
}

bool tcg_belongs(const TcgCredential& credential, const TcgLogin& login) noexcept {
    const bool administers =
        login.whose == mandate::Authority::admin || login.whose == mandate::Authority::erase_master;
    return !credential.secret.empty() &&
           (credential.authority ? *credential.authority == login.whose : administers);
}

std::optional<Reason> tcg_unusual_form(const TcgCredential& credential) {
    const auto secret = credential.secret.view();
    const bool usual =
        secret.size() == 32 && std::all_of(secret.begin(), secret.end(), [](std::uint8_t byte) {
            return (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        });
    if (credential.authority != mandate::Authority::psid || secret.empty() || usual) {
        return std::nullopt;
    }
    return Reason{ReasonCode::drive_credential,
                  "the PSID given is not of the usual form, 32 upper-case letters and digits: "
                  "compare it with the label, the drive counts wrong ones"};
}

std::optional<Reason> tcg_credential_objection(TcgTechnique technique, const Discovery& discovery,
                                               const TcgCredential& credential) {
    const auto login = tcg_login(technique, discovery.ssc()->ssc);
    const bool given = tcg_belongs(credential, login);
    if (given) {
        if (auto objection = form_objection(credential.secret.view())) {
            return objection;
        }
    }
    if (login.whose == mandate::Authority::sid) {
        return sid_objection(discovery, given);
    }
    if (given) {
        return std::nullopt;
    }
    auto needs = technique == TcgTechnique::psid_revert
                     ? std::string("needs the PSID: 32 characters on the drive's label")
                     : fmt::format("needs the password of {}",
                                   technique == TcgTechnique::genkey &&
                                           login.whose == mandate::Authority::admin
                                       ? "the Locking SP's Admin1"
                                       : login.authority_name);
    if (!credential.secret.empty()) {
        needs += fmt::format("; the credential given is of {} and is not tried here",
                             credential.authority ? to_string(*credential.authority)
                                                  : "the Locking SP's administrator");
    }
    return Reason{ReasonCode::drive_credential, std::move(needs)};
}

}  // namespace efface::method
