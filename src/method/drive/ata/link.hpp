// SPDX-License-Identifier: Apache-2.0
// What the ways to erase an ATA drive share: asking it, and writing down what was sent.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/ata/identify.hpp"
#include "efface/ata/sanitize.hpp"
#include "efface/base/error.hpp"
#include "efface/base/random.hpp"
#include "efface/method/drive/command_set.hpp"

namespace efface::method {

/// The task file, little-endian: FEATURE, COUNT, LBA, DEVICE, COMMAND. Never the data.
[[nodiscard]] SentCommand ata_sent(const std::string& name, const device::AtaCommand& command,
                                   const device::AtaCompletion& completion);
/// STATUS, ERROR, COUNT, LBA, DEVICE as they were returned, little-endian.
[[nodiscard]] RawPage ata_registers_page(const std::string& name,
                                         const device::AtaRegisters& registers);
/// What came of a command, in words: "accepted", "aborted (ABRT)", "no answer: ...".
[[nodiscard]] std::string ata_answer_text(const device::AtaCompletion& completion);
/// The device itself said that it took the command. A path that returns no registers says nothing.
[[nodiscard]] bool ata_taken(const device::AtaCompletion& completion);
/// The device itself said that it did not.
[[nodiscard]] bool ata_refused(const device::AtaCompletion& completion);

/// IDENTIFY DEVICE. Data that fails its checksum is read again, and stands where it comes again.
struct AtaIdentity {
    std::string error;  ///< not empty: nothing else is filled in
    ata::Identify identify;
    Bytes page;
};
[[nodiscard]] AtaIdentity ata_identify(device::AtaTransport& ata);

/// IDENTIFY DEVICE, CHECK POWER MODE and SANITIZE STATUS EXT: none of them changes or wakes the
/// drive.
struct AtaLook {
    enum class Sanitize { unsupported, idle, frozen, running, succeeded, failed, unknown };

    std::string error;  ///< not empty: the drive did not answer
    ata::Identify identify;
    ata::PowerMode power_mode = ata::PowerMode::other;
    bool registers_readable = false;
    std::string unreadable_why;
    std::string wide_unreadable;  ///< not empty: why those of 48-bit commands are not
    Sanitize sanitize = Sanitize::unsupported;
    ata::SanitizeStatus sanitize_status;
    bool failure_explained = false;  ///< of Sanitize::failed: the operation was unsuccessful
    std::string sanitize_detail;     ///< why it failed or is not known
    std::vector<RawPage> pages;
};
[[nodiscard]] AtaLook ata_look(device::AtaTransport& ata);
[[nodiscard]] HealthLook ask_ata_health(device::AtaTransport& ata);
[[nodiscard]] const char* to_string(AtaLook::Sanitize state) noexcept;
/// "disabled", "frozen", ...: the first that stops an erase.
[[nodiscard]] const char* ata_security_state(const ata::SecurityStatus& security) noexcept;

enum class AtaSanitize { block, crypto, overwrite };
[[nodiscard]] const char* ata_technique(AtaSanitize kind) noexcept;
[[nodiscard]] std::optional<AtaSanitize> ata_sanitize_of(std::string_view technique) noexcept;
/// `pattern`: kOverwritePatternBytes, for an overwrite.
[[nodiscard]] device::AtaCommand ata_sanitize_command(AtaSanitize kind, ByteView pattern);
[[nodiscard]] const char* ata_command_name(AtaSanitize kind) noexcept;

constexpr std::string_view kAtaSecurityEnhanced = "ata-security-enhanced";
constexpr std::string_view kAtaSecurityNormal = "ata-security-normal";

/// Why not, and the next step; a SANITIZE operation that runs is none (it can be adopted).
[[nodiscard]] std::optional<Reason> ata_sanitize_objection(const AtaLook& look, AtaSanitize kind);
/// `ours`: the password that is set is the temporary one of this job.
[[nodiscard]] std::optional<Reason> ata_security_objection(const AtaLook& look, bool enhanced,
                                                           bool ours);

/// What the drive says of its last SANITIZE operation.
[[nodiscard]] OperationState ata_sanitize_state(AtaLook look);

/// The pieces of the survey.
[[nodiscard]] std::vector<TechniqueFacts> ata_techniques(const AtaLook& look);
[[nodiscard]] Json ata_facts(const AtaLook& look);

struct AtaCapacity {
    std::uint64_t accessible = 0;               ///< sectors
    std::optional<std::uint64_t> native;        ///< sectors, without the overlay's
    std::optional<std::uint64_t> configurable;  ///< sectors that DEVICE CONFIGURATION tells
    std::string native_error;     ///< why `native` is not known, although there can be an area
    std::string overlay_error;    ///< the same of `configurable`
    bool overlay_asleep = false;  ///< because the drive is in standby: ask when it is awake
    std::string short_address;    ///< not empty: its high bytes were lost on the way
    std::vector<RawPage> pages;
};
/// `asleep`: nothing that might wake the drive.
[[nodiscard]] AtaCapacity ata_capacity(device::AtaTransport& ata, const ata::Identify& identify,
                                       bool asleep);
[[nodiscard]] std::vector<HiddenArea> ata_hidden_areas(const ata::Identify& identify,
                                                       const AtaCapacity& capacity);
[[nodiscard]] OpenedAreas ata_open_hidden_areas(device::AtaTransport& ata, OperationMemory& memory);

[[nodiscard]] std::unique_ptr<Operation> make_ata_sanitize(device::AtaTransport& ata,
                                                           AtaSanitize kind,
                                                           OperationMemory& memory);
[[nodiscard]] std::unique_ptr<Operation> make_ata_security_erase(device::AtaTransport& ata,
                                                                 bool enhanced, Random& random,
                                                                 OperationMemory& memory);

}  // namespace efface::method
