// SPDX-License-Identifier: Apache-2.0
#include "drive.hpp"

#include <algorithm>
#include <cerrno>

namespace efface::fake {

using device::AtaCommand;
using device::AtaCompletion;
using device::AtaRegisters;

AtaDrive::AtaDrive(const AtaDriveOptions& what, const Clock& clock,
                   device::SecurityTransport* trusted)
    : options(what),
      clock_(clock),
      trusted_(trusted),
      media_(what.blocks, what.block_bytes, what.spare_blocks),
      accessible_(what.blocks - what.overlay_blocks - what.protected_blocks -
                  what.above_accessible_blocks),
      overlay_set_(what.overlay_blocks > 0) {
    power_cycle();
}

void AtaDrive::power_cycle() {
    tick();
    if (sanitize_ == Sanitize::frozen || sanitize_ == Sanitize::succeeded) {
        sanitize_ = Sanitize::idle;  // COUNT bit 15 stays as it was
    }
    antifreeze_ = false;
    security_frozen_ = options.frozen_at_power_on;
    overlay_frozen_ = options.overlay_frozen_at_power_on;
    locked_ = password_.has_value();
    attempts_left_ = 5;
    set_max_used_ = false;
    previous_ = 0;
    reverting_.clear();
    if (options.another_identity && !counts_.empty()) {
        options.serial = "SOMEOTHER0";
    }
}

void AtaDrive::reset() {
    tick();
    if (sanitize_ == Sanitize::frozen) {
        sanitize_ = Sanitize::idle;
    }
    security_frozen_ = options.frozen_at_power_on;
    attempts_left_ = 5;
    previous_ = 0;
    reverting_.clear();
    if (options.another_identity) {
        options.serial = "SOMEOTHER0";
    }
}

void AtaDrive::freeze() {
    security_frozen_ = true;
}

void AtaDrive::set_password_of_somebody() {
    password_ = Bytes(32, 0x5a);
}

unsigned AtaDrive::commands_of(std::uint8_t code) const {
    const auto found = counts_.find(code);
    return found == counts_.end() ? 0 : found->second;
}

AtaRegisters AtaDrive::good(std::uint64_t lba, std::uint16_t count) const {
    return {.status = 0x50, .error = 0, .count = count, .lba = lba, .device = 0x40};
}

AtaRegisters AtaDrive::abort(std::uint8_t error, std::uint64_t lba) const {
    return {.status = 0x51, .error = error, .count = 0, .lba = lba, .device = 0x40};
}

AtaCompletion AtaDrive::submit(const AtaCommand& command) {
    tick();
    ++counts_[command.command];
    AtaCompletion completion;
    if (options.hangs_while_sanitizing && sanitize_ == Sanitize::running) {
        completion.error = ETIMEDOUT;
        return completion;
    }
    bool lost = false;
    const AtaRegisters registers = execute(command, lost);
    previous_ = command.command;
    if (lost) {
        completion.error = EIO;
        return completion;
    }
    completion.accepted = !registers.failed();
    if (options.registers_lost) {
        completion.note = "the model keeps its registers to itself";
    } else {
        completion.registers = registers;
    }
    return completion;
}

bool AtaDrive::refused_while_sanitizing(const AtaCommand& command) const {
    if (sanitize_ != Sanitize::running && sanitize_ != Sanitize::failed) {
        return false;
    }
    switch (command.command) {
        case 0xec:
        case 0xe5:
        case 0xb4:
        case 0xf2:
            return false;
        case 0x2f:
            return (command.lba & 0xffU) != 0x10 && (command.lba & 0xffU) != 0x30;
        default:
            return true;
    }
}

bool AtaDrive::refused_while_locked(const AtaCommand& command) const {
    if (!locked_) {
        return false;
    }
    switch (command.command) {
        case 0xec:
        case 0xe5:
        case 0x27:
        case 0xf8:
        case 0x2f:
        case 0xe7:
        case 0xea:
        case 0xf2:
        case 0xf3:
        case 0xf4:
            return false;
        case 0xb4:
            return command.features != 0;
        default:
            return true;
    }
}

AtaRegisters AtaDrive::execute(const AtaCommand& command, bool& lost) {
    if (refused_while_sanitizing(command) || refused_while_locked(command)) {
        return abort();
    }
    switch (command.command) {
        case 0xec: {
            const Bytes page = identify();
            std::copy_n(page.begin(), std::min(page.size(), command.read_into.size()),
                        command.read_into.begin());
            return good();
        }
        case 0xe5:
            return good(0, options.standby ? 0x00 : 0xff);
        case 0xe7:
        case 0xea:
        case 0xe0:
            return good();
        case 0xb0:
            return smart(command);
        case 0x2f:
            return read_log(command);
        case 0x20:
        case 0x24:
        case 0x25:
        case 0xc8:
        case 0x30:
        case 0x34:
        case 0x35:
        case 0xca:
            return transfer(command);
        case 0x5c:
        case 0x5e:
            return trusted(command, lost);
        case 0xb4:
            return sanitize(command);
        case 0xf1:
        case 0xf2:
        case 0xf3:
        case 0xf4:
        case 0xf5:
        case 0xf6:
            return security(command, lost);
        case 0x27:
        case 0x37:
        case 0xf8:
        case 0xf9:
        case 0x78:
            return capacity(command);
        case 0xb1:
            return overlay(command);
        default:
            return abort();
    }
}

AtaRegisters AtaDrive::transfer(const AtaCommand& command) {
    const std::size_t bytes = command.read_into.size() + command.write_from.size();
    const std::uint64_t blocks = bytes / options.block_bytes;
    if (command.lba >= accessible_ || blocks > accessible_ - command.lba) {
        return abort(0x10, command.lba);  // IDNF
    }
    if (range_locked_ && range_locked_()) {
        return abort();
    }
    if (!command.write_from.empty()) {
        for (std::uint64_t i = 0; i < blocks; ++i) {
            const auto block =
                command.write_from.subspan(i * options.block_bytes, options.block_bytes);
            if (options.writes_reverted) {
                reverting_[command.lba + i] = Bytes(block.begin(), block.end());
            } else {
                media_.write(command.lba + i, block);
            }
        }
        return good();
    }
    media_.read(command.lba, command.read_into);
    for (const auto& [block, content] : reverting_) {
        if (block >= command.lba && block - command.lba < blocks) {
            std::copy(content.begin(), content.end(),
                      command.read_into.begin() +
                          static_cast<std::ptrdiff_t>((block - command.lba) * options.block_bytes));
        }
    }
    return good();
}

AtaRegisters AtaDrive::trusted(const AtaCommand& command, bool& lost) {
    if (trusted_ == nullptr) {
        return abort();
    }
    const auto protocol = static_cast<std::uint8_t>(command.features & 0xffU);
    const auto specific = static_cast<std::uint16_t>((command.lba >> 8U) & 0xffffU);
    const auto answer = command.command == 0x5c
                            ? trusted_->receive(protocol, specific, command.read_into)
                            : trusted_->send(protocol, specific, command.write_from);
    lost = answer.error != 0;
    return answer.accepted ? good() : abort();
}

AtaRegisters AtaDrive::read_log(const AtaCommand& command) const {
    const auto log = static_cast<std::uint8_t>(command.lba & 0xffU);
    const auto page = static_cast<std::uint8_t>((command.lba >> 8U) & 0xffU);
    Bytes content(512);
    if (log == 0x00) {
        content[0] = 1;
        content[std::size_t{2} * 0x04] = options.health.reported ? 8 : 0;
        content[std::size_t{2} * 0x10] = 1;
        content[std::size_t{2} * 0x30] = 9;
    } else if (log == 0x30 && page == 0) {
        content[0] = 1;
        content[8] = 2;
        content[10] = 6;
    } else if (log == 0x30 && page == 6) {
        content[0] = 1;
        content[2] = 6;
        content[7] = 0x80;
        content[48] = options.encrypts_all ? 1 : 0;
        content[55] = 0x80;
    } else if (log == 0x04 && options.health.reported) {
        content = statistics_page(page);
        if (content.empty()) {
            return abort();
        }
    } else if (log != 0x10) {
        return abort();
    }
    std::copy_n(content.begin(), std::min(content.size(), command.read_into.size()),
                command.read_into.begin());
    return good();
}

void AtaDrive::erase(std::uint64_t end, bool spare, DriveMedia::Leave leave,
                     std::optional<std::uint32_t> pattern) {
    options.health.erased();
    if (options.writes_reverted) {
        reverting_.clear();
        return;
    }
    if (options.erases_nothing) {
        return;
    }
    if (options.only_forgets) {
        media_.forget(0, end);
        return;
    }
    const std::uint64_t kept = std::min(options.keeps_blocks, accessible_);
    const auto each = [&](std::uint64_t first, std::uint64_t count) {
        if (pattern) {
            Bytes bytes(4);
            write_be(bytes, 0, *pattern);
            media_.fill(first, count, bytes);
        } else {
            media_.erase(first, count, leave);
        }
    };
    each(0, std::min(end, accessible_ - kept));
    if (end > accessible_) {
        each(accessible_, end - accessible_);
    }
    if (spare && kept == 0) {
        media_.erase_spare(leave);
    }
}

}  // namespace efface::fake
