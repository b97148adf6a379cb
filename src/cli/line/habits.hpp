// SPDX-License-Identifier: Apache-2.0
// Words of other programs.
#pragma once

#include <string>

namespace efface::cli {

/// The next step for a word that nobody knows: what does here what it means elsewhere, or `help`.
[[nodiscard]] std::string hint_for(const std::string& word, const std::string& help);

}  // namespace efface::cli
