// SPDX-License-Identifier: Apache-2.0
// ATA PASS-THROUGH (12) and (16) of the translation layer (SAT-4, sections 12.2.2 to 12.2.6).
#include <algorithm>

#include "sat_bridge.hpp"

namespace efface::fake {

using device::AtaCommand;
using device::AtaCompletion;
using device::AtaRegisters;
using device::ScsiCommand;
using device::ScsiCompletion;

namespace {

struct PassThrough {
    AtaCommand command;
    bool status_wanted = false;  ///< CK_COND
    bool valid = false;
    std::size_t bytes = 0;
};

std::uint64_t at(const Bytes& cdb, std::size_t index, unsigned shift) {
    return std::uint64_t{cdb[index]} << shift;
}

void task_file_16(const Bytes& cdb, AtaCommand& ata) {
    ata.extended = (cdb[1] & 1U) != 0;
    ata.features = cdb[4];
    ata.count = cdb[6];
    ata.lba = at(cdb, 8, 0) | at(cdb, 10, 8) | at(cdb, 12, 16);
    if (ata.extended) {
        ata.features = static_cast<std::uint16_t>(ata.features | cdb[3] << 8U);
        ata.count = static_cast<std::uint16_t>(ata.count | cdb[5] << 8U);
        ata.lba |= at(cdb, 7, 24) | at(cdb, 9, 32) | at(cdb, 11, 40);
    }
    ata.device = cdb[13];
    ata.command = cdb[14];
}

void task_file_12(const Bytes& cdb, AtaCommand& ata) {
    ata.features = cdb[3];
    ata.count = cdb[4];
    ata.lba = at(cdb, 5, 0) | at(cdb, 6, 8) | at(cdb, 7, 16);
    ata.device = cdb[8];
    ata.command = cdb[9];
}

PassThrough decode(const ScsiCommand& scsi, std::uint32_t sector_bytes) {
    PassThrough decoded;
    const Bytes& cdb = scsi.cdb;
    if (cdb.size() != (cdb[0] == 0x85 ? 16U : 12U)) {
        return decoded;
    }
    AtaCommand& ata = decoded.command;
    cdb[0] == 0x85 ? task_file_16(cdb, ata) : task_file_12(cdb, ata);
    if (!ata.extended) {
        ata.lba |= std::uint64_t{ata.device & std::uint64_t{0x0f}} << 24U;
    }
    ata.timeout = scsi.timeout;
    decoded.status_wanted = (cdb[2] & 0x20U) != 0;
    const unsigned protocol = (cdb[1] >> 1U) & 0x0fU;
    const unsigned length_in = cdb[2] & 0x03U;
    const bool blocks = (cdb[2] & 0x04U) != 0;
    const bool from_device = (cdb[2] & 0x08U) != 0;
    if (protocol == 3) {
        decoded.valid = true;
        return decoded;
    }
    // PIO in and out, DMA, and DMA in and out as UDMA.
    if (protocol != 4 && protocol != 5 && protocol != 6 && protocol != 10 && protocol != 11) {
        return decoded;
    }
    const std::size_t amount = length_in == 1 ? ata.features : ata.count;
    const std::size_t unit = !blocks ? 1 : ((cdb[2] & 0x10U) != 0 ? sector_bytes : 512U);
    decoded.bytes = length_in == 0 ? 0 : (length_in == 3 ? scsi.read_into.size() : amount * unit);
    if (from_device) {
        ata.protocol = AtaCommand::Protocol::pio_in;
        ata.read_into = scsi.read_into;
    } else {
        ata.protocol = AtaCommand::Protocol::pio_out;
        ata.write_from = scsi.write_from;
    }
    decoded.valid = decoded.bytes > 0 &&
                    decoded.bytes == (from_device ? scsi.read_into.size() : scsi.write_from.size());
    return decoded;
}

Bytes status_return(std::uint8_t key, std::uint8_t qualifier, bool extended,
                    const AtaRegisters& registers) {
    const auto lba = [&](unsigned shift) {
        return static_cast<std::uint8_t>((registers.lba >> shift) & 0xffU);
    };
    Bytes sense(22);
    sense[0] = 0x72;
    sense[1] = key;
    sense[3] = qualifier;
    sense[7] = 14;
    sense[8] = 0x09;
    sense[9] = 0x0c;
    sense[10] = extended ? 1 : 0;
    sense[11] = registers.error;
    sense[12] = extended ? static_cast<std::uint8_t>(registers.count >> 8U) : std::uint8_t{0};
    sense[13] = static_cast<std::uint8_t>(registers.count & 0xffU);
    sense[14] = extended ? lba(24) : std::uint8_t{0};
    sense[15] = lba(0);
    sense[16] = extended ? lba(32) : std::uint8_t{0};
    sense[17] = lba(8);
    sense[18] = extended ? lba(40) : std::uint8_t{0};
    sense[19] = lba(16);
    sense[20] = registers.device;
    sense[21] = registers.status;
    return sense;
}

Bytes fixed_status(std::uint8_t key, std::uint8_t qualifier, const AtaRegisters& registers) {
    Bytes sense(18);
    sense[0] = 0x70;
    sense[2] = key;
    sense[3] = registers.error;
    sense[4] = registers.status;
    sense[5] = registers.device;
    sense[6] = static_cast<std::uint8_t>(registers.count & 0xffU);
    sense[7] = 10;
    sense[9] = static_cast<std::uint8_t>(registers.lba & 0xffU);
    sense[10] = static_cast<std::uint8_t>((registers.lba >> 8U) & 0xffU);
    sense[11] = static_cast<std::uint8_t>((registers.lba >> 16U) & 0xffU);
    sense[13] = qualifier;
    return sense;
}

/// Linux before 6.11, drivers/ata/libata-scsi.c: the registers go where the descriptor format has
/// them. 21/04 is what it makes of ABRT where the command might have been out of order.
Bytes libata_failure(std::uint8_t key, const AtaRegisters& registers) {
    Bytes sense(18);
    sense[0] = 0x70;
    sense[2] = key;
    sense[7] = 10;
    sense[8] = registers.error;
    sense[9] = registers.status;
    sense[10] = registers.device;
    sense[11] = static_cast<std::uint8_t>(registers.count & 0xffU);
    sense[12] = key == 0x5 ? 0x21 : 0x00;
    sense[13] = key == 0x5 ? 0x04 : 0x00;
    sense[17] = static_cast<std::uint8_t>(registers.lba & 0xffU);
    return sense;
}

}  // namespace

ScsiCompletion SatBridge::pass_through(const ScsiCommand& command) {
    if (sector_bytes_ == 0 && !disk()) {
        return check(0x2, 0x04);
    }
    const auto decoded = decode(command, sector_bytes_);
    if (!decoded.valid) {
        return check(0x5, 0x24);
    }
    auto sent = decoded.command;
    const bool narrow = sent.extended && (options.drops_extend || options.drops_high_bytes);
    if (narrow) {
        sent.features &= 0xffU;
        sent.count &= 0xffU;
        sent.lba &= 0xffffffU;
    }
    auto answer = drive_.submit(sent);
    if (narrow && answer.registers) {
        answer.registers->count &= 0xffU;
        answer.registers->lba &= 0xffffffU;
    }
    auto completion = pass_through_answer(decoded.command, answer, decoded.status_wanted);
    if (answer.accepted) {
        completion.transferred = decoded.bytes;
    }
    return completion;
}

ScsiCompletion SatBridge::pass_through_answer(const AtaCommand& command,
                                              const AtaCompletion& answer,
                                              bool status_wanted) const {
    ScsiCompletion completion;
    if (answer.error != 0) {
        completion.host_status = 0x03;
        return completion;
    }
    const bool failed = !answer.accepted;
    if ((!failed && !status_wanted) || options.no_sense) {
        return completion;
    }
    const AtaRegisters registers =
        options.zero_registers ? AtaRegisters{} : answer.registers.value_or(AtaRegisters{});
    // ABRT is ABORTED COMMAND; everything else is good enough as it is for a model.
    const std::uint8_t key = failed ? 0xb : 0x1;
    const std::uint8_t qualifier = failed ? 0x00 : 0x1d;
    completion.status = 0x02;
    if (failed && options.libata_failures) {
        completion.sense = libata_failure(options.failure_key, registers);
        return completion;
    }
    const bool extended = command.extended && !options.drops_extend;
    completion.sense = options.fixed_sense ? fixed_status(key, qualifier, registers)
                                           : status_return(key, qualifier, extended, registers);
    return completion;
}

}  // namespace efface::fake
