// SPDX-License-Identifier: Apache-2.0
// Identify structures and log pages of the model.
#include <algorithm>

#include "drive_state.hpp"

namespace efface::fake {

namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kEventHeaderBytes = 512;
constexpr std::uint32_t kAll = 0xffffffff;

void text(MutableByteView page, std::size_t offset, std::size_t length, const std::string& value) {
    for (std::size_t i = 0; i < length; ++i) {
        page[offset + i] = i < value.size() ? static_cast<std::uint8_t>(value[i]) : ' ';
    }
}

/// OUI of nobody (00:00:5e is IANA's) and the namespace's number.
void unique_id(MutableByteView place, std::uint32_t nsid) {
    place[2] = 0x5e;
    place[place.size() - 2] = static_cast<std::uint8_t>(nsid >> 8U);
    place[place.size() - 1] = static_cast<std::uint8_t>(nsid & 0xffU);
}

unsigned shift_of(std::uint32_t block_bytes) {
    unsigned shift = 0;
    while ((1U << shift) < block_bytes) {
        ++shift;
    }
    return shift;
}

}  // namespace

void NvmeDrive::State::identify_controller(MutableByteView page,
                                           std::uint16_t controller_id) const {
    write_le<std::uint16_t>(page, 0, 0x1b36);
    write_le<std::uint16_t>(page, 2, 0x1b36);
    text(page, 4, 20, serial());
    text(page, 24, 40, options.model);
    text(page, 64, 8, options.firmware);
    page[76] = options.controllers > 1 ? 2 : 0;  // CMIC
    page[77] = 5;                                // MDTS: 128 KiB
    write_le<std::uint16_t>(page, 78, controller_id);
    write_le<std::uint32_t>(page, 80, options.version);
    page[111] = 1;  // CNTRLTYPE: I/O controller
    write_le<std::uint16_t>(
        page, 256,
        static_cast<std::uint16_t>((security != nullptr ? 1U : 0U) | (options.format ? 2U : 0U) |
                                   (options.health.reported ? 16U : 0U) |
                                   (options.namespace_management ? 8U : 0U)));
    page[258] = 3;     // ACL
    page[260] = 0x02;  // FRMW: one slot
    page[261] = static_cast<std::uint8_t>(0x02U | (options.event_log ? 0x10U : 0U) | 0x20U);
    std::uint64_t bytes = unallocated.blocks() * unallocated.block_bytes();
    write_le<std::uint64_t>(page, 296, bytes);
    for (const auto& place : spaces) {
        bytes += place.media.blocks() * place.media.block_bytes();
    }
    write_le<std::uint64_t>(page, 280, bytes);
    write_le<std::uint32_t>(page, 328, options.sanicap);
    page[512] = 0x66;
    page[513] = 0x44;
    write_le<std::uint32_t>(page, 516, static_cast<std::uint32_t>(spaces.size()));
    write_le<std::uint16_t>(page, 520, 0x000c);  // ONCS: dataset management, write zeroes
    page[524] = options.fna;
    page[525] = 1;  // VWC
    std::copy(options.subsystem_nqn.begin(), options.subsystem_nqn.end(), page.begin() + 768);
}

void NvmeDrive::State::identify_space(MutableByteView page, std::uint32_t nsid) const {
    const auto& place = spaces[nsid - 1];
    for (const std::size_t offset : {0U, 8U, 16U}) {
        write_le<std::uint64_t>(page, offset, place.media.blocks());
    }
    page[30] = options.controllers > 1 ? 1 : 0;                       // NMIC
    page[33] = static_cast<std::uint8_t>(options.deallocated_reads);  // DLFEAT
    write_le<std::uint64_t>(page, 48, place.media.blocks() * place.media.block_bytes());
    page[99] = place.options.write_protected ? 1 : 0;  // NSATTR
    unique_id(page.subspan(104, 16), nsid);
    unique_id(page.subspan(120, 8), nsid);
    page[130] = static_cast<std::uint8_t>(shift_of(place.media.block_bytes()));
}

