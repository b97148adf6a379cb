// SPDX-License-Identifier: Apache-2.0
// What the model says of itself, and how much of itself it shows.
#include <algorithm>
#include <array>

#include "drive.hpp"

namespace efface::fake {

using device::AtaCommand;
using device::AtaRegisters;

namespace {

constexpr std::uint64_t kLba28Sectors = 0x0fffffff;

using IdentifyWords = std::array<std::uint16_t, 256>;

void put_text(IdentifyWords& words, std::size_t first, std::size_t count, std::string text) {
    text.resize(2 * count, ' ');
    for (std::size_t i = 0; i < count; ++i) {
        words[first + i] = static_cast<std::uint16_t>(static_cast<std::uint8_t>(text[2 * i]) << 8U |
                                                      static_cast<std::uint8_t>(text[2 * i + 1]));
    }
}

void put_number(IdentifyWords& words, std::size_t first, std::size_t count, std::uint64_t value) {
    for (std::size_t i = 0; i < count; ++i) {
        words[first + i] = static_cast<std::uint16_t>((value >> (16 * i)) & 0xffffU);
    }
}

constexpr std::uint16_t flag(bool set, unsigned bit) {
    return static_cast<std::uint16_t>(set ? 1U << bit : 0U);
}

template <typename... Flags>
constexpr std::uint16_t join(Flags... flags) {
    return static_cast<std::uint16_t>((0U | ... | flags));
}

Bytes page_of(const IdentifyWords& words) {
    Bytes page(512);
    for (std::size_t i = 0; i < words.size(); ++i) {
        page[2 * i] = static_cast<std::uint8_t>(words[i] & 0xffU);
        page[2 * i + 1] = static_cast<std::uint8_t>(words[i] >> 8U);
    }
    page[510] = 0xa5;
    std::uint8_t sum = 0;
    for (const auto byte : page) {
        sum = static_cast<std::uint8_t>(sum + byte);
    }
    page[511] = static_cast<std::uint8_t>(0x100 - sum);
    return page;
}

}  // namespace

std::uint16_t AtaDrive::security_word() const {
    return join(flag(options.security, 0), flag(password_.has_value(), 1), flag(locked_, 2),
                flag(security_frozen_, 3), flag(attempts_left_ == 0, 4),
                flag(options.enhanced_erase, 5), flag(level_maximum_, 8));
}

Bytes AtaDrive::identify() {
    IdentifyWords words{};
    words[0] = 0x0040;
    put_text(words, 10, 10, options.serial);
    put_text(words, 23, 4, options.firmware);
    put_text(words, 27, 20, options.model);
    words[47] = 0x8001;
    words[48] = trusted_ != nullptr ? 0x4001 : 0x4000;
    words[49] = 0x0f00;
    words[53] = 0x0006;
    words[59] = join(flag(options.sanitize, 12), flag(options.sanitize, 11),
                     flag(options.sanitize, 10), flag(options.crypto_scramble, 13),
                     flag(options.overwrite, 14), flag(options.block_erase, 15));
    put_number(words, 60, 2, std::min(accessible_, kLba28Sectors));
    words[63] = 0x0007;
    words[64] = 0x0003;
    words[69] = flag(options.encrypts_all, 4);
    words[76] = 0x0006;
    words[80] = 0x07f0;
    const bool enabled = password_.has_value();
    const bool area = options.protected_area || options.protected_area_off;
    words[82] =
        join(0x4020U, flag(options.health.reported, 0), flag(options.security, 1), flag(area, 10));
    words[83] = join(0x7400U, flag(options.overlay, 11));
    // Logging, world wide name; SMART error logging and self-test.
    words[84] = join(0x4120U, options.health.reported ? 3U : 0U);
    words[85] = join(0x4020U, flag(options.health.reported, 0), flag(enabled, 1),
                     flag(options.protected_area, 10));
    words[86] = join(0xb400U, flag(options.overlay, 11));
    words[87] = 0x4120;
    words[88] = 0x407f;
    words[89] = options.normal_time_word;
    words[90] = options.enhanced_time_word;
    words[92] = 0xfffe;
    put_number(words, 100, 4, accessible_);
    words[106] = join(0x4000U, flag(options.block_bytes > 512, 12));
    put_number(words, 117, 2, options.block_bytes > 512 ? options.block_bytes / 2 : 0);
    for (std::size_t i = 0; i < 4; ++i) {
        words[108 + i] = static_cast<std::uint16_t>((options.wwn >> (48 - 16 * i)) & 0xffffU);
    }
    words[119] = join(0x4000U, flag(options.accessible_max, 8));
    words[120] = words[119];
    words[128] = security_word();
    words[217] = options.rotation;
    words[222] = 0x107f;
    Bytes page = page_of(words);
    if (options.identify_corrupt) {
        page[300] = static_cast<std::uint8_t>(page[300] + ++identified_);
    }
    page[511] ^= options.checksum_wrong ? 0x5a : 0x00;
    return page;
}

std::uint64_t AtaDrive::native() const {
    return options.blocks - (overlay_set_ ? options.overlay_blocks : 0);
}

AtaRegisters AtaDrive::capacity(const AtaCommand& command) {
    const auto address = [](AtaRegisters registers, bool lba48) {
        if (!lba48) {
            registers.device = static_cast<std::uint8_t>(0x40U | ((registers.lba >> 24U) & 0x0fU));
            registers.lba &= 0xffffffU;
        }
        return registers;
    };
    switch (command.command) {
        case 0x27:
        case 0xf8:
            return options.protected_area ? address(good(native() - 1), command.command == 0x27)
                                          : abort();
        case 0x78:
            if (options.accessible_max && command.features == 0) {
                return good(native() - 1);
            }
            return options.accessible_max && command.features == 1 ? set_max(command) : abort();
        default:
            return options.protected_area ? set_max(command) : abort();
    }
}

AtaRegisters AtaDrive::set_max(const AtaCommand& command) {
    const std::uint8_t needed =
        command.command == 0x78 ? 0x78 : (command.command == 0x37 ? 0x27 : 0xf8);
    if (previous_ != needed || command.lba >= native()) {
        return abort();
    }
    if (set_max_used_) {
        return command.command == 0x78 ? abort() : abort(0x14);  // IDNF, ABRT
    }
    set_max_used_ = true;
    if (!options.set_max_ignored) {
        accessible_ = command.lba + 1;
    }
    return good(command.lba);
}

Bytes AtaDrive::overlay_page() const {
    IdentifyWords words{};
    words[0] = 0x0002;
    words[1] = 0x0007;
    words[2] = 0x407f;
    put_number(words, 3, 4, options.blocks - 1);
    return page_of(words);
}

AtaRegisters AtaDrive::overlay(const AtaCommand& command) {
    if (!options.overlay || overlay_frozen_) {
        return abort();
    }
    switch (command.features) {
        case 0xc0:
            if (accessible_ != native() || (options.restore_needs_power_cycle && set_max_used_)) {
                return abort();
            }
            overlay_set_ = false;
            accessible_ = native();
            return good();
        case 0xc1:
            overlay_frozen_ = true;
            return good();
        case 0xc2: {
            const Bytes page = overlay_page();
            std::copy_n(page.begin(), std::min(page.size(), command.read_into.size()),
                        command.read_into.begin());
            return good();
        }
        default:
            return abort();
    }
}

}  // namespace efface::fake
