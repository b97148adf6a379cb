// SPDX-License-Identifier: Apache-2.0
// The parts of a SCSI disk as a command set: its techniques, one file each, and what is known of
// the disk.
#pragma once

#include <memory>

#include "efface/base/clock.hpp"
#include "efface/method/drive/command_set.hpp"
#include "efface/scsi/capacity.hpp"
#include "efface/scsi/commands.hpp"
#include "efface/scsi/erase.hpp"
#include "efface/scsi/inquiry.hpp"

#include "session.hpp"

namespace efface::method {

/// Whether ATA commands reach a drive by ATA PASS-THROUGH.
enum class AtaPath {
    none,     ///< it is no ATA drive, as far as it can be asked
    passes,   ///< it has answered IDENTIFY DEVICE, or may
    rejects,  ///< VPD 89h says that it is one, and the layer rejects ATA PASS-THROUGH
};

/// What the disk tells of itself; read again for each survey and each operation.
struct ScsiFacts {
    std::string error;  ///< not empty: no answer
    scsi::Inquiry inquiry;
    std::string serial;
    std::string wwn;
    std::optional<scsi::AtaInformation> translation;
    AtaPath ata = AtaPath::none;
    scsi::BlockLimits limits;
    scsi::BlockCharacteristics characteristics;
    std::optional<scsi::Capacity> capacity;  ///< not while it is being erased
    std::optional<std::uint64_t> blocks_as_made;
    std::optional<std::chrono::seconds> self_test;  ///< of an extended one
    std::vector<scsi::PhysicalElement> depopulated;
    std::uint32_t logical_units = 0;  ///< 0: not reported
    std::vector<RawPage> pages;

    [[nodiscard]] bool host_managed() const noexcept {
        return inquiry.device_type == scsi::kTypeHostManagedZoned;
    }
    [[nodiscard]] bool zoned() const noexcept {
        return host_managed() ||
               characteristics.zoned == static_cast<std::uint8_t>(scsi::Zoned::host_aware);
    }
    [[nodiscard]] std::uint64_t block_bytes() const noexcept {
        return capacity ? capacity->block_bytes : 0;
    }
};
[[nodiscard]] ScsiFacts read_scsi_facts(ScsiSession& session);

struct ScsiObjection {
    Reason reason;
    bool untold = false;  ///< the disk refuses to tell
};
/// REPORT SUPPORTED OPERATION CODES, for the command or, where that is refused, for all: why the
/// disk can't take it, nothing when it says that it can.
[[nodiscard]] std::optional<ScsiObjection> scsi_command_objection(
    ScsiSession& session, std::uint8_t opcode, std::optional<std::uint16_t> action,
    const std::string& name);

/// Each technique of this set, in order of preference.
struct ScsiTechnique {
    const char* name;
    const char* kind;  ///< "sanitize", "format", "write-same"
    ScsiWork work;     ///< that REQUEST SENSE shows; none: the host does it, command by command
    std::optional<scsi::SanitizeAction> sanitize = std::nullopt;  ///< nothing: another command

    [[nodiscard]] bool cryptographic() const {
        return sanitize == scsi::SanitizeAction::cryptographic_erase;
    }
};
[[nodiscard]] const std::vector<ScsiTechnique>& scsi_techniques();
[[nodiscard]] const ScsiTechnique* find_scsi_technique(std::string_view name);

/// One form of a command that begins an erase.
struct ScsiStartCommand {
    std::string title;
    Bytes cdb;
    Bytes list;  ///< data-out
    Promise promise;
    bool immediate = true;  ///< IMMED: it only begins; else it is answered at the end
};
/// Every form of it, the one to prefer first: a disk may refuse IMMED, a parameter list or the
/// length of a pattern, which harms nothing. All forms promise the same.
[[nodiscard]] std::vector<ScsiStartCommand> scsi_sanitize_commands(scsi::SanitizeAction action,
                                                                   const ScsiFacts& facts,
                                                                   const Bytes& pattern);
[[nodiscard]] std::vector<ScsiStartCommand> scsi_format_commands(const ScsiFacts& facts);

/// MODE SELECT and FORMAT UNIT, so that sectors have another size.
[[nodiscard]] StartAnswer format_scsi_sectors(ScsiSession& session, std::uint32_t bytes);
[[nodiscard]] std::vector<SentCommand> scsi_format_sent_before(std::uint32_t bytes);
[[nodiscard]] std::optional<std::chrono::seconds> scsi_format_estimate(const ScsiFacts& facts);

/// SANITIZE and FORMAT UNIT.
[[nodiscard]] std::unique_ptr<Operation> make_scsi_erasure(ScsiSession& session,
                                                           const ScsiTechnique& technique,
                                                           std::vector<ScsiStartCommand> forms,
                                                           OperationMemory& memory);
/// WRITE SAME. Its state() sends the next part: the disk does nothing by itself.
[[nodiscard]] std::unique_ptr<Operation> make_scsi_write_same(ScsiSession& session,
                                                              const Clock& clock,
                                                              const ScsiFacts& facts,
                                                              OperationMemory& memory);

/// How a command that was to change something was answered.
[[nodiscard]] StartAnswer scsi_start_answer(const device::ScsiCompletion& completion);
/// The disk answers RESERVATION CONFLICT.
[[nodiscard]] Reason scsi_reservation();
/// SYNCHRONIZE CACHE of the whole medium, in the form that the disk knows.
[[nodiscard]] device::ScsiCompletion scsi_synchronize(ScsiSession& session,
                                                      std::chrono::milliseconds timeout);
/// The disk knows the command, and not this form of it: a field of the CDB or of the list, or the
/// list's length.
[[nodiscard]] bool refuses_form(const device::ScsiCompletion& completion);
/// It does not know the command.
[[nodiscard]] bool refuses_opcode(const device::ScsiCompletion& completion);

/// Reduced capacity and depopulated elements.
[[nodiscard]] std::vector<HiddenArea> scsi_hidden_areas(ScsiSession& session,
                                                        const ScsiFacts& facts);
[[nodiscard]] OpenedAreas open_scsi_hidden_areas(ScsiSession& session);

[[nodiscard]] HealthLook ask_scsi_health(ScsiSession& session);
[[nodiscard]] DriveSurvey survey_scsi_drive(ScsiSession& session, const std::string& surface);

}  // namespace efface::method