std::uint16_t NvmeDrive::State::identify(const device::NvmeCommand& command,
                                         std::uint16_t controller_id) {
    const auto page = command.read_into;
    const std::uint32_t cns = command.cdw10 & 0xffU;
    if (page.size() != kPageBytes) {
        return kInvalidField;
    }
    std::fill(page.begin(), page.end(), std::uint8_t{0});
    const NvmeSpace* place = space(command.nsid);
    switch (cns) {
        case 0x00:
        case 0x11:
            if (place == nullptr) {
                return kInvalidNamespace;
            }
            if (place->options.attached || cns == 0x11) {
                identify_space(page, command.nsid);
            }
            return 0;
        case 0x01:
            identify_controller(page, controller_id);
            return 0;
        case 0x02:
        case 0x10: {
            if (cns == 0x10 && !options.namespace_management) {
                return kInvalidField;
            }
            std::size_t at = 0;
            for (std::size_t i = 0; i < spaces.size() && at < page.size(); ++i) {
                if (i + 1 > command.nsid && listed(i) &&
                    (cns == 0x10 || spaces[i].options.attached)) {
                    write_le<std::uint32_t>(page, at, static_cast<std::uint32_t>(i + 1));
                    at += 4;
                }
            }
            return 0;
        }
        case 0x03:
            if (place == nullptr || !place->options.attached) {
                return kInvalidNamespace;
            }
            page[0] = 2;  // NGUID
            page[1] = 16;
            unique_id(page.subspan(4, 16), command.nsid);
            return 0;
        case 0x06:  // NVM command set specific, all of it optional
            return 0;
        case 0x1c:
            page[0] = 1;
            return 0;
        default:
            return kInvalidField;
    }
}

Bytes NvmeDrive::State::sanitize_log() const {
    Bytes page(512);
    if (options.lies.status_log_zero) {
        return page;
    }
    const unsigned passes =
        outcome == 1 && (scdw10 & 7U) == 3 ? std::max(1U, (scdw10 >> 4U) & 0xfU) : 0;
    const bool told_erased = global_data_erased && options.tells_erased;
    write_le<std::uint16_t>(page, 0, sprog());
    write_le<std::uint16_t>(
        page, 2,
        static_cast<std::uint16_t>(outcome | (passes << 3U) | (told_erased ? 0x100U : 0U) |
                                   (verification_cancelled ? 0x200U : 0U)));
    write_le<std::uint32_t>(page, 4, scdw10 & options.scdw10_told);
    const auto estimate = [&](std::size_t offset, std::uint32_t seconds) {
        write_le<std::uint32_t>(page, offset, seconds);
        write_le<std::uint32_t>(page, offset + 12, seconds);
    };
    estimate(8, options.overwrite_estimate);
    estimate(12, options.block_estimate);
    estimate(16, options.crypto_estimate);
    write_le<std::uint32_t>(page, 32,
                            static_cast<std::uint32_t>(options.deallocation_time.count() / 1000));
    if (options.version >= 0x00020100) {
        page[36] = static_cast<std::uint8_t>(static_cast<unsigned>(machine) |
                                             (unsigned{failed_state} << 4U));
    }
    return page;
}

Bytes NvmeDrive::State::smart_log() const {
    Bytes page(512);
    const auto& health = options.health;
    page[0] = failure() || health.failing ? 0x08 : 0x00;
    write_le<std::uint16_t>(page, 1, static_cast<std::uint16_t>(273 + health.celsius));
    page[3] = health.spare_percent;
    page[4] = 10;
    page[5] = health.wear_percent;
    write_le<std::uint64_t>(page, 48, health.units_written);
    write_le<std::uint64_t>(page, 112, power_cycles);
    write_le<std::uint64_t>(page, 128, health.hours);
    write_le<std::uint64_t>(page, 160, health.media_errors);
    write_le<std::uint64_t>(page, 176, health.logged_errors);
    return page;
}

