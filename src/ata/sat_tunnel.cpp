// SPDX-License-Identifier: Apache-2.0
#include "efface/ata/sat_tunnel.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "efface/ata/identify.hpp"
#include "efface/base/error.hpp"

namespace efface::ata {

namespace {

using device::AtaCommand;
using device::AtaCompletion;
using device::AtaRegisters;
using device::ScsiCompletion;

constexpr std::uint8_t kPassThrough16 = 0x85;
constexpr std::uint8_t kCheckCondition = 0x20;
constexpr std::uint8_t kTypeLogicalSector = 0x10;
constexpr std::uint8_t kFromDevice = 0x08;
constexpr std::uint8_t kBlocks = 0x04;
constexpr std::uint8_t kLengthInCount = 0x02;

constexpr std::uint8_t kDescriptorStatusReturn = 0x09;
constexpr std::size_t kStatusReturnBytes = 14;  // with its header
constexpr std::size_t kSenseHeaderBytes = 8;
constexpr std::size_t kDescriptorsMax = 32;

constexpr std::size_t kFixedSenseBytes = 18;
constexpr std::uint8_t kRecoveredError = 1;
constexpr std::uint8_t kUnitAttention = 6;
constexpr unsigned kAttentionsMax = 8;
constexpr std::uint8_t kIllegalRequest = 5;

/// CDB byte 2. COUNT says how much is transferred, in blocks of 512 bytes or in logical sectors.
std::uint8_t transfer_flags(const AtaCommand& command) {
    if (command.protocol == AtaCommand::Protocol::non_data) {
        return kCheckCondition;
    }
    const std::size_t bytes = command.read_into.size() + command.write_from.size();
    EFFACE_ASSERT(command.count > 0 && bytes % command.count == 0);
    // Data that comes is its own proof, and some layers lose it beside a CHECK CONDITION; whether
    // data was taken only the registers tell.
    const bool in = command.protocol == AtaCommand::Protocol::pio_in;
    std::uint8_t flags = kBlocks | kLengthInCount;
    flags |= in ? kFromDevice : kCheckCondition;
    if (bytes / command.count != kPageBytes) {
        flags |= kTypeLogicalSector;
    }
    return flags;
}

std::uint8_t protocol_field(AtaCommand::Protocol protocol) {
    switch (protocol) {
        case AtaCommand::Protocol::non_data:
            return 3;
        case AtaCommand::Protocol::pio_in:
            return 4;
        case AtaCommand::Protocol::pio_out:
            break;
    }
    return 5;
}

struct Sense {
    bool descriptor_format = false;
    bool fixed_format = false;
    std::uint8_t key = 0;
    std::uint8_t code = 0;       ///< additional sense code
    std::uint8_t qualifier = 0;  ///< and its qualifier
    bool failed = false;         ///< fixed format: the ATA status in it says so
    bool extended = false;       ///< EXTEND: the registers have their high bytes
    std::optional<AtaRegisters> registers;

