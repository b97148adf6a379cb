// SPDX-License-Identifier: Apache-2.0
#include "efface/ata/identify.hpp"

#include <fmt/format.h>

#include "commands.hpp"

namespace efface::ata {

namespace {

constexpr std::uint8_t kChecksumSignature = 0xa5;
constexpr std::uint32_t kSectorBytesMax = 1U << 16U;

class Words final {
  public:
    explicit Words(ByteView page) : page_(page) {}
    [[nodiscard]] std::uint16_t operator[](std::size_t word) const {
        return read_le<std::uint16_t>(page_, 2 * word);
    }
    [[nodiscard]] bool bit(std::size_t word, unsigned bit) const {
        return ((std::uint32_t{(*this)[word]} >> bit) & 1U) != 0;
    }
    /// Words 48, 83, 84, 86 and some others mean something only with 01b in bits 15:14.
    [[nodiscard]] bool valid(std::size_t word) const { return ((*this)[word] >> 14U) == 1; }
    [[nodiscard]] std::uint32_t two(std::size_t word) const {
        return read_le<std::uint32_t>(page_, 2 * word);
    }
    [[nodiscard]] std::uint64_t four(std::size_t word) const {
        return read_le<std::uint64_t>(page_, 2 * word);
    }
    /// ATA strings: the first character of a word is in its upper half.
    [[nodiscard]] std::string text(std::size_t first, std::size_t last) const {
        std::string text;
        for (std::size_t word = first; word <= last; ++word) {
            text += static_cast<char>((*this)[word] >> 8U);
            text += static_cast<char>((*this)[word] & 0xffU);
        }
        text.erase(std::find(text.begin(), text.end(), '\0'), text.end());
        return text;
    }

