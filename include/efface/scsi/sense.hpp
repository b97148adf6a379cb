// SPDX-License-Identifier: Apache-2.0
// Sense data: what a device says of a command or of itself (SPC-5, section 4.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "efface/base/bytes.hpp"

namespace efface::scsi {

/// The largest sense data there is (SPC-5, section 4.4.1).
constexpr std::size_t kSenseBytesMax = 252;

/// Sense keys (SPC-5, table 49).
enum class SenseKey : std::uint8_t {
    no_sense = 0x0,
    recovered_error = 0x1,
    not_ready = 0x2,
    medium_error = 0x3,
    hardware_error = 0x4,
    illegal_request = 0x5,
    unit_attention = 0x6,
    data_protect = 0x7,
    aborted_command = 0xb,
};

/// ADDITIONAL SENSE CODE in the high byte, its qualifier in the low one (SPC-5, annex F); those
/// that the program tells apart.
namespace asc {
constexpr std::uint16_t kNone = 0x0000;
constexpr std::uint16_t kAtaInformation = 0x001d;
constexpr std::uint16_t kFormatInProgress = 0x0404;
constexpr std::uint16_t kSanitizeInProgress = 0x041b;
constexpr std::uint16_t kDepopulationInProgress = 0x0424;
constexpr std::uint16_t kRestorationInProgress = 0x0425;
constexpr std::uint16_t kWriteAfterSanitizeRequired = 0x1115;
constexpr std::uint16_t kListLengthError = 0x1a00;
constexpr std::uint16_t kInvalidOpcode = 0x2000;
constexpr std::uint16_t kReadInvalidData = 0x2106;
constexpr std::uint16_t kInvalidFieldInCdb = 0x2400;
constexpr std::uint16_t kInvalidFieldInList = 0x2600;
constexpr std::uint16_t kMediumFormatCorrupted = 0x3100;
constexpr std::uint16_t kFormatFailed = 0x3101;
constexpr std::uint16_t kSanitizeFailed = 0x3103;
}  // namespace asc

struct SenseData {
    bool descriptor_format = false;
    bool deferred = false;   ///< of an earlier command (71h, 73h)
    std::uint8_t key = 0;    ///< SenseKey, or one that it does not list
    std::uint16_t code = 0;  ///< ADDITIONAL SENSE CODE << 8 | QUALIFIER
    /// PROGRESS INDICATION, of 65536; only with NO SENSE and NOT READY, as the field means
    /// something else otherwise.
    std::optional<std::uint16_t> progress;

    [[nodiscard]] bool is(SenseKey wanted) const noexcept {
        return key == static_cast<std::uint8_t>(wanted);
    }
    /// The reset group: a power on, a bus or target reset (SPC-5: 29h, any qualifier).
    [[nodiscard]] bool tells_reset() const noexcept {
        return is(SenseKey::unit_attention) && code >> 8U == 0x29;
    }
    friend bool operator==(const SenseData&, const SenseData&) = default;
};

/// Fixed (70h, 71h) and descriptor format (72h, 73h). nullopt for anything else, also for bytes
/// that end before the additional sense code.
[[nodiscard]] std::optional<SenseData> decode_sense(ByteView bytes);

/// "3/31/03 sanitize command failed": key, code and qualifier in hex, and words where we have some.
[[nodiscard]] std::string to_string(const SenseData& sense);
/// The same of a completion's sense bytes; "no sense data" or "unreadable sense data: 00 01 ...".
[[nodiscard]] std::string sense_text(ByteView bytes);

}  // namespace efface::scsi
