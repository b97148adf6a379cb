// SPDX-License-Identifier: Apache-2.0
// The words of verdicts and levels, and their order.
#pragma once

#include <string_view>

namespace efface::rules {

/// "sanitized" and "sanitized-with-exceptions".
[[nodiscard]] bool is_success(std::string_view status) noexcept;
/// none 0, clear 1, purge 2.
[[nodiscard]] int level_rank(std::string_view level) noexcept;

}  // namespace efface::rules