    [[nodiscard]] std::string text() const {
        return fmt::format("{:x}/{:02x}/{:02x}", key, code, qualifier);
    }
    /// "Unaligned write command", which is what libata makes of an ABRT whose cause it does not
    /// know: with registers it is the drive's own refusal, not the layer's.
    [[nodiscard]] bool unaligned_write() const { return code == 0x21 && qualifier == 0x04; }
    /// "ATA pass-through information available", or nothing at all.
    [[nodiscard]] bool no_failure() const {
        return key <= 1 && code == 0 && (qualifier == 0 || qualifier == 0x1d) && !failed;
    }
};

AtaRegisters status_return(ByteView descriptor) {
    AtaRegisters registers;
    const bool extended = (descriptor[2] & 1U) != 0;
    registers.error = descriptor[3];
    registers.count = descriptor[5];
    registers.lba = static_cast<std::uint64_t>(descriptor[11]) << 16U |
                    static_cast<std::uint64_t>(descriptor[9]) << 8U | descriptor[7];
    if (extended) {
        registers.count = read_be<std::uint16_t>(descriptor, 4);
        registers.lba |= static_cast<std::uint64_t>(descriptor[10]) << 40U |
                         static_cast<std::uint64_t>(descriptor[8]) << 32U |
                         static_cast<std::uint64_t>(descriptor[6]) << 24U;
    }
    registers.device = descriptor[12];
    registers.status = descriptor[13];
    return registers;
}

void find_status_return(ByteView sense, Sense& found) {
    const std::size_t end = std::min(sense.size(), kSenseHeaderBytes + sense[7]);
    std::size_t at = kSenseHeaderBytes;
    for (std::size_t i = 0; i < kDescriptorsMax && at + 2 <= end; ++i) {
        const std::size_t length = 2 + std::size_t{sense[at + 1]};
        if (length > end - at) {
            return;
        }
        if (sense[at] == kDescriptorStatusReturn && length >= kStatusReturnBytes) {
            found.registers = status_return(sense.subspan(at, kStatusReturnBytes));
            found.extended = (sense[at + 2] & 1U) != 0;
            return;
        }
        at += length;
    }
}

/// Of a failed command in fixed-format sense: ERROR, STATUS, DEVICE, COUNT 7:0 in INFORMATION and
/// LBA 7:0 behind the flags (SAT-4, section 12.2.7). libata before Linux 6.11 puts them five bytes,
/// the address eight bytes behind. What has no room stays 0, so that only a failure is taken from
/// this.
std::optional<AtaRegisters> fixed_failure(ByteView sense) {
    constexpr std::size_t kInformation = 3;
    constexpr std::size_t kLowAddress = 9;
    constexpr std::size_t kLibataInformation = 8;
    constexpr std::size_t kLibataLowAddress = 17;
    const auto registers = [&](std::size_t information, std::size_t address) {
        AtaRegisters found;
        found.error = sense[information];
        found.status = sense[information + 1];
        found.device = sense[information + 2];
        found.count = sense[information + 3];
        found.lba = sense[address];
        return found;
    };
    const bool empty = read_be<std::uint32_t>(sense, kInformation) == 0;
    const auto found = empty ? registers(kLibataInformation, kLibataLowAddress)
                             : registers(kInformation, kLowAddress);
    constexpr std::uint8_t kBusyOrReady = 0xc0;
    constexpr std::uint8_t kReady = 0x40;
    const bool plausible = (found.status & kBusyOrReady) == kReady && found.error != 0;
    return plausible && found.failed() ? std::optional(found) : std::nullopt;
}

Sense decode_sense(ByteView sense) {
    Sense found;
    if (sense.empty()) {
        return found;
    }
    const auto response = static_cast<std::uint8_t>(sense[0] & 0x7fU);
    if (response == 0x72 && sense.size() >= kSenseHeaderBytes) {
        found.descriptor_format = true;
        found.key = sense[1] & 0x0fU;
        found.code = sense[2];
        found.qualifier = sense[3];
        find_status_return(sense, found);
    } else if (response == 0x70 && sense.size() >= 14) {
        found.fixed_format = true;
        found.key = sense[2] & 0x0fU;
        found.code = sense[12];
        found.qualifier = sense[13];
        // With 00/1D the INFORMATION field holds ERROR, STATUS, DEVICE and COUNT 7:0.
        found.failed = found.qualifier == 0x1d && (sense[4] & 0x21U) != 0;
        const bool failure = found.key > kRecoveredError &&
                             (found.key != kIllegalRequest || found.unaligned_write());
        if (failure && sense.size() >= kFixedSenseBytes) {
            found.registers = fixed_failure(sense);
        }
    }
    return found;
}

/// Why these registers are no information; empty when they are some.
std::string distrust(const AtaRegisters& registers) {
    if (registers.status == 0) {
        return "the translation layer returned empty registers";
    }
    if ((registers.status & 0x80U) != 0) {
        return fmt::format("the status register reports busy ({:02x}h)", registers.status);
    }
    return {};
}

/// A 48-bit command was answered with the registers of a 28-bit one: what counts is in bytes
/// that are not there. That a command failed is in the others.
bool loses_high_bytes(const AtaCommand& command, const Sense& sense) {
    return command.extended && sense.descriptor_format && !sense.extended &&
           !sense.registers->failed();
}

/// The layer tells of a reset or a power cycle, and has not carried the command out (SAM-5, section
/// 5.14).
bool met_attention(const ScsiCompletion& completion) {
    const Sense sense = decode_sense(completion.sense);
    return completion.answered() &&
           completion.status == static_cast<std::uint8_t>(device::ScsiStatus::check_condition) &&
           sense.key == kUnitAttention && !sense.registers;
}

std::string why_no_registers(const Sense& sense) {
    if (sense.fixed_format) {
        return "status unreadable: fixed-format sense " + sense.text();
    }
    if (sense.descriptor_format) {
        return "status unreadable: sense " + sense.text() + " without an ATA status";
    }
    return "status unreadable: the translation layer returned no sense data";
}

}  // namespace

device::ScsiCommand encode_pass_through(const AtaCommand& command) {
    const auto lba = [&](unsigned shift) {
        return static_cast<std::uint8_t>((command.lba >> shift) & 0xffU);
    };
    Bytes cdb(16);
    cdb[0] = kPassThrough16;
    cdb[1] = static_cast<std::uint8_t>(protocol_field(command.protocol) << 1U);
    cdb[2] = transfer_flags(command);
    cdb[4] = static_cast<std::uint8_t>(command.features & 0xffU);
    cdb[6] = static_cast<std::uint8_t>(command.count & 0xffU);
    cdb[8] = lba(0);
    cdb[10] = lba(8);
    cdb[12] = lba(16);
    cdb[13] = command.device;
    cdb[14] = command.command;
    if (command.extended) {
        cdb[1] |= 1U;
        cdb[3] = static_cast<std::uint8_t>(command.features >> 8U);
        cdb[5] = static_cast<std::uint8_t>(command.count >> 8U);
        cdb[7] = lba(24);
        cdb[9] = lba(32);
        cdb[11] = lba(40);
    } else {
        cdb[13] = static_cast<std::uint8_t>(cdb[13] | (lba(24) & 0x0fU));
    }
    device::ScsiCommand made;
    made.cdb = std::move(cdb);
    made.read_into = command.read_into;
    made.write_from = command.write_from;
    made.timeout = command.timeout;
    return made;
}

AtaCompletion decode_pass_through(const AtaCommand& command, const ScsiCompletion& completion) {
    AtaCompletion answer;
    if (!completion.answered()) {
        answer.error = completion.error != 0 ? completion.error : EIO;
        answer.note =
            completion.error != 0
                ? errno_text(completion.error)
                : fmt::format("the adapter gave up (host status {:02x}h)", completion.host_status);
        return answer;
    }
    const Sense sense = decode_sense(completion.sense);
    const bool check =
        completion.status == static_cast<std::uint8_t>(device::ScsiStatus::check_condition);
    if (!completion.good() && !check) {
        answer.note = fmt::format("SCSI status {:02x}h", completion.status);
        return answer;
    }
    const std::size_t bytes = command.read_into.size() + command.write_from.size();
    answer.accepted = (!check || sense.no_failure()) && completion.transferred >= bytes;
    if (!sense.registers) {
        answer.withheld = check && sense.key == kIllegalRequest;
        answer.note = why_no_registers(sense);
        return answer;
    }
    if (auto reason = distrust(*sense.registers); !reason.empty()) {
        answer.note = "status unreadable: " + reason;
        return answer;
    }
    if (loses_high_bytes(command, sense)) {
        answer.note =
            "status unreadable: the translation layer drops EXTEND, and with it the high "
            "bytes of the registers";
        return answer;
    }
    answer.registers = sense.registers;
    if (answer.registers->failed()) {
        answer.accepted = false;
        answer.note = "sense " + sense.text();
    }
    return answer;
}

AtaCompletion SatTunnel::submit(const AtaCommand& command) {
    const auto scsi = encode_pass_through(command);
    auto completion = scsi_.submit(scsi);
    for (unsigned more = 1; more < kAttentionsMax && met_attention(completion); ++more) {
        completion = scsi_.submit(scsi);
    }
    return decode_pass_through(command, completion);
}

}  // namespace efface::ata