Bytes NvmeDrive::State::event_log() const {
    Bytes page(kEventHeaderBytes);
    for (const auto& event : events) {
        const std::size_t at = page.size();
        page.resize(at + 24 + event.data.size());
        page[at] = event.type;
        page[at + 1] = 1;
        page[at + 2] = 21;
        write_le<std::uint16_t>(page, at + 4, 1);
        write_le<std::uint64_t>(page, at + 6, event.milliseconds);
        write_le<std::uint16_t>(page, at + 22, static_cast<std::uint16_t>(event.data.size()));
        std::copy(event.data.begin(), event.data.end(),
                  page.begin() + static_cast<std::ptrdiff_t>(at + 24));
    }
    page[0] = 0x0d;
    write_le<std::uint32_t>(page, 4, static_cast<std::uint32_t>(events.size()));
    write_le<std::uint64_t>(page, 8, page.size());
    page[16] = 3;
    write_le<std::uint16_t>(page, 18, kEventHeaderBytes - 20);
    text(page, 56, 20, serial());
    text(page, 76, 40, options.model);
    return page;
}

std::uint16_t NvmeDrive::State::log_page(const device::NvmeCommand& command) {
    const std::uint32_t identifier = command.cdw10 & 0xffU;
    const std::uint32_t specific = (command.cdw10 >> 8U) & 0x7fU;
    Bytes page;
    switch (identifier) {
        case 0x00:
            page.resize(1024);
            for (const std::size_t one : {0x00U, 0x01U, 0x02U, 0x03U, 0x05U, 0x81U}) {
                page[one * 4] = 1;
            }
            page[0x0d * 4] = options.event_log ? 1 : 0;
            break;
        case 0x01:
        case 0x03:
        case 0x04:
            page.resize(4096);
            break;
        case 0x02:
            if (!options.health.reported) {
                return kInvalidLogPage;
            }
            page = smart_log();
            break;
        case 0x06:
            page.resize(564);
            page[4] = 0x10;  // a short one, completed without error
            break;
        case 0x05:
            page.resize(4096);
            for (const std::size_t opcode : {0x02U, 0x06U, 0x09U, 0x0aU, 0x81U, 0x82U}) {
                page[opcode * 4] = 1;
            }
            write_le<std::uint32_t>(page, 0x80 * 4, 0x00020003);  // one command at a time, LBCC
            write_le<std::uint32_t>(page, 0x84 * 4, 0x00020003);
            for (const std::size_t opcode : {0x00U, 0x01U, 0x02U, 0x08U, 0x09U}) {
                page[1024 + opcode * 4] = opcode == 0 || opcode == 2 ? 1 : 3;
            }
            break;
        case 0x0d:
            if (!options.event_log) {
                return kInvalidLogPage;
            }
            if (processing()) {
                return kSanitizeInProgress;
            }
            if ((specific == 0 && !event_context) || (specific == 1 && event_context)) {
                return kSequenceError;
            }
            event_context = specific != 2;
            page = event_log();
            break;
        case 0x81:
            if ((options.sanicap & 7U) == 0) {
                return kInvalidLogPage;
            }
            page = sanitize_log();
            break;
        default:
            return kInvalidLogPage;
    }
    const std::uint64_t offset = command.cdw12 | (std::uint64_t{command.cdw13} << 32U);
    for (std::size_t i = 0; i < command.read_into.size(); ++i) {
        command.read_into[i] = offset + i < page.size() ? page[offset + i] : std::uint8_t{0};
    }
    return command.nsid == 0 || command.nsid == kAll || space(command.nsid) != nullptr
               ? std::uint16_t{0}
               : kInvalidNamespace;
}

}  // namespace efface::fake
