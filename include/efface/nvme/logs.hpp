// SPDX-License-Identifier: Apache-2.0
// Log pages (NVMe Base 2.3, section 5.2.12.1). Foreign bytes: too short gives nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::nvme {

constexpr std::size_t kSanitizeLogBytes = 512;
constexpr std::size_t kSmartLogBytes = 512;
constexpr std::size_t kSupportedPagesBytes = 1024;
constexpr std::size_t kEventLogHeaderBytes = 512;

/// SSTAT.SOS.
enum class SanitizeOutcome : std::uint8_t {
    never = 0,
    success = 1,
    in_progress = 2,
    failed = 3,
    success_deallocated = 4,  ///< success, but deallocated although NDAS was set
};
/// SSI.SANS; a drive before NVMe 2.1 always says idle.
enum class SanitizeState : std::uint8_t {
    idle = 0,
    restricted_processing = 1,
    restricted_failure = 2,
    unrestricted_processing = 3,
    unrestricted_failure = 4,
    media_verification = 5,
    post_verification_deallocation = 6,
};

/// Log page 81h. Values outside the enumerations are kept: compare, never index with them.
struct SanitizeLog {
    std::uint16_t sprog = 0;
    std::uint16_t sstat = 0;
    std::uint32_t scdw10 = 0;
    /// Seconds; nothing when the drive gives no estimate.
    std::optional<std::uint32_t> overwrite_seconds;  ///< 16 passes
    std::optional<std::uint32_t> block_erase_seconds;
    std::optional<std::uint32_t> crypto_erase_seconds;
    std::optional<std::uint32_t> overwrite_no_deallocate_seconds;
    std::optional<std::uint32_t> deallocation_seconds;  ///< after media verification
    SanitizeState state = SanitizeState::idle;
    std::uint8_t failed_state = 0;  ///< SSI.FAILS

    [[nodiscard]] SanitizeOutcome outcome() const noexcept {
        return static_cast<SanitizeOutcome>(sstat & 7U);
    }
    [[nodiscard]] unsigned passes_completed() const noexcept { return (sstat >> 3U) & 0x1fU; }
    [[nodiscard]] bool global_data_erased() const noexcept { return (sstat & 0x100U) != 0; }
    [[nodiscard]] bool verification_cancelled() const noexcept { return (sstat & 0x200U) != 0; }
    /// 0 to 1; FFFFh tells nothing.
    [[nodiscard]] std::optional<double> progress() const noexcept;
};
[[nodiscard]] std::optional<SanitizeLog> decode_sanitize_log(ByteView page);
/// "never sanitized", "succeeded", ...
[[nodiscard]] const char* to_string(SanitizeOutcome outcome) noexcept;
[[nodiscard]] const char* to_string(SanitizeState state) noexcept;

/// Log page 02h (section 5.2.12.1.3). Counts of 128 bits: the highest value when larger.
struct SmartLog {
    /// Bits 0 spare below its threshold, 2 reliability degraded, 3 read only.
    static constexpr std::uint8_t kFailing = 0x0d;

    std::uint8_t critical_warning = 0;
    std::uint16_t kelvin = 0;  ///< composite temperature; 0: not reported
    std::uint8_t available_spare_percent = 0;
    std::uint8_t percentage_used = 0;
    std::uint64_t data_units_written = 0;  ///< of 512000 bytes
    std::uint64_t power_cycles = 0;
    std::uint64_t power_on_hours = 0;
    std::uint64_t media_errors = 0;
    std::uint64_t logged_errors = 0;  ///< entries of log page 01h in the life of the controller
};
[[nodiscard]] std::optional<SmartLog> decode_smart(ByteView page);

/// Log page 06h (section 5.2.12.1.7), as far as its newest result.
constexpr std::size_t kSelfTestLogBytes = 564;
constexpr std::uint8_t kNoSelfTest = 15;
struct SelfTestLog {
    bool running = false;
    /// Bits 3:0 of the newest result: 0 completed without error, 5 to 7 failed, kNoSelfTest, else
    /// aborted.
    std::uint8_t newest = 0;
};
[[nodiscard]] std::optional<SelfTestLog> decode_self_test_log(ByteView page);

/// Log page 00h.
[[nodiscard]] bool supports_log_page(ByteView page, std::uint8_t identifier) noexcept;

/// One event of log page 0Dh that tells of an erase; fields that its type lacks are 0.
struct ErasureEvent {
    enum class Type : std::uint8_t {
        format_start = 0x07,
        format_completion = 0x08,
        sanitize_start = 0x09,
        sanitize_completion = 0x0a,
        media_verification = 0x0e,
    } type = Type::format_start;
    std::uint16_t controller_id = 0;
    std::uint64_t milliseconds = 0;  ///< the drive's clock, section 5.2.26.1.8: 47:0
    std::uint32_t nsid = 0;          ///< format
    std::uint32_t cdw10 = 0;
    std::uint32_t cdw11 = 0;
    std::uint16_t sprog = 0;
    std::uint16_t sstat = 0;
    std::uint32_t status = 0;  ///< format completion
};
/// Whole length that the header tells (TLL); nullopt unless it is a header.
[[nodiscard]] std::optional<std::uint64_t> event_log_bytes(ByteView header);
/// Of a log page that may be cut off; stops at what is not an event.
[[nodiscard]] std::vector<ErasureEvent> decode_erasure_events(ByteView page);

}  // namespace efface::nvme
