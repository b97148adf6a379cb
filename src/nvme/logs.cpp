// SPDX-License-Identifier: Apache-2.0
#include "efface/nvme/logs.hpp"

#include <limits>

namespace efface::nvme {

namespace {

constexpr std::uint16_t kNotInProgress = 0xffff;
constexpr std::uint32_t kNoEstimate = 0xffffffff;

std::optional<std::uint32_t> estimate(ByteView page, std::size_t offset) {
    const auto seconds = read_le<std::uint32_t>(page, offset);
    return seconds == kNoEstimate ? std::nullopt : std::optional(seconds);
}

std::uint64_t counter(ByteView page, std::size_t offset) {
    return read_le<std::uint64_t>(page, offset + 8) != 0 ? std::numeric_limits<std::uint64_t>::max()
                                                         : read_le<std::uint64_t>(page, offset);
}

}  // namespace

std::optional<double> SanitizeLog::progress() const noexcept {
    return sprog == kNotInProgress ? std::nullopt : std::optional(sprog / 65536.0);
}

std::optional<SanitizeLog> decode_sanitize_log(ByteView page) {
    // A page of zeros would read as "never sanitized, no time needed": no drive means that.
    if (page.size() < kSanitizeLogBytes || all_zero(page)) {
        return std::nullopt;
    }
    SanitizeLog found;
    found.sprog = read_le<std::uint16_t>(page, 0);
    found.sstat = read_le<std::uint16_t>(page, 2);
    found.scdw10 = read_le<std::uint32_t>(page, 4);
    found.overwrite_seconds = estimate(page, 8);
    found.block_erase_seconds = estimate(page, 12);
    found.crypto_erase_seconds = estimate(page, 16);
    found.overwrite_no_deallocate_seconds = estimate(page, 20);
    found.deallocation_seconds = estimate(page, 32);
    found.state = static_cast<SanitizeState>(page[36] & 0xfU);
    found.failed_state = static_cast<std::uint8_t>(page[36] >> 4U);
    return found;
}

const char* to_string(SanitizeOutcome outcome) noexcept {
    switch (outcome) {
        case SanitizeOutcome::never:
            return "never sanitized";
        case SanitizeOutcome::success:
            return "succeeded";
        case SanitizeOutcome::in_progress:
            return "in progress";
        case SanitizeOutcome::failed:
            return "failed";
        case SanitizeOutcome::success_deallocated:
            return "succeeded, but deallocated although this was not requested";
    }
    return "not a value of the specification";
}

const char* to_string(SanitizeState state) noexcept {
    switch (state) {
        case SanitizeState::idle:
            return "idle";
        case SanitizeState::restricted_processing:
            return "restricted processing";
        case SanitizeState::restricted_failure:
            return "restricted failure";
        case SanitizeState::unrestricted_processing:
            return "unrestricted processing";
        case SanitizeState::unrestricted_failure:
            return "unrestricted failure";
        case SanitizeState::media_verification:
            return "media verification";
        case SanitizeState::post_verification_deallocation:
            return "post-verification deallocation";
    }
    return "a state that is not in the specification";
}

std::optional<SmartLog> decode_smart(ByteView page) {
    if (page.size() < kSmartLogBytes || all_zero(page)) {
        return std::nullopt;
    }
    SmartLog found;
    found.critical_warning = page[0];
    found.kelvin = read_le<std::uint16_t>(page, 1);
    found.available_spare_percent = page[3];
    found.percentage_used = page[5];
    found.data_units_written = counter(page, 48);
    found.power_cycles = counter(page, 112);
    found.power_on_hours = counter(page, 128);
    found.media_errors = counter(page, 160);
    found.logged_errors = counter(page, 176);
    return found;
}

std::optional<SelfTestLog> decode_self_test_log(ByteView page) {
    constexpr std::size_t kNewestAt = 4;
    if (page.size() <= kNewestAt) {
        return std::nullopt;
    }
    // A self-test code of 0 is no test: drives fill unused results with zeros, too.
    const bool none = page[kNewestAt] == 0;
    return SelfTestLog{
        .running = (page[0] & 0x0fU) != 0,
        .newest = none ? kNoSelfTest : static_cast<std::uint8_t>(page[kNewestAt] & 0x0fU)};
}

bool supports_log_page(ByteView page, std::uint8_t identifier) noexcept {
    const std::size_t at = std::size_t{identifier} * 4;
    return at < page.size() && (page[at] & 1U) != 0;
}

}  // namespace efface::nvme
