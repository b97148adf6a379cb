// SPDX-License-Identifier: Apache-2.0
// Why something was refused, failed, or is less than was asked: a stable code for programs beside a
// text for people. Tests and program flow compare codes, never texts.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace efface {

/// One enumerator for each row of reason_codes.inc.
enum class ReasonCode {
#define EFFACE_REASON(enumerator, name, meaning, next_step) enumerator,
#include "efface/base/reason_codes.inc"
#undef EFFACE_REASON
};

/// A row of efface-reasons.7.
struct ReasonMeaning {
    ReasonCode code;
    const char* name;       ///< "alias-in-use": what JSON and records carry
    const char* meaning;    ///< one line
    const char* next_step;  ///< one line
};
/// Every code, in the order of reason_codes.inc.
[[nodiscard]] std::span<const ReasonMeaning> reason_meanings() noexcept;

[[nodiscard]] const char* to_string(ReasonCode code) noexcept;
/// What to do next, as efface-reasons.7 says it.
[[nodiscard]] const char* next_step(ReasonCode code) noexcept;
[[nodiscard]] std::optional<ReasonCode> reason_code_from_string(std::string_view name) noexcept;

struct Reason {
    ReasonCode code = ReasonCode::internal;
    std::string text;  ///< "/dev/loop3 is mounted at /srv"

    friend bool operator==(const Reason&, const Reason&) = default;
};

/// {"code": "mounted", "text": "..."}: how JSON, records and journals carry a reason.
[[nodiscard]] nlohmann::json to_json(const Reason& reason);
[[nodiscard]] nlohmann::json to_json(const std::vector<Reason>& reasons);
/// Throws Error(internal) for anything else: only journals of ours are read with it.
[[nodiscard]] Reason reason_from_json(const nlohmann::json& json);
[[nodiscard]] std::vector<Reason> reasons_from_json(const nlohmann::json& json);

}  // namespace efface
