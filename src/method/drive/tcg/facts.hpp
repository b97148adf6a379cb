// SPDX-License-Identifier: Apache-2.0
// What a drive's discovery means for each technique: pure, without a command to the drive but the
// discovery itself.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "efface/device/drive/security_transport.hpp"
#include "efface/method/drive/command_set.hpp"
#include "efface/method/drive/command_sets.hpp"
#include "efface/tcg/discovery.hpp"
#include "efface/tcg/uids.hpp"

namespace efface::method {

enum class TcgTechnique { psid_revert, revert, activate_revert, genkey };
inline constexpr std::array kTcgTechniques{TcgTechnique::psid_revert, TcgTechnique::revert,
                                           TcgTechnique::activate_revert, TcgTechnique::genkey};
[[nodiscard]] const char* to_string(TcgTechnique technique) noexcept;
[[nodiscard]] std::optional<TcgTechnique> tcg_technique_named(std::string_view name) noexcept;

struct TcgLook {
    enum class Kind {
        present,     ///< discovery is filled in
        absent,      ///< the drive answered: it has no TCG
        unreadable,  ///< it has, and what it says of it contradicts itself
        silent,      ///< nobody knows
    } kind = Kind::silent;
    tcg::Discovery discovery;
    std::string detail;          ///< why not present
    std::vector<RawPage> pages;  ///< the response, as far as the drive filled it
};
/// One SECURITY RECEIVE.
[[nodiscard]] TcgLook look_at_tcg(device::SecurityTransport& transport);

/// Whom a session is opened as, and where. Names are literals.
struct TcgLogin {
    const char* sp_name;
    tcg::Uid sp;
    const char* authority_name;
    tcg::Uid authority;
    mandate::Authority whose;  ///< of the credential that it takes
};
[[nodiscard]] TcgLogin tcg_login(TcgTechnique technique, tcg::Ssc ssc) noexcept;
/// Whether the credential is one of this authority; an empty one is of nobody.
[[nodiscard]] bool tcg_belongs(const TcgCredential& credential, const TcgLogin& login) noexcept;
/// What is to be compared with the label before the one try: 32 upper-case letters and digits are
/// usual, other forms exist.
[[nodiscard]] std::optional<Reason> tcg_unusual_form(const TcgCredential& credential);

/// Why it cannot log in with it: nothing was sent.
[[nodiscard]] std::optional<Reason> tcg_credential_objection(TcgTechnique technique,
                                                             const tcg::Discovery& discovery,
                                                             const TcgCredential& credential);

/// Why not on this drive as it is now, and the next step.
[[nodiscard]] std::optional<Reason> tcg_objection(TcgTechnique technique,
                                                  const tcg::Discovery& discovery,
                                                  const TcgCredential& credential);
/// `discovery` has an SSC.
[[nodiscard]] TechniqueFacts tcg_technique_facts(TcgTechnique technique,
                                                 const tcg::Discovery& discovery,
                                                 const TcgCredential& credential);
/// Of a drive whose discovery is unreadable: that, for each technique.
[[nodiscard]] TechniqueFacts tcg_unreadable_facts(TcgTechnique technique, const std::string& why);
[[nodiscard]] Json tcg_drive_facts(const tcg::Discovery* discovery);

/// Overwrites, erases or changes the key: the other mechanisms only drop references to data.
[[nodiscard]] bool tcg_removes_data(tcg::RemovalMechanism mechanism) noexcept;

}  // namespace efface::method
