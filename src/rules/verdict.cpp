// SPDX-License-Identifier: Apache-2.0
#include "efface/rules/verdict.hpp"

namespace efface::rules {

bool is_success(std::string_view status) noexcept {
    return status == "sanitized" || status == "sanitized-with-exceptions";
}

int level_rank(std::string_view level) noexcept {
    return level == "purge" ? 2 : level == "clear" ? 1 : 0;
}

}  // namespace efface::rules
