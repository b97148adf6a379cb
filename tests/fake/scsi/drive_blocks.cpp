// SPDX-License-Identifier: Apache-2.0
// The commands that move blocks, and those that carry another protocol.
#include <algorithm>

#include "drive.hpp"
#include "sense_keys.hpp"

namespace efface::fake {

namespace {

constexpr std::uint8_t kDataProtect = 7;
constexpr std::uint8_t kAbortedCommand = 0xb;
constexpr std::uint16_t kNoAccessRights = 0x2002;
constexpr std::uint16_t kDataPhaseError = 0x4b00;
constexpr std::size_t kSecurityBlock = 512;

}  // namespace

device::ScsiCompletion ScsiDrive::move_blocks(const device::ScsiCommand& command) {
    const Bytes& cdb = command.cdb;
    const bool wide = (cdb[0] & 0x80U) != 0;  // the 16-byte forms
    const std::uint64_t block =
        wide ? read_be<std::uint64_t>(cdb, 2) : read_be<std::uint32_t>(cdb, 2);
    std::uint64_t count = wide ? read_be<std::uint32_t>(cdb, 10) : read_be<std::uint16_t>(cdb, 7);
    const bool same = cdb[0] == 0x41 || cdb[0] == 0x93;
    if (same && count == 0 && block < host_blocks_) {
        count = host_blocks_ - block;
    }
    if (block > host_blocks_ || count > host_blocks_ - block) {
        return refused({kIllegalRequest, 0x2100, {}});
    }
    if (locked_ && locked_()) {
        return refused({kDataProtect, kNoAccessRights, {}});
    }
    if (same) {
        return write_same(command, block, count);
    }
    const bool writes = cdb[0] == 0x2a || cdb[0] == 0x8a;
    return writes ? write(command, block, count) : read(command, block, count);
}

device::ScsiCompletion ScsiDrive::read(const device::ScsiCommand& command, std::uint64_t block,
                                       std::uint64_t count) const {
    for (std::uint64_t i = block; i < block + count; ++i) {
        if (unreadable_[i] != Unreadable::no) {
            const bool required = unreadable_[i] == Unreadable::write_required;
            return refused(
                {kMediumError, static_cast<std::uint16_t>(required ? 0x1115 : 0x1100), {}});
        }
    }
    Bytes data(count * options_.block_bytes);
    media_.read(block, data);
    return data_in(command, data, data.size());
}

device::ScsiCompletion ScsiDrive::write(const device::ScsiCommand& command, std::uint64_t block,
                                        std::uint64_t count) {
    const std::size_t bytes = count * options_.block_bytes;
    if (command.write_from.size() < bytes) {
        return refused({kIllegalRequest, 0x2400, {}});
    }
    media_.write(block, command.write_from.first(bytes));
    if (options_.shows_after_write) {
        std::fill(unreadable_.begin(), unreadable_.end(), Unreadable::no);
    }
    std::fill_n(unreadable_.begin() + static_cast<std::ptrdiff_t>(block), count, Unreadable::no);
    Answer answer;
    answer.transferred = bytes;
    return answer;
}

device::ScsiCompletion ScsiDrive::write_same(const device::ScsiCommand& command,
                                             std::uint64_t block, std::uint64_t count) {
    const bool too_long =
        options_.write_same_blocks_max > 0 && count > options_.write_same_blocks_max;
    if (too_long || (command.cdb[1] & 0x08U) != 0 ||
        command.write_from.size() != options_.block_bytes) {
        return refused({kIllegalRequest, 0x2400, {}});
    }
    const std::uint64_t middle = host_blocks_ / 2;
    if (options_.write_same_fails && block <= middle && middle < block + count) {
        return refused({kMediumError, 0x0c00, {}});
    }
    for (std::uint64_t i = block; i < block + count; ++i) {
        media_.write(i, command.write_from);
    }
    std::fill_n(unreadable_.begin() + static_cast<std::ptrdiff_t>(block), count, Unreadable::no);
    Answer answer;
    answer.transferred = options_.block_bytes;
    return answer;
}

/// SPC-5, sections 6.29 and 6.30; TCG Storage Interface Interactions, section 4: what is sent has
/// whole blocks of 512 bytes, an allocation may end anywhere.
device::ScsiCompletion ScsiDrive::secure(const device::ScsiCommand& command) {
    const Bytes& cdb = command.cdb;
    const auto specific = read_be<std::uint16_t>(cdb, 2);
    const std::size_t unit = (cdb[4] & 0x80U) != 0 ? kSecurityBlock : 1;
    const std::size_t bytes = read_be<std::uint32_t>(cdb, 6) * unit;
    const bool sends = cdb[0] == 0xb5;
    const std::size_t there = sends ? command.write_from.size() : command.read_into.size();
    if (bytes > there || bytes == 0 || (sends && bytes % kSecurityBlock != 0)) {
        return refused({kIllegalRequest, 0x2400, {}});
    }
    if (sends) {
        const auto answer = security_->send(cdb[1], specific, command.write_from.first(bytes));
        return answer.error != 0 ? refused({kAbortedCommand, kDataPhaseError, {}})
               : answer.accepted ? Answer{}
                                 : refused({kIllegalRequest, 0x2600, {}});
    }
    Bytes data((bytes + kSecurityBlock - 1) / kSecurityBlock * kSecurityBlock);
    const auto answer = security_->receive(cdb[1], specific, data);
    return answer.error != 0 ? refused({kAbortedCommand, kDataPhaseError, {}})
           : answer.accepted ? data_in(command, data, bytes)
                             : refused({kIllegalRequest, 0x2400, {}});
}

}  // namespace efface::fake
