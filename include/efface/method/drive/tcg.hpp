// SPDX-License-Identifier: Apache-2.0
// Erasing by the drive's TCG functions: a self-encrypting drive forgets its media keys.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "efface/base/clock.hpp"
#include "efface/base/secret.hpp"
#include "efface/device/drive/security_transport.hpp"
#include "efface/method/drive/command_set.hpp"

namespace efface::method {

/// What the drive is to be shown; each may be empty. Sent as they are, never hashed: a password
/// that a tool hashed when it set it (sedutil does) has to be given as that hash.
struct TcgCredentials {
    SecretBytes psid;           ///< printed on the label, 32 characters
    SecretBytes sid;            ///< of the drive's owner; empty: the MSID is tried, once
    SecretBytes locking_admin;  ///< of Admin1 (Enterprise: EraseMaster); for tcg-genkey alone
};

/// Waits between two looks for an answer that the drive has not ready yet.
using TcgPause = std::function<void(std::chrono::milliseconds)>;

/// Techniques: tcg-psid-revert, tcg-revert, tcg-activate-revert, tcg-genkey. The transport and the
/// clock outlive the set. survey() and state() only read the drive's Level 0 Discovery; a drive
/// without TCG is sent nothing else, and has no technique. DriveSurvey::facts: "ssc" (null without
/// TCG), "lockingEnabled", "locked", "mbrEnabled", "mediaEncryption", "blockSid", "sidChanged"
/// (null: not told), "dataRemoval" (null or an object), "features". TechniqueFacts::facts:
/// "cryptographic", "wholeDrive", "method", "lockingEnabledBefore", "ssc", "alwaysEncrypted".
/// Credentials are in no answer, record or page.
[[nodiscard]] std::unique_ptr<CommandSet> make_tcg_drive(device::SecurityTransport& transport,
                                                         TcgCredentials credentials,
                                                         const Clock& clock, TcgPause pause = {});

}  // namespace efface::method
