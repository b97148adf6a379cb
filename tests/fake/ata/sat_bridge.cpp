// SPDX-License-Identifier: Apache-2.0
#include "sat_bridge.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace efface::fake {

using device::AtaCommand;
using device::AtaCompletion;
using device::ScsiCommand;
using device::ScsiCompletion;

namespace {

constexpr std::uint8_t kGood = 0x00;
constexpr std::uint8_t kCheckCondition = 0x02;
constexpr std::size_t kAtaPageBytes = 512;
constexpr std::uint32_t kSectorsPerCommand = 65535;

std::string ata_text(ByteView page, std::size_t first, std::size_t count) {
    std::string text;
    for (std::size_t i = 2 * first; i < 2 * (first + count); i += 2) {
        text += static_cast<char>(page[i + 1]);
        text += static_cast<char>(page[i]);
    }
    return text;
}

void put_padded(MutableByteView into, std::size_t at, std::size_t count, std::string text) {
    text.resize(count, ' ');
    std::copy(text.begin(), text.end(), into.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

std::optional<SatBridge::Disk> SatBridge::disk() {
    Disk disk;
    disk.identify.resize(kAtaPageBytes);
    AtaCommand command;
    command.command = 0xec;
    command.protocol = AtaCommand::Protocol::pio_in;
    command.count = 1;
    command.read_into = disk.identify;
    const auto answer = drive_.submit(command);
    if (answer.error != 0 || !answer.accepted) {
        return std::nullopt;
    }
    const ByteView page(disk.identify);
    disk.serial = ata_text(page, 10, 10);
    disk.firmware = ata_text(page, 23, 4);
    disk.model = ata_text(page, 27, 20);
    disk.lba48 = (page[167] & 0x04U) != 0;
    disk.sectors =
        disk.lba48 ? read_le<std::uint64_t>(page, 200) : read_le<std::uint32_t>(page, 120);
    if (options.shown_sectors != 0) {
        disk.sectors = std::min(disk.sectors, options.shown_sectors);
    }
    if ((page[213] & 0x10U) != 0) {
        disk.sector_bytes = 2 * read_le<std::uint32_t>(page, 234);
    }
    sector_bytes_ = disk.sector_bytes;
    disk.rotation = read_le<std::uint16_t>(page, 434);
    for (std::size_t word = 108; word <= 111; ++word) {
        disk.wwn = disk.wwn << 16U | read_le<std::uint16_t>(page, 2 * word);
    }
    return disk;
}

ScsiCompletion SatBridge::check(std::uint8_t key, std::uint8_t code, std::uint8_t qualifier) const {
    ScsiCompletion completion;
    completion.status = kCheckCondition;
    if (descriptor_sense_) {
        completion.sense = {0x72, key, code, qualifier, 0, 0, 0, 0};
    } else {
        completion.sense.resize(18);
        completion.sense[0] = 0x70;
        completion.sense[2] = key;
        completion.sense[7] = 10;
        completion.sense[12] = code;
        completion.sense[13] = qualifier;
    }
    return completion;
}

ScsiCompletion SatBridge::data_in(const ScsiCommand& command, ByteView data,
                                  std::size_t allocation) const {
    ScsiCompletion completion;
    completion.status = kGood;
    completion.transferred = std::min({data.size(), allocation, command.read_into.size()});
    std::copy_n(data.begin(), completion.transferred, command.read_into.begin());
    return completion;
}

/// For commands that the layer made itself: no ATA registers in the sense.
ScsiCompletion SatBridge::from_ata(const AtaCompletion& answer, std::size_t bytes) const {
    ScsiCompletion completion;
    if (answer.error != 0) {
        completion.host_status = 0x03;  // DID_TIME_OUT
        return completion;
    }
    if (answer.accepted) {
        completion.transferred = bytes;
        return completion;
    }
    if (answer.registers && (answer.registers->error & 0x10U) != 0) {
        return check(0x5, 0x21);  // out of range
    }
    if (answer.registers && (answer.registers->error & 0x40U) != 0) {
        return check(0x3, 0x11, 0x04);
    }
    return check(0xb, 0x00);
}

ScsiCompletion SatBridge::submit(const ScsiCommand& command) {
    EFFACE_ASSERT(command.cdb.size() >= 6);
    const bool always = command.cdb[0] == 0x03 || command.cdb[0] == 0x12 || command.cdb[0] == 0xa0;
    if (!always && std::exchange(attention_, false)) {
        return check(0x6, 0x29, 0x01);
    }
    switch (command.cdb[0]) {
        case 0x00:  // TEST UNIT READY
        case 0x1b:  // START STOP UNIT
        case 0x1e:  // PREVENT ALLOW MEDIUM REMOVAL
            return {};
        case 0x03: {
            const auto none = check(0, 0);
            return data_in(command, none.sense, command.cdb[4]);
        }
        case 0x12:
            return inquiry(command);
        case 0x1a:
        case 0x5a:
            return mode_sense(command);
        case 0x15:
        case 0x55:
            return mode_select(command);
        case 0x25:
        case 0x9e:
            return capacity(command);
        case 0x28:
        case 0x2a:
        case 0x88:
        case 0x8a:
            return read_write(command);
        case 0x35:
        case 0x91:
            return synchronize();
        case 0xa2:
        case 0xb5:
            return security_protocol(command);
        case 0x85:
        case 0xa1:
            return options.no_pass_through ? check(0x5, 0x20) : pass_through(command);
        default:
            return check(0x5, 0x20);
    }
}

ScsiCompletion SatBridge::inquiry(const ScsiCommand& command) {
    const auto known = disk();
    const std::size_t allocation = read_be<std::uint16_t>(command.cdb, 3);
    if (!known) {
        ScsiCompletion completion;
        completion.host_status = 0x03;
        return completion;
    }
    if ((command.cdb[1] & 1U) != 0) {
        return product_data(command, *known);
    }
    Bytes data(96);
    data[2] = 0x06;  // SPC-4
    data[3] = 0x02;
    data[4] = 91;
    data[7] = 0x02;
    put_padded(data, 8, 8, options.vendor);
    put_padded(data, 16, 16, known->model.substr(0, 16));
    put_padded(data, 32, 4, known->firmware.substr(0, 4));
    return data_in(command, data, allocation);
}

ScsiCompletion SatBridge::product_data(const ScsiCommand& command, const Disk& known) {
    const std::uint8_t page = command.cdb[2];
    Bytes data{0, page, 0, 0};
    switch (page) {
        case 0x00:
            data.insert(data.end(), {0x00, 0x80, 0x83});
            data.insert(data.end(), options.information_page ? 1 : 0, std::uint8_t{0x89});
            data.insert(data.end(), {0xb0, 0xb1, 0xb2});
            break;
        case 0x80:
            data.insert(data.end(), known.serial.begin(), known.serial.end());
            break;
        case 0x83:
            // NAA of the logical unit, and the vendor specific serial number.
            data.insert(data.end(), {0x01, 0x03, 0x00, 0x08});
            data.resize(16);
            write_be(data, 8, known.wwn);
            data.insert(data.end(), {0x02, 0x00, 0x00, 0x14});
            data.insert(data.end(), known.serial.begin(), known.serial.end());
            break;
        case 0x89:
            if (!options.information_page) {
                return check(0x5, 0x24);
            }
            data.resize(572);
            put_padded(data, 8, 8, "linux");
            put_padded(data, 16, 16, "libata");
            put_padded(data, 32, 4, known.firmware.substr(0, 4));
            data[36] = 0x34;  // the signature of a disk, as a register FIS
            data[38] = 0x40;
            data[40] = 0x01;
            data[48] = 0x01;
            data[56] = 0xec;
            std::copy(known.identify.begin(), known.identify.end(), data.begin() + 60);
            break;
        case 0xb0:
            data.resize(64);
            write_be<std::uint32_t>(data, 8, 2048);
            break;
        case 0xb1:
            data.resize(64);
            write_be(data, 4, known.rotation);
            break;
        case 0xb2:
            data.resize(8);
            break;
        default:
            return check(0x5, 0x24);
    }
    write_be(data, 2, static_cast<std::uint16_t>(data.size() - 4));
    return data_in(command, data, read_be<std::uint16_t>(command.cdb, 3));
}

ScsiCompletion SatBridge::mode_sense(const ScsiCommand& command) const {
    const bool ten = command.cdb[0] == 0x5a;
    const std::uint8_t page = command.cdb[2] & 0x3fU;
    const bool changeable = (command.cdb[2] >> 6U) == 1;
    Bytes data(ten ? 8 : 4);
    const auto add = [&](Bytes bytes) { data.insert(data.end(), bytes.begin(), bytes.end()); };
    if (page == 0x08 || page == 0x3f) {
        Bytes caching(20);
        caching[0] = 0x08;
        caching[1] = 0x12;
        caching[2] = changeable ? 0 : 0x04;  // write cache enabled
        add(caching);
    }
    if (page == 0x0a || page == 0x3f) {
        Bytes control(12);
        control[0] = 0x0a;
        control[1] = 0x0a;
        control[2] = changeable || descriptor_sense_ ? 0x04 : 0x00;
        add(control);
    }
    if (data.size() <= 8 && page != 0x3f) {
        return check(0x5, 0x24);
    }
    if (ten) {
        write_be(data, 0, static_cast<std::uint16_t>(data.size() - 2));
    } else {
        data[0] = static_cast<std::uint8_t>(data.size() - 1);
    }
    return data_in(command, data, ten ? read_be<std::uint16_t>(command.cdb, 7) : command.cdb[4]);
}

ScsiCompletion SatBridge::mode_select(const ScsiCommand& command) {
    const bool ten = command.cdb[0] == 0x55;
    const ByteView data = command.write_from;
    const std::size_t header = ten ? 8 : 4;
    if (data.size() < header) {
        return check(0x5, 0x1a);
    }
    const std::size_t descriptors = ten ? read_be<std::uint16_t>(data, 6) : data[3];
    const std::size_t at = header + descriptors;
    if (data.size() < at + 3 || (data[at] & 0x3fU) != 0x0a) {
        return check(0x5, 0x26);
    }
    descriptor_sense_ = (data[at + 2] & 0x04U) != 0;
    ScsiCompletion completion;
    completion.transferred = data.size();
    return completion;
}

ScsiCompletion SatBridge::capacity(const ScsiCommand& command) {
    const auto known = disk();
    if (!known) {
        return check(0x2, 0x04);
    }
    const std::uint64_t last = known->sectors - 1;
    if (command.cdb[0] == 0x25) {
        Bytes data(8);
        write_be(data, 0, static_cast<std::uint32_t>(std::min<std::uint64_t>(last, 0xffffffff)));
        write_be(data, 4, known->sector_bytes);
        return data_in(command, data, data.size());
    }
    if ((command.cdb[1] & 0x1fU) != 0x10) {
        return check(0x5, 0x24);
    }
    Bytes data(32);
    write_be(data, 0, last);
    write_be(data, 8, known->sector_bytes);
    return data_in(command, data, read_be<std::uint32_t>(command.cdb, 10));
}

ScsiCompletion SatBridge::read_write(const ScsiCommand& command) {
    const auto known = disk();
    if (!known) {
        return check(0x2, 0x04);
    }
    const Bytes& cdb = command.cdb;
    const bool sixteen = (cdb[0] & 0x80U) != 0;
    const bool write = (cdb[0] & 0x02U) != 0;
    const std::uint64_t lba =
        sixteen ? read_be<std::uint64_t>(cdb, 2) : read_be<std::uint32_t>(cdb, 2);
    const std::uint32_t count =
        sixteen ? read_be<std::uint32_t>(cdb, 10) : read_be<std::uint16_t>(cdb, 7);
    if (count == 0) {
        return {};
    }
    const std::size_t bytes = std::size_t{count} * known->sector_bytes;
    if (count > kSectorsPerCommand || lba >= known->sectors || count > known->sectors - lba) {
        return check(0x5, 0x21);
    }
    if (bytes != (write ? command.write_from.size() : command.read_into.size())) {
        return check(0x5, 0x24);
    }
    AtaCommand ata;
    ata.command = write ? 0x35 : 0x25;  // DMA EXT
    ata.extended = true;
    ata.protocol = write ? AtaCommand::Protocol::pio_out : AtaCommand::Protocol::pio_in;
    ata.count = static_cast<std::uint16_t>(count);
    ata.lba = lba;
    ata.read_into = command.read_into;
    ata.write_from = command.write_from;
    return from_ata(drive_.submit(ata), bytes);
}

ScsiCompletion SatBridge::synchronize() {
    AtaCommand flush;
    flush.command = 0xea;
    flush.extended = true;
    return from_ata(drive_.submit(flush), 0);
}

/// SAT-4, section 12.5: SECURITY PROTOCOL IN and OUT become TRUSTED RECEIVE and SEND.
ScsiCompletion SatBridge::security_protocol(const ScsiCommand& command) {
    const Bytes& cdb = command.cdb;
    const bool in = cdb[0] == 0xa2;
    const std::size_t bytes = command.read_into.size() + command.write_from.size();
    if (bytes == 0 || bytes % kAtaPageBytes != 0 || bytes / kAtaPageBytes > 255) {
        return check(0x5, 0x24);
    }
    AtaCommand ata;
    ata.command = in ? 0x5c : 0x5e;
    ata.protocol = in ? AtaCommand::Protocol::pio_in : AtaCommand::Protocol::pio_out;
    ata.features = cdb[1];
    ata.count = static_cast<std::uint16_t>(bytes / kAtaPageBytes);
    ata.lba = std::uint64_t{read_be<std::uint16_t>(cdb, 2)} << 8U;
    ata.read_into = command.read_into;
    ata.write_from = command.write_from;
    return from_ata(drive_.submit(ata), bytes);
}

}  // namespace efface::fake
