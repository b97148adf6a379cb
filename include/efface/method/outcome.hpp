// SPDX-License-Identifier: Apache-2.0
// What became of a target. Everything starts at not_sanitized; only evidence raises it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/rules/verdict.hpp"

namespace efface::method {

/// The order is from best to worst; several targets give the worst.
enum class Verdict { sanitized, sanitized_with_exceptions, indeterminate, not_sanitized };
[[nodiscard]] const char* to_string(Verdict verdict) noexcept;
[[nodiscard]] std::optional<Verdict> verdict_from_string(std::string_view text) noexcept;
[[nodiscard]] constexpr Verdict worst(Verdict a, Verdict b) noexcept {
    return a > b ? a : b;
}

// Levels are what the rules speak of; a method's outcome has one.
using rules::Level;
using rules::level_from_string;
using rules::lowest;
using rules::to_string;

/// One thing seen at the boundary to the medium, as it was seen.
struct Observation {
    std::string at;    ///< RFC 3339
    std::string what;  ///< "flush"
    Json raw;
};

struct Outcome {
    Verdict verdict = Verdict::not_sanitized;
    Level level_limit = Level::purge;  ///< whatever the technique reaches, no more than this
    std::vector<Reason> reasons;       ///< why not better
    std::vector<Reason> exceptions;    ///< named areas not reached
    std::vector<Observation> observations;
    Json record;  ///< what was done and seen, as the certificate quotes it
};

}  // namespace efface::method
