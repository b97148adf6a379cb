// SPDX-License-Identifier: Apache-2.0
// The status field of a completion queue entry (NVMe Base 2.3, section 4.2.3), without phase tag:
// SC 7:0, SCT 10:8.
#pragma once

#include <cstdint>
#include <string>

namespace efface::nvme {

constexpr std::uint16_t kStatusMask = 0x7ff;

enum class Status : std::uint16_t {
    success = 0x000,
    invalid_opcode = 0x001,
    invalid_field = 0x002,
    command_sequence_error = 0x00c,
    invalid_namespace = 0x00b,
    sanitize_failed = 0x01c,
    sanitize_in_progress = 0x01d,
    namespace_write_protected = 0x020,
    lba_out_of_range = 0x080,
    format_in_progress = 0x084,
    invalid_log_page = 0x109,
    invalid_format = 0x10a,
    namespace_not_attached = 0x11a,
    pmr_enabled = 0x123,
    media_verification_read = 0x19c,  ///< "Successful Media Verification Read"
    unrecovered_read_error = 0x281,
    deallocated_block = 0x287,  ///< "Deallocated or Unwritten Logical Block"
};

[[nodiscard]] constexpr bool is(std::uint16_t status, Status expected) noexcept {
    return (status & kStatusMask) == static_cast<std::uint16_t>(expected);
}

/// "Sanitize In Progress (sct 0 sc 1dh)"; "sct 7 sc c1h" for one that is not known here.
[[nodiscard]] std::string status_text(std::uint16_t status);

/// What to do when a drive refuses to erase with this status; empty where nothing is known to help.
[[nodiscard]] std::string next_step(std::uint16_t status);

}  // namespace efface::nvme
