// SPDX-License-Identifier: Apache-2.0
#include "efface/scsi/erase.hpp"

#include <algorithm>

namespace efface::scsi {

namespace {

constexpr std::uint8_t kImmediate = 0x80;
constexpr std::uint8_t kZonesNotReset = 0x40;
constexpr std::uint8_t kUnrestrictedExit = 0x20;
constexpr std::uint8_t kInvert = 0x80;
constexpr std::uint8_t kPassesMax = 31;
constexpr std::size_t kOverwriteHeaderBytes = 4;
constexpr std::size_t kPatternBytesMax = 0xffff - kOverwriteHeaderBytes;
constexpr std::uint8_t kFormatData = 0x10;
constexpr std::uint8_t kFormatImmediate = 0x02;
constexpr std::uint8_t kProtectionTypeMax = 3;

}  // namespace

const char* to_string(SanitizeAction action) noexcept {
    switch (action) {
        case SanitizeAction::overwrite:
            return "OVERWRITE";
        case SanitizeAction::block_erase:
            return "BLOCK ERASE";
        case SanitizeAction::cryptographic_erase:
            return "CRYPTOGRAPHIC ERASE";
        case SanitizeAction::exit_failure_mode:
            return "EXIT FAILURE MODE";
    }
    return "";
}

Bytes sanitize_cdb(const Sanitize& sanitize) {
    EFFACE_ASSERT((sanitize.list_length != 0) == (sanitize.action == SanitizeAction::overwrite));
    Bytes cdb(10, 0);
    cdb[0] = kSanitize;
    cdb[1] = static_cast<std::uint8_t>((sanitize.immediate ? kImmediate : 0U) |
                                       (sanitize.zones_not_reset ? kZonesNotReset : 0U) |
                                       (sanitize.unrestricted_exit ? kUnrestrictedExit : 0U) |
                                       static_cast<unsigned>(sanitize.action));
    write_be<std::uint16_t>(cdb, 7, sanitize.list_length);
    return cdb;
}

Bytes encode_sanitize_overwrite(const SanitizeOverwrite& overwrite) {
    EFFACE_ASSERT(overwrite.passes >= 1 && overwrite.passes <= kPassesMax);
    EFFACE_ASSERT(!overwrite.pattern.empty() && overwrite.pattern.size() <= kPatternBytesMax);
    Bytes list(kOverwriteHeaderBytes + overwrite.pattern.size());
    list[0] = static_cast<std::uint8_t>((overwrite.invert ? kInvert : 0U) | overwrite.passes);
    write_be<std::uint16_t>(list, 2, static_cast<std::uint16_t>(overwrite.pattern.size()));
    std::copy(overwrite.pattern.begin(), overwrite.pattern.end(),
              list.begin() + kOverwriteHeaderBytes);
    return list;
}

// FMTPINFO and PROTECTION FIELD USAGE together name the type (SBC-4, table 38).
Bytes format_unit_cdb(std::uint8_t protection_type, bool with_list) {
    EFFACE_ASSERT(protection_type <= kProtectionTypeMax);
    EFFACE_ASSERT(with_list || protection_type < kProtectionTypeMax);
    constexpr std::uint8_t kFormatProtection[] = {0x00, 0x80, 0xc0, 0xc0};
    const std::uint8_t list = with_list ? kFormatData : std::uint8_t{0};
    return {kFormatUnit, static_cast<std::uint8_t>(kFormatProtection[protection_type] | list),
            0,           0,
            0,           0};
}

Bytes encode_format_unit(std::uint8_t protection_type, bool immediate) {
    EFFACE_ASSERT(protection_type <= kProtectionTypeMax);
    const std::uint8_t usage = protection_type == kProtectionTypeMax ? 1 : 0;
    return {usage, immediate ? kFormatImmediate : std::uint8_t{0}, 0, 0};
}

}  // namespace efface::scsi
