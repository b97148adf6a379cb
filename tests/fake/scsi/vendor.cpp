// SPDX-License-Identifier: Apache-2.0
#include "vendor.hpp"

#include <algorithm>

namespace efface::fake {

namespace {

constexpr std::uint8_t kSanitizeOverwrite = 1;

std::size_t offset_of_page_list(ByteView page) {
    return std::min<std::size_t>(page.size(), 4);
}

}  // namespace

bool ScsiVendor::misses(std::uint8_t page) const {
    const auto& missing = options_.missing_pages;
    return std::find(missing.begin(), missing.end(), page) != missing.end();
}

ScsiVendor::Refusal ScsiVendor::refusal_of_question(const Bytes& cdb) const {
    using Opcodes = ScsiVendorOptions::Opcodes;
    const unsigned reporting = cdb[2] & 0x07U;
    switch (options_.opcodes) {
        case Opcodes::all:
            return Refusal::none;
        case Opcodes::none:
            return Refusal::opcode;
        case Opcodes::list_only:
            return reporting == 0 ? Refusal::none : Refusal::field;
        case Opcodes::no_actions:
            return reporting == 1 ? Refusal::none : Refusal::field;
    }
    return Refusal::none;
}

ScsiVendor::Refusal ScsiVendor::refusal_of_erase(const device::ScsiCommand& command) const {
    const Bytes& cdb = command.cdb;
    if (cdb[0] == 0x48) {
        if (options_.sanitize_waits && (cdb[1] & 0x80U) != 0) {
            return Refusal::field;
        }
        const bool overwrites = (cdb[1] & 0x1fU) == kSanitizeOverwrite;
        const bool known =
            overwrites && options_.pattern_bytes != 0 && command.write_from.size() >= 4;
        return known && read_be<std::uint16_t>(command.write_from, 2) != options_.pattern_bytes
                   ? Refusal::list
                   : Refusal::none;
    }
    if (cdb[0] == 0x04) {
        const bool has_list = (cdb[1] & 0x10U) != 0;
        if (has_list && options_.format_without_list) {
            return Refusal::field;
        }
        const bool immediate =
            has_list && command.write_from.size() >= 2 && (command.write_from[1] & 0x02U) != 0;
        return immediate && options_.format_waits ? Refusal::list : Refusal::none;
    }
    const bool ten = cdb[0] == 0x41;
    if (!ten && options_.write_same_ten_only) {
        return Refusal::opcode;
    }
    const std::uint32_t count =
        ten ? read_be<std::uint16_t>(cdb, 7) : read_be<std::uint32_t>(cdb, 10);
    const bool too_many = options_.write_same_most != 0 && count > options_.write_same_most;
    return too_many ? Refusal::field : Refusal::none;
}

ScsiVendor::Refusal ScsiVendor::refusal(const device::ScsiCommand& command) const {
    const Bytes& cdb = command.cdb;
    const bool sixteen = cdb[0] >= 0x80 && cdb[0] < 0xa0;
    if (sixteen && options_.ten_byte_only) {
        return Refusal::opcode;
    }
    switch (cdb[0]) {
        case 0x12:
            return (cdb[1] & 1U) != 0 && misses(cdb[2]) ? Refusal::field : Refusal::none;
        case 0x1a:
        case 0x5a:
            return options_.no_modes ? Refusal::opcode : Refusal::none;
        case 0xa0:
            return options_.no_luns ? Refusal::opcode : Refusal::none;
        case 0xa3:
            return (cdb[1] & 0x1fU) == 0x0c ? refusal_of_question(cdb) : Refusal::none;
        case 0x04:
        case 0x48:
        case 0x41:
        case 0x93:
            return refusal_of_erase(command);
        default:
            return Refusal::none;
    }
}

device::ScsiCompletion ScsiVendor::refused(Refusal how) const {
    const std::uint8_t code = how == Refusal::opcode ? 0x20 : how == Refusal::field ? 0x24 : 0x26;
    device::ScsiCompletion completion;
    completion.status = 2;
    if (options_.descriptor_sense) {
        completion.sense = {0x72, 5, code, 0, 0, 0, 0, 0};
    } else {
        completion.sense = {0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, code, 0, 0, 0, 0, 0};
    }
    return completion;
}

/// The list of pages, and sense data that tells less or more.
void ScsiVendor::rewrite(const device::ScsiCommand& command,
                         device::ScsiCompletion& completion) const {
    const auto forget_progress = [&](MutableByteView sense) {
        if (options_.no_progress && sense.size() >= 18 && (sense[0] & 0x7fU) == 0x70) {
            std::fill(sense.begin() + 15, sense.begin() + 18, std::uint8_t{0});
        } else if (options_.no_progress && sense.size() >= 16 && (sense[0] & 0x7fU) == 0x72) {
            std::fill(sense.begin() + 12, sense.begin() + 15, std::uint8_t{0});
        }
    };
    forget_progress(completion.sense);
    const auto data =
        command.read_into.first(std::min(command.read_into.size(), completion.transferred));
    if (command.cdb[0] == 0x03) {
        forget_progress(data);
        const bool idle = data.size() >= 14 && data[0] == 0x70 && data[2] == 0 && data[12] == 0;
        if (idle && options_.idle_code != 0) {
            write_be<std::uint16_t>(data, 12, options_.idle_code);
        }
    }
    if (command.cdb[0] == 0x12 && command.cdb[1] == 1 && command.cdb[2] == 0) {
        std::size_t kept = offset_of_page_list(data);
        for (std::size_t at = kept; at < data.size(); ++at) {
            if (!misses(data[at])) {
                data[kept++] = data[at];
            }
        }
        write_be<std::uint16_t>(data, 2, static_cast<std::uint16_t>(kept - 4));
        completion.transferred = kept;
    }
}

device::ScsiCompletion ScsiVendor::submit(const device::ScsiCommand& command) {
    const auto how = refusal(command);
    if (how != Refusal::none) {
        return refused(how);
    }
    auto completion = disk_.submit(command);
    rewrite(command, completion);
    return completion;
}

}  // namespace efface::fake
