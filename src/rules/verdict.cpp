// SPDX-License-Identifier: Apache-2.0
#include "efface/rules/verdict.hpp"

namespace efface::rules {

bool is_success(std::string_view status) noexcept {
    return status == "sanitized" || status == "sanitized-with-exceptions";
}

const char* to_string(Level level) noexcept {
    switch (level) {
        case Level::none:
            return "none";
        case Level::clear:
            return "clear";
        case Level::purge:
            return "purge";
    }
    return "none";
}

std::optional<Level> level_from_string(std::string_view text) noexcept {
    for (const auto level : {Level::none, Level::clear, Level::purge}) {
        if (text == to_string(level)) {
            return level;
        }
    }
    return std::nullopt;
}

int level_rank(std::string_view level) noexcept {
    return static_cast<int>(level_from_string(level).value_or(Level::none));
}

}  // namespace efface::rules
