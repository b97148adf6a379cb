// SPDX-License-Identifier: Apache-2.0
#include "efface/method/outcome.hpp"

namespace efface::method {

const char* to_string(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::sanitized:
            return "sanitized";
        case Verdict::sanitized_with_exceptions:
            return "sanitized-with-exceptions";
        case Verdict::indeterminate:
            return "indeterminate";
        case Verdict::not_sanitized:
            return "not-sanitized";
    }
    return "not-sanitized";
}

std::optional<Verdict> verdict_from_string(std::string_view text) noexcept {
    for (const auto verdict : {Verdict::sanitized, Verdict::sanitized_with_exceptions,
                               Verdict::indeterminate, Verdict::not_sanitized}) {
        if (text == to_string(verdict)) {
            return verdict;
        }
    }
    return std::nullopt;
}

}  // namespace efface::method
