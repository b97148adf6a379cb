// SPDX-License-Identifier: Apache-2.0
#include "efface/method/outcome.hpp"

#include "fields.hpp"

namespace efface::method {

namespace {

constexpr Word<Verdict> kVerdicts[] = {
    {Verdict::sanitized, "sanitized"},
    {Verdict::sanitized_with_exceptions, "sanitized-with-exceptions"},
    {Verdict::indeterminate, "indeterminate"},
    {Verdict::not_sanitized, "not-sanitized"},
};

}  // namespace

const char* to_string(Verdict verdict) noexcept {
    return word_of(kVerdicts, verdict);
}

std::optional<Verdict> verdict_from_string(std::string_view text) noexcept {
    return find_word(kVerdicts, text);
}

}  // namespace efface::method
