// SPDX-License-Identifier: Apache-2.0
#include "efface/rules/table.hpp"

#include <algorithm>
#include <utility>

#include "efface/base/assert.hpp"

namespace efface::rules {

std::string_view table(std::string_view name) noexcept {
    static constexpr std::pair<std::string_view, std::string_view> kTables[] = {
#include "tables.inc"
    };
    const auto* found = std::find_if(std::begin(kTables), std::end(kTables),
                                     [&](const auto& entry) { return entry.first == name; });
    EFFACE_ASSERT(found != std::end(kTables));
    return found->second;
}

}  // namespace efface::rules
