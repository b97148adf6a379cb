// SPDX-License-Identifier: Apache-2.0
// What is wrong with what was read, in words, bounded so that a hostile header cannot fill memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace efface::luks {

/// Words kept of one copy; the last one says that there were more.
constexpr std::size_t kDefectsMax = 32;
/// Characters kept of a foreign string.
constexpr std::size_t kTextMax = 128;

/// Appends `defect` while there is room.
void add_defect(std::vector<std::string>& defects, std::string defect);

/// A foreign string made safe and short for a record.
[[nodiscard]] std::string clean(std::string_view text);

}  // namespace efface::luks
