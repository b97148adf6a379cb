// SPDX-License-Identifier: Apache-2.0
// The command sets that there are, one maker each, and what carries TCG. Transports, clocks and
// what else is a reference outlive what is made with them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/base/random.hpp"
#include "efface/base/secret.hpp"
#include "efface/device/drive/ata_transport.hpp"
#include "efface/device/drive/nvme_transport.hpp"
#include "efface/device/drive/scsi_transport.hpp"
#include "efface/device/drive/secure_erase.hpp"
#include "efface/device/drive/security_transport.hpp"
#include "efface/mandate/choice.hpp"
#include "efface/method/drive/command_set.hpp"

namespace efface::method {

/// A namespace that this machine has as a block device.
struct NvmePlace {
    std::string device;  ///< name of the surface: "nvme0n1"
    std::uint32_t nsid = 0;
};

/// An NVMe subsystem through one of its controllers: Sanitize and Format NVM.
///
/// The techniques nvme-sanitize-{block,crypto,overwrite} and nvme-format-{crypto,user-data}.
/// Facts of a technique: "method" ("sanitize" or "format"), "cryptographic", "wholeDrive",
/// "nodmmas" (SANICAP 31:30), "mediaVerification", "noDeallocate", "hiddenAreasNotCovered" (kinds:
/// Format NVM does not reach all that HiddenArea::covered says of Sanitize), "reasons".
/// Facts of the drive: "flash", "controllerId", "subsystemNqn", "multiController", "namespaces",
/// "sanicap", "fna", "oacs", "unallocatedBytes", "version", "sanitizeStatus".
/// start() of a Format NVM returns when the drive is done: up to hours, bounded by kNvmeFormatMax.
[[nodiscard]] std::unique_ptr<CommandSet> make_nvme_drive(device::NvmeTransport& transport,
                                                          std::vector<NvmePlace> places);

constexpr std::chrono::hours kNvmeFormatMax{4};

/// SANITIZE DEVICE and the SECURITY feature set.
///
/// Techniques: "ata-sanitize-block", "ata-sanitize-crypto", "ata-sanitize-overwrite" (one pass of
/// zeros), "ata-security-enhanced", "ata-security-normal". Their facts: "cryptographic" (only keys
/// change, or a time of two minutes suggests it), "wholeDrive", "method" ("sanitize",
/// "security-enhanced", "security-normal").
///
/// Facts of the survey: "flash" and "rotationRpm" (word 217; neither when the drive does not tell),
/// "encryptsAll", "powerMode", "securityState" ("unsupported", "disabled", "frozen", "enabled",
/// "locked", "expired"), "sanitize" (what is supported, "state", "completedWithoutError"),
/// "accessibleMaxLba", "nativeMaxLba" (where there is one), "registersReadable".
///
/// SECURITY ERASE UNIT is one command that lasts as long as the erasure: its start() does too. The
/// temporary password is in OperationMemory, as 32 characters that any tool can unlock the
/// drive with, from before it is set until it is known to be gone.
///
/// `surface_name`: the block device of the drive.
[[nodiscard]] std::unique_ptr<CommandSet> make_ata_drive(device::AtaTransport& ata,
                                                         std::string surface_name, Random& random);

/// Whether ATA commands reach a drive there: it answers IDENTIFY DEVICE by ATA PASS-THROUGH, or
/// says to be an ATA device behind a translation layer (SAT-4, VPD page 89h) and does not reject
/// the command.
[[nodiscard]] bool scsi_is_translated(device::ScsiTransport& transport);

/// SANITIZE, FORMAT UNIT, WRITE SAME (SBC-4). Techniques: scsi-sanitize-block,
/// scsi-sanitize-crypto, scsi-sanitize-overwrite, scsi-format-unit, scsi-write-same.
///
/// TechniqueFacts::facts: "cryptographic" and "wholeDrive" (booleans), "method" ("sanitize",
/// "format", "write-same"). DriveSurvey::facts: "vendor", "revision"; "flash" (does not rotate),
/// "rotationRpm" (0: not reported); "zoned" (the host sees zones) and "zoneModel" ("none",
/// "host-aware", "device-managed", "host-managed"); "translationLayer" (an ATA device behind one)
/// with "translator"; "wabereq" and "wacereq" (what a read answers after a block or a cryptographic
/// erase, in words); "logicalUnits" (of the target; 0: not reported); "blockBytes",
/// "capacityBytes"; "failedSanitize" (an earlier SANITIZE failed, and only another one helps).
///
/// `surface_name` is what read_status() knows the logical unit by.
[[nodiscard]] std::unique_ptr<CommandSet> make_scsi_drive(device::ScsiTransport& transport,
                                                          std::string surface_name,
                                                          const Clock& clock);

/// What the drive is to be shown; may be empty: then SID is tried with the MSID, once. Sent as it
/// is, never hashed: a password that a tool hashed when it set it (sedutil does) has to be given as
/// that hash.
struct TcgCredential {
    SecretBytes secret;
    /// Whose it is, and nobody else's; nullopt: of the Locking SP's administrator (Admin1; on
    /// Enterprise EraseMaster), for tcg-genkey alone.
    std::optional<mandate::Authority> authority;
};

/// Waits between two looks for an answer that the drive has not ready yet.
using TcgPause = std::function<void(std::chrono::milliseconds)>;

/// A self-encrypting drive forgets its media keys.
///
/// Techniques: tcg-psid-revert, tcg-revert, tcg-activate-revert, tcg-genkey. survey() and state()
/// only read the drive's Level 0 Discovery; a drive without TCG is sent nothing else, and has no
/// technique. DriveSurvey::facts: "ssc" (null without TCG), "lockingEnabled", "locked",
/// "mbrEnabled", "mediaEncryption", "blockSid", "sidChanged" (null: not reported), "dataRemoval"
/// (null or an object), "features". TechniqueFacts::facts: "cryptographic", "wholeDrive", "method",
/// "lockingEnabledBefore", "ssc", "alwaysEncrypted".
/// Nothing that runs on the drive is disturbed: an answer that waits is fetched first, another
/// program's method is left alone. A start shows the credential once. It is in no answer, record or
/// page.
[[nodiscard]] std::unique_ptr<CommandSet> make_tcg_drive(device::SecurityTransport& transport,
                                                         const TcgCredential& credential,
                                                         const Clock& clock, TcgPause pause = {});

/// TCG speaks through whatever the drive speaks: these carry it. A channel never keeps or reports
/// what it carries.
/// NVMe Base 2.3, Security Receive (82h) and Security Send (81h) commands.
[[nodiscard]] std::unique_ptr<device::SecurityTransport> make_security_channel(
    device::NvmeTransport& transport);
/// SPC-5, SECURITY PROTOCOL IN (A2h) and OUT (B5h) commands, lengths in blocks of 512 (INC_512).
[[nodiscard]] std::unique_ptr<device::SecurityTransport> make_security_channel(
    device::ScsiTransport& transport);
/// ACS-4, TRUSTED RECEIVE (5Ch) and TRUSTED SEND (5Eh) commands.
[[nodiscard]] std::unique_ptr<device::SecurityTransport> make_security_channel(
    device::AtaTransport& transport);

/// The secure erase of a block driver, as a command set "block" with one technique,
/// block-secure-erase. Discard and trim are not used: they are hints.
///
/// TechniqueFacts::facts: "cryptographic" false, "wholeDrive" true, "method" "secure-erase". The
/// block layer tells nothing of model or serial number, and has no read by command: read_status()
/// of it is never readable.
[[nodiscard]] std::unique_ptr<CommandSet> make_block_secure_erase(device::SecureErase& target,
                                                                  const Clock& clock);

}  // namespace efface::method
