// SPDX-License-Identifier: Apache-2.0
#include "defects.hpp"

#include <utility>

#include "efface/base/json.hpp"

namespace efface::luks {

void add_defect(std::vector<std::string>& defects, std::string defect) {
    if (defects.size() + 1 < kDefectsMax) {
        defects.push_back(std::move(defect));
    } else if (defects.size() < kDefectsMax) {
        defects.emplace_back("more defects, not listed");
    }
}

std::string clean(std::string_view text) {
    return printable(text.substr(0, kTextMax));
}

}  // namespace efface::luks
