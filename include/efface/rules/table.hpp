// SPDX-License-Identifier: Apache-2.0
// The tables of src/rules/*.json, which are part of the program.
#pragma once

#include <string_view>

namespace efface::rules {

/// The text of src/rules/NAME.json. It lives as long as the program. There must be such a table.
[[nodiscard]] std::string_view table(std::string_view name) noexcept;

}  // namespace efface::rules
