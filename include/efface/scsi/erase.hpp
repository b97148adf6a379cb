// SPDX-License-Identifier: Apache-2.0
// The commands that erase: SANITIZE (SBC-4, section 5.30) and FORMAT UNIT (section 5.4).
#pragma once

#include <cstdint>

#include "efface/base/bytes.hpp"

namespace efface::scsi {

constexpr std::uint8_t kFormatUnit = 0x04;
constexpr std::uint8_t kSanitize = 0x48;
constexpr std::uint8_t kWriteSame10 = 0x41;
constexpr std::uint8_t kWriteSame16 = 0x93;

enum class SanitizeAction : std::uint8_t {
    overwrite = 0x01,
    block_erase = 0x02,
    cryptographic_erase = 0x03,
    exit_failure_mode = 0x1f,
};
[[nodiscard]] const char* to_string(SanitizeAction action) noexcept;

struct Sanitize {
    SanitizeAction action = SanitizeAction::block_erase;
    bool immediate = true;           ///< IMMED: answer when it has begun
    bool zones_not_reset = false;    ///< ZNR: leave write pointers of zones as they are
    bool unrestricted_exit = false;  ///< AUSE: a failure may be left without erasing
    std::uint16_t list_length = 0;   ///< only of an overwrite
};
[[nodiscard]] Bytes sanitize_cdb(const Sanitize& sanitize);

/// Parameter list of an overwrite. `passes` is 1 to 31 (0 is reserved), the pattern 1 to 65531
/// bytes, no more than a logical block (asserted as far as it is known here).
struct SanitizeOverwrite {
    bool invert = false;
    std::uint8_t passes = 1;
    Bytes pattern = Bytes(4, 0);
};
[[nodiscard]] Bytes encode_sanitize_overwrite(const SanitizeOverwrite& overwrite);

/// FORMAT UNIT with a short parameter list and no defect list: FOV 0 (the device's own defaults),
/// CMPLST 0 (grown defects stay known), the protection type kept. Without the list (FMTDATA 0) it
/// is answered at its end, and type 3, which the list names, is not to be had (asserted).
[[nodiscard]] Bytes format_unit_cdb(std::uint8_t protection_type, bool with_list);
[[nodiscard]] Bytes encode_format_unit(std::uint8_t protection_type, bool immediate);

}  // namespace efface::scsi
