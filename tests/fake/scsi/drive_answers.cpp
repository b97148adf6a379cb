// SPDX-License-Identifier: Apache-2.0
// What the disk says of itself: INQUIRY, sense, modes, capacity, elements, supported commands.
#include <algorithm>
#include <array>

#include "drive.hpp"
#include "sense_keys.hpp"

namespace efface::fake {

namespace {

struct Command {
    std::uint8_t opcode;
    bool has_action;
    std::uint16_t action;
    std::uint16_t cdb_bytes;
};
// In the order that a report of all commands gives.
constexpr std::array kCommands{
    Command{0x00, false, 0, 6},    Command{0x03, false, 0, 6},    Command{0x04, false, 0, 6},
    Command{0x12, false, 0, 6},    Command{0x15, false, 0, 6},    Command{0x1a, false, 0, 6},
    Command{0x1b, false, 0, 6},    Command{0x1e, false, 0, 6},    Command{0x25, false, 0, 10},
    Command{0x28, false, 0, 10},   Command{0x2a, false, 0, 10},   Command{0x35, false, 0, 10},
    Command{0x41, false, 0, 10},   Command{0x4d, false, 0, 10},   Command{0x48, true, 0x01, 10},
    Command{0x48, true, 0x02, 10}, Command{0x48, true, 0x03, 10}, Command{0x48, true, 0x1f, 10},
    Command{0x55, false, 0, 10},   Command{0x5a, false, 0, 10},   Command{0x88, false, 0, 16},
    Command{0x8a, false, 0, 16},   Command{0x91, false, 0, 16},   Command{0x93, false, 0, 16},
    Command{0x9e, true, 0x10, 16}, Command{0x9e, true, 0x17, 16}, Command{0x9e, true, 0x19, 16},
    Command{0xa0, false, 0, 12},   Command{0xa2, false, 0, 12},   Command{0xa3, true, 0x0c, 12},
    Command{0xb5, false, 0, 12},   Command{0xb7, false, 0, 12}};

void append_be32(Bytes& bytes, std::uint32_t value) {
    bytes.resize(bytes.size() + 4);
    write_be<std::uint32_t>(bytes, bytes.size() - 4, value);
}

void put_text(Bytes& bytes, std::size_t at, std::size_t length, std::string text) {
    text.resize(length, ' ');
    std::copy(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

bool ScsiDrive::supports(std::uint8_t opcode, std::uint16_t action) const {
    const bool listed =
        std::any_of(kCommands.begin(), kCommands.end(), [&](const Command& command) {
            return command.opcode == opcode && (!command.has_action || command.action == action);
        });
    switch (opcode) {
        case 0x04:
            return options_.has_format;
        case 0x41:
        case 0x93:
            return options_.has_write_same;
        case 0x48: {
            const bool any =
                options_.has_overwrite || options_.has_block_erase || options_.has_crypto_erase;
            return listed && (action == 1   ? options_.has_overwrite
                              : action == 2 ? options_.has_block_erase
                              : action == 3 ? options_.has_crypto_erase
                                            : any);
        }
        case 0x9e:
            return listed && (action == 0x10 || options_.depopulated_blocks > 0);
        case 0xa2:
        case 0xb5:
            return security_ != nullptr;
        case 0xa3:
            return listed && options_.reports_opcodes;
        default:
            return listed;
    }
}

device::ScsiCompletion ScsiDrive::ask(const device::ScsiCommand& command) {
    const Bytes& cdb = command.cdb;
    switch (cdb[0]) {
        case 0x03:
            return request_sense(command);
        case 0x12:
            return inquiry(command);
        case 0x1a:
        case 0x5a:
            return mode_sense(command);
        case 0x25:
            return read_capacity(command);
        case 0x4d:
            return log_sense(command);
        case 0xb7:
            return defect_data(command);
        case 0x9e:
            if (cdb[1] == 0x19) {
                begin(State::restoring, options_.restore_time);
                return {};
            }
            return cdb[1] == 0x17 ? element_status(command) : read_capacity(command);
        case 0xa0: {
            Bytes luns(8, 0);
            write_be<std::uint32_t>(luns, 0, options_.logical_units * 8);
            for (std::uint32_t lun = 0; lun < options_.logical_units; ++lun) {
                append_be32(luns, lun << 16U);
                append_be32(luns, 0);
            }
            return data_in(command, luns, read_be<std::uint32_t>(cdb, 6));
        }
        case 0xa3:
            return report_opcodes(command);
        default:
            return refused({kIllegalRequest, 0x2000, {}});
    }
}

Bytes ScsiDrive::encode(const Sense& sense, bool descriptor) const {
    const auto asc = static_cast<std::uint8_t>(sense.code >> 8U);
    const auto ascq = static_cast<std::uint8_t>(sense.code & 0xffU);
    if (!descriptor) {
        Bytes bytes{0x70, 0, sense.key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0};
        if (sense.progress) {
            bytes[15] = 0x80;
            write_be<std::uint16_t>(bytes, 16, *sense.progress);
        }
        return bytes;
    }
    Bytes bytes{0x72, sense.key, asc, ascq, 0, 0, 0, 0};
    if (sense.progress) {
        bytes[7] = 8;
        bytes.insert(bytes.end(), {2, 6, 0, 0, 0x80, 0, 0, 0});
        write_be<std::uint16_t>(bytes, 13, *sense.progress);
    }
    return bytes;
}

device::ScsiCompletion ScsiDrive::request_sense(const device::ScsiCommand& command) {
    Sense sense;
    if (busy()) {
        sense = running_sense();
    } else if (attention_) {
        sense = {6, *attention_, std::nullopt};
        attention_.reset();
    } else if (state_ == State::sanitize_failed || state_ == State::format_failed) {
        sense = {3, static_cast<std::uint16_t>(state_ == State::sanitize_failed ? 0x3103 : 0x3101),
                 std::nullopt};
    }
    const bool descriptor = (command.cdb[1] & 0x01U) != 0;
    return data_in(command, encode(sense, descriptor), command.cdb[4]);
}

device::ScsiCompletion ScsiDrive::inquiry(const device::ScsiCommand& command) const {
    const Bytes& cdb = command.cdb;
    const std::size_t allocation = read_be<std::uint16_t>(cdb, 3);
    if ((cdb[1] & 0x01U) != 0) {
        const auto page = vital_page(cdb[2]);
        return page ? data_in(command, *page, allocation) : refused({kIllegalRequest, 0x2400, {}});
    }
    Bytes data(96, 0);
    data[0] = options_.device_type;
    data[2] = 7;  // SPC-5
    data[3] = 2;
    data[4] = 91;
    data[5] = options_.protection_type > 0 ? 1 : 0;
    data[7] = 2;
    put_text(data, 8, 8, options_.vendor);
    put_text(data, 16, 16, options_.product);
    put_text(data, 32, 4, options_.revision);
    return data_in(command, data, allocation);
}

std::optional<Bytes> ScsiDrive::vital_page(std::uint8_t page) const {
    Bytes data;
    switch (page) {
        case 0x00:
            data = {0, 0, 0, 0, 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2};
            if (options_.translation_layer) {
                data.insert(data.begin() + 7, 0x89);
            }
            break;
        case 0x80:
            data.resize(4 + options_.serial.size());
            put_text(data, 4, options_.serial.size(), options_.serial);
            break;
        case 0x83:
            data = Bytes(16, 0);
            data[4] = 1;  // binary
            data[5] = 3;  // NAA of the logical unit
            data[7] = 8;
            write_be<std::uint64_t>(data, 8, options_.naa);
            break;
        case 0x89:
            if (!options_.translation_layer) {
                return std::nullopt;
            }
            data = Bytes(572, 0);
            put_text(data, 8, 28, "LINUX   libata          3.00");
            data[56] = 0xec;
            data[60] = 0x40;
            break;
        case 0xb0:
            data = Bytes(64, 0);
            write_be<std::uint64_t>(data, 36, options_.write_same_blocks_max);
            break;
        case 0xb1:
            data = Bytes(64, 0);
            write_be<std::uint16_t>(data, 4, options_.rotation);
            data[7] = static_cast<std::uint8_t>((options_.after_block_erase << 6U) |
                                                (options_.after_crypto_erase << 4U));
            data[8] = static_cast<std::uint8_t>(options_.zoned << 4U);
            break;
        case 0xb2:
            data = Bytes(8, 0);
            break;
        default:
            return std::nullopt;
    }
    data[0] = options_.device_type;
    data[1] = page;
    write_be<std::uint16_t>(data, 2, static_cast<std::uint16_t>(data.size() - 4));
    return data;
}

device::ScsiCompletion ScsiDrive::report_opcodes(const device::ScsiCommand& command) const {
    const Bytes& cdb = command.cdb;
    const std::size_t allocation = read_be<std::uint32_t>(cdb, 6);
    const unsigned option = cdb[2] & 0x07U;
    const auto action = read_be<std::uint16_t>(cdb, 4);
    if (option == 0) {
        Bytes data(4, 0);
        for (const Command& one : kCommands) {
            if (supports(one.opcode, one.action)) {
                const auto high = static_cast<std::uint8_t>(one.action >> 8U);
                const auto low = static_cast<std::uint8_t>(one.action & 0xffU);
                const auto length = static_cast<std::uint8_t>(one.cdb_bytes);
                data.insert(data.end(), {one.opcode, 0, high, low, 0,
                                         static_cast<std::uint8_t>(one.has_action), 0, length});
            }
        }
        write_be<std::uint32_t>(data, 0, static_cast<std::uint32_t>(data.size() - 4));
        return data_in(command, data, allocation);
    }
    const auto* found = std::find_if(kCommands.begin(), kCommands.end(), [&](const Command& one) {
        return one.opcode == cdb[3] && (!one.has_action || option == 1 || one.action == action);
    });
    // A service action must be named for a command that has some, and only for such.
    if (found != kCommands.end() && found->has_action == (option == 1)) {
        return refused({kIllegalRequest, 0x2400, {}});
    }
    Bytes data(4, 0);
    data[1] = 1;
    if (found != kCommands.end() && supports(cdb[3], action)) {
        data[1] = 3;
        write_be<std::uint16_t>(data, 2, found->cdb_bytes);
        data.resize(4U + found->cdb_bytes, 0xff);
        data[4] = cdb[3];
    }
    return data_in(command, data, allocation);
}

Bytes ScsiDrive::mode_pages(std::uint8_t control, std::uint8_t page) const {
    const bool changeable = control == 1;
    Bytes pages;
    if (page == 0x01 || page == 0x3f) {
        pages.insert(pages.end(), {0x81, 10});
        pages.resize(pages.size() + 10);
    }
    if (page == 0x08 || page == 0x3f) {
        pages.insert(pages.end(), {0x88, 18});
        pages.resize(pages.size() + 18);
    }
    if (page == 0x0a || page == 0x3f) {
        Bytes body(12, 0);
        body[0] = 0x8a;
        body[1] = 10;
        const bool on = control == 2 ? options_.descriptor_sense : descriptor_sense_;
        body[2] = changeable || on ? 0x04 : 0x00;
        write_be<std::uint16_t>(body, 10, changeable ? 0 : options_.self_test_seconds);
        pages.insert(pages.end(), body.begin(), body.end());
    }
    return pages;
}

device::ScsiCompletion ScsiDrive::mode_sense(const device::ScsiCommand& command) const {
    const Bytes& cdb = command.cdb;
    const bool ten = cdb[0] == 0x5a;
    const auto control = static_cast<std::uint8_t>(cdb[2] >> 6U);
    const bool long_form = ten && (cdb[1] & 0x10U) != 0;
    const Bytes pages = mode_pages(control, cdb[2] & 0x3fU);
    if (pages.empty()) {
        return refused({kIllegalRequest, 0x2400, {}});
    }
    Bytes descriptor;
    if ((cdb[1] & 0x08U) == 0) {
        const bool as_made = control == 2 && options_.tells_as_made_capacity;
        const std::uint64_t native =
            options_.blocks - (depopulated_ ? options_.depopulated_blocks : 0);
        const std::uint64_t blocks = as_made ? native : host_blocks_;
        descriptor.resize(long_form ? 16 : 8);
        if (long_form) {
            write_be<std::uint64_t>(descriptor, 0, blocks);
            write_be<std::uint32_t>(descriptor, 12, options_.block_bytes);
        } else {
            write_be<std::uint32_t>(descriptor, 0, static_cast<std::uint32_t>(blocks));
            write_be<std::uint32_t>(descriptor, 4, options_.block_bytes);
        }
    }
    Bytes data(ten ? 8 : 4, 0);
    data.insert(data.end(), descriptor.begin(), descriptor.end());
    data.insert(data.end(), pages.begin(), pages.end());
    if (ten) {
        write_be<std::uint16_t>(data, 0, static_cast<std::uint16_t>(data.size() - 2));
        data[4] = long_form ? 1 : 0;
        data[7] = static_cast<std::uint8_t>(descriptor.size());
        return data_in(command, data, read_be<std::uint16_t>(cdb, 7));
    }
    data[0] = static_cast<std::uint8_t>(data.size() - 1);
    data[3] = static_cast<std::uint8_t>(descriptor.size());
    return data_in(command, data, cdb[4]);
}

device::ScsiCompletion ScsiDrive::mode_select(const device::ScsiCommand& command) {
    const bool ten = command.cdb[0] == 0x55;
    const ByteView list = command.write_from;
    const std::size_t header = ten ? 8 : 4;
    if (list.size() < header) {
        return refused({kIllegalRequest, 0x1a00, {}});
    }
    const std::size_t descriptor = ten ? list[7] : list[3];
    const bool long_form = ten && (list[4] & 0x01U) != 0;
    if (descriptor > list.size() - header ||
        (descriptor > 0 && descriptor != (long_form ? 16 : 8))) {
        return refused({kIllegalRequest, 0x2600, {}});
    }
    if (descriptor > 0) {
        const std::uint64_t native =
            options_.blocks - (depopulated_ ? options_.depopulated_blocks : 0);
        const std::uint64_t all = long_form ? ~std::uint64_t{0} : 0xffffffffU;
        const std::uint64_t wanted =
            long_form ? read_be<std::uint64_t>(list, header) : read_be<std::uint32_t>(list, header);
        const auto bytes = read_be<std::uint32_t>(list, header + (long_form ? 12 : 4)) & 0xffffffU;
        if (bytes != 0 && bytes != options_.block_bytes) {
            // SBC-4, 6.5.2: it holds from the next FORMAT UNIT on.
            const bool known = bytes == 512 || bytes == 520 || bytes == 524 || bytes == 528 ||
                               bytes == 4096 || bytes == 4160;
            if (!options_.changes_sectors || !known || (ten && options_.short_descriptors_only)) {
                return refused({kIllegalRequest, 0x2600, {}});
            }
            next_block_bytes_ = bytes;
        } else if (wanted != all && wanted > native) {
            return refused({kIllegalRequest, 0x2600, {}});
        } else if (wanted != 0) {
            next_block_bytes_ = 0;
            host_blocks_ = wanted == all ? native : wanted;
        }
    }
    const ByteView page = list.subspan(header + descriptor);
    if (page.size() >= 12 && page[0] == 0x0a) {
        descriptor_sense_ = (page[2] & 0x04U) != 0;
    }
    Answer answer;
    answer.transferred = list.size();
    return answer;
}

device::ScsiCompletion ScsiDrive::read_capacity(const device::ScsiCommand& command) const {
    if (command.cdb[0] == 0x25) {
        Bytes data(8, 0);
        const std::uint64_t last = std::min<std::uint64_t>(host_blocks_ - 1, 0xffffffffU);
        write_be<std::uint32_t>(data, 0, static_cast<std::uint32_t>(last));
        write_be<std::uint32_t>(data, 4, options_.block_bytes);
        return data_in(command, data, data.size());
    }
    Bytes data(32, 0);
    write_be<std::uint64_t>(data, 0, host_blocks_ - 1);
    write_be<std::uint32_t>(data, 8, options_.block_bytes);
    if (options_.protection_type > 0) {
        data[12] = static_cast<std::uint8_t>(((options_.protection_type - 1U) << 1U) | 1U);
    }
    return data_in(command, data, read_be<std::uint32_t>(command.cdb, 10));
}

device::ScsiCompletion ScsiDrive::element_status(const device::ScsiCommand& command) const {
    Bytes data(96, 0);
    write_be<std::uint32_t>(data, 0, 2);
    write_be<std::uint32_t>(data, 4, 2);
    for (std::size_t i = 0; i < 2; ++i) {
        const std::size_t at = 32 + i * 32;
        const bool second = i == 1;
        write_be<std::uint32_t>(data, at + 4, static_cast<std::uint32_t>(i + 1));
        data[at + 13] = second && options_.element_restorable ? 1 : 0;
        data[at + 14] = 1;
        data[at + 15] = second && depopulated_ ? 0xff : 0x20;
        write_be<std::uint64_t>(
            data, at + 16,
            second ? options_.depopulated_blocks : options_.blocks - options_.depopulated_blocks);
    }
    return data_in(command, data, read_be<std::uint32_t>(command.cdb, 10));
}

}  // namespace efface::fake
