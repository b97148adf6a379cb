// SPDX-License-Identifier: Apache-2.0
// The words of verdicts and levels, and their order.
#pragma once

#include <optional>
#include <string_view>

namespace efface::rules {

/// "sanitized" and "sanitized-with-exceptions".
[[nodiscard]] bool is_success(std::string_view status) noexcept;

/// Level claimed after NIST SP 800-88; none = the technique ran, but nothing is claimed.
enum class Level { none, clear, purge };
[[nodiscard]] const char* to_string(Level level) noexcept;
[[nodiscard]] std::optional<Level> level_from_string(std::string_view text) noexcept;
[[nodiscard]] constexpr Level lowest(Level a, Level b) noexcept {
    return a < b ? a : b;
}
/// none 0, clear 1, purge 2.
[[nodiscard]] int level_rank(std::string_view level) noexcept;

}  // namespace efface::rules
