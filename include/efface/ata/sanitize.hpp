// SPDX-License-Identifier: Apache-2.0
// SANITIZE DEVICE, B4h (ACS-4, section 7.36).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "efface/device/drive/ata_transport.hpp"

namespace efface::ata {

enum class SanitizeFeature : std::uint16_t {
    status = 0x0000,
    crypto_scramble = 0x0011,
    block_erase = 0x0012,
    overwrite = 0x0014,
    freeze_lock = 0x0020,
    antifreeze_lock = 0x0040,
};

/// `clear_failure`: CLEAR SANITIZE OPERATION FAILED, which only means something after an operation
/// with FAILURE MODE = 1 failed.
[[nodiscard]] device::AtaCommand sanitize_status(bool clear_failure = false);
/// FAILURE MODE = 0 in all three: a failed operation is left by a successful one only.
[[nodiscard]] device::AtaCommand sanitize_crypto_scramble();
[[nodiscard]] device::AtaCommand sanitize_block_erase();
/// `passes` 1 to 16 (asserted); no inversion between them, so the pattern is what stays.
[[nodiscard]] device::AtaCommand sanitize_overwrite(std::uint32_t pattern, unsigned passes);

/// The normal output of every subcommand.
struct SanitizeStatus {
    bool completed_without_error = false;  ///< COUNT bit 15: of the last operation
    bool in_progress = false;              ///< COUNT bit 14 (SD2)
    bool frozen = false;                   ///< COUNT bit 13 (SD1)
    bool antifreeze = false;               ///< COUNT bit 12
    /// LBA 15:0 of 65536; nothing outside of SD2 and for FFFFh, which proves nothing.
    std::optional<std::uint16_t> progress;
};
[[nodiscard]] SanitizeStatus decode_sanitize_status(const device::AtaRegisters& registers);

/// The error output: LBA 7:0.
enum class SanitizeError : std::uint8_t {
    not_reported = 0,  ///< or the operation failed
    unsuccessful = 1,  ///< sectors that can be allocated were not sanitized
    unsupported = 2,   ///< invalid or unsupported FEATURE
    frozen = 3,        ///< SD1
    antifreeze = 4,    ///< FREEZE LOCK after ANTIFREEZE LOCK
    reserved = 0xff,
};
/// Of registers that say failed().
[[nodiscard]] SanitizeError decode_sanitize_error(const device::AtaRegisters& registers);
[[nodiscard]] const char* to_string(SanitizeError error) noexcept;

}  // namespace efface::ata