  private:
    ByteView page_;
};

/// ASCII 20h to 7Eh, the rest as '?', without the blanks around it.
std::string printable_text(std::string text) {
    for (char& c : text) {
        c = c >= ' ' && c <= '~' ? c : '?';
    }
    const auto first = text.find_first_not_of(' ');
    return first == std::string::npos ? std::string()
                                      : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::uint32_t sector_bytes(const Words& words) {
    // Word 106: bit 12, the logical sector is longer than 256 words, and words 117 and 118 tell.
    if (!words.valid(106) || !words.bit(106, 12)) {
        return kPageBytes;
    }
    const std::uint32_t length = words.two(117);
    return length >= kPageBytes / 2 && length <= kSectorBytesMax / 2 ? 2 * length
                                                                     : std::uint32_t{kPageBytes};
}

std::uint64_t user_sectors(const Words& words, bool lba48) {
    if (!lba48) {
        return words.two(60);
    }
    // Word 69 bit 3: words 230 to 233 where 48 bits are not enough for word 100.
    if (words.bit(69, 3) && words.four(230) != 0) {
        return words.four(230);
    }
    return words.four(100);
}

std::string world_wide_name(const Words& words) {
    // Word 87 bit 8, valid as word 84 is.
    if (!words.valid(87) || !words.bit(87, 8)) {
        return {};
    }
    const auto name =
        fmt::format("{:04x}{:04x}{:04x}{:04x}", words[108], words[109], words[110], words[111]);
    return name == "0000000000000000" ? std::string() : name;
}

/// Words 82 to 84 are told by bits 15:14 of word 83.
void decode_feature_sets(const Words& words, Identify& identify) {
    if (!words.valid(83)) {
        return;
    }
    identify.host_protected_area = words.bit(82, 10);
    // Words 85 to 87 are there where word 87 bits 15:14 are 01b; else supported is enabled.
    const bool tells_enabled = !words.bit(87, 15) && words.bit(87, 14);
    identify.host_protected_area_enabled =
        identify.host_protected_area && (!tells_enabled || words.bit(85, 10));
    identify.lba48 = words.bit(83, 10);
    identify.configuration_overlay = words.bit(83, 11);
    identify.general_purpose_logging = words.valid(84) && words.bit(84, 5);
    identify.smart = words.bit(82, 0) && words.bit(85, 0);
    identify.smart_error_log = words.valid(84) && words.bit(84, 0);
    identify.smart_self_test = words.valid(84) && words.bit(84, 1);
    identify.accessible_max_address = words.bit(86, 15) && words.valid(119) && words.bit(119, 8);
    identify.sanitize.feature_set = words.bit(59, 12);
    identify.sanitize.crypto_scramble = words.bit(59, 13);
    identify.sanitize.overwrite = words.bit(59, 14);
    identify.sanitize.block_erase = words.bit(59, 15);
    identify.sanitize.antifreeze_lock = words.bit(59, 10);
}

}  // namespace

SecurityStatus decode_security_status(std::uint16_t word128) {
    const auto bit = [&](unsigned number) {
        return ((std::uint32_t{word128} >> number) & 1U) != 0;
    };
    return {.supported = bit(0),
            .enabled = bit(1),
            .locked = bit(2),
            .frozen = bit(3),
            .count_expired = bit(4),
            .enhanced_erase = bit(5),
            .level_maximum = bit(8)};
}

std::optional<EraseTime> decode_erase_time(std::uint16_t word) {
    const bool extended = (word & 0x8000U) != 0;
    const std::uint16_t largest = extended ? 0x7fff : 0x00ff;
    const auto units = static_cast<std::uint16_t>(word & largest);
    if (units == 0) {
        return std::nullopt;
    }
    // The largest value means "more than the one below it".
    const bool or_more = units == largest;
    return EraseTime{std::chrono::minutes(2 * (or_more ? units - 1 : units)), or_more};
}

std::optional<Identify> decode_identify(ByteView page) {
    if (page.size() != kPageBytes || all_zero(page)) {
        return std::nullopt;
    }
    const Words words(page);
    if (words.bit(0, 15)) {
        return std::nullopt;  // an ATAPI device, or FFFFh: none at all
    }
    Identify identify;
    identify.serial = printable_text(words.text(10, 19));
    identify.firmware = printable_text(words.text(23, 26));
    identify.model = printable_text(words.text(27, 46));
    decode_feature_sets(words, identify);
    identify.wwn = world_wide_name(words);
    identify.logical_sector_bytes = sector_bytes(words);
    identify.sectors = user_sectors(words, identify.lba48);
    identify.encrypts_all = words[69] != 0xffff && words.bit(69, 4);
    identify.security = decode_security_status(words[128] == 0xffff ? 0 : words[128]);
    if (identify.security.supported) {
        identify.normal_erase = decode_erase_time(words[89]);
        if (identify.security.enhanced_erase) {
            identify.enhanced_erase = decode_erase_time(words[90]);
        }
        identify.master_password_id = words[92];
    }
    identify.trusted_computing = words.valid(48) && words.bit(48, 0);
    // 0001h flash, 0401h to FFFEh revolutions per minute, the rest reserved.
    if (words[217] == 1 || (words[217] > 0x400 && words[217] < 0xffff)) {
        identify.rotation = words[217];
    }
    if ((words[255] & 0xffU) == kChecksumSignature) {
        identify.checksum_good = sums_to_zero(page);
    }
    return identify;
}

device::AtaCommand identify_device(MutableByteView into) {
    return one_page_in(0xec, into);
}

device::AtaCommand check_power_mode() {
    return non_data(0xe5);
}

PowerMode decode_power_mode(const device::AtaRegisters& registers) {
    switch (registers.count & 0xffU) {
        case 0x00:
        case 0x01:
            return PowerMode::standby;
        case 0x80:
        case 0x81:
        case 0x82:
        case 0x83:
            return PowerMode::idle;
        case 0xff:
            return PowerMode::active;
        default:
            return PowerMode::other;
    }
}

const char* to_string(PowerMode mode) noexcept {
    switch (mode) {
        case PowerMode::standby:
            return "standby";
        case PowerMode::idle:
            return "idle";
        case PowerMode::active:
            return "active";
        case PowerMode::other:
            break;
    }
    return "other";
}

}  // namespace efface::ata
