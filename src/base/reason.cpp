// SPDX-License-Identifier: Apache-2.0
#include "efface/base/reason.hpp"

#include <algorithm>
#include <array>

#include "efface/base/assert.hpp"
#include "efface/base/error.hpp"

namespace efface {

namespace {

constexpr auto kMeanings = std::to_array<ReasonMeaning>({
#define EFFACE_REASON(enumerator, name, meaning, next_step) \
    {ReasonCode::enumerator, name, meaning, next_step},
#include "efface/base/reason_codes.inc"
#undef EFFACE_REASON
});

const ReasonMeaning& row_of(ReasonCode code) noexcept {
    const auto row = static_cast<std::size_t>(code);
    EFFACE_ASSERT(row < kMeanings.size());
    return kMeanings[row];
}

}  // namespace

std::span<const ReasonMeaning> reason_meanings() noexcept {
    return kMeanings;
}

const char* to_string(ReasonCode code) noexcept {
    return row_of(code).name;
}

const char* next_step(ReasonCode code) noexcept {
    return row_of(code).next_step;
}

std::optional<ReasonCode> reason_code_from_string(std::string_view name) noexcept {
    const auto* const row =
        std::find_if(kMeanings.begin(), kMeanings.end(),
                     [&](const ReasonMeaning& candidate) { return name == candidate.name; });
    return row == kMeanings.end() ? std::nullopt : std::optional(row->code);
}

nlohmann::json to_json(const Reason& reason) {
    nlohmann::json json = nlohmann::json::object();
    json["code"] = to_string(reason.code);
    json["text"] = reason.text;
    return json;
}

nlohmann::json to_json(const std::vector<Reason>& reasons) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& reason : reasons) {
        list.push_back(to_json(reason));
    }
    return list;
}

Reason reason_from_json(const nlohmann::json& json) {
    if (!json.is_object() || !json.contains("code") || !json.contains("text") ||
        !json["code"].is_string() || !json["text"].is_string()) {
        throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                    "a reason in a journal is damaged");
    }
    const auto& name = json["code"].get_ref<const std::string&>();
    const auto code = reason_code_from_string(name);
    if (!code) {
        throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                    "a journal has the unknown reason code " + name);
    }
    return {*code, json["text"].get<std::string>()};
}

std::vector<Reason> reasons_from_json(const nlohmann::json& json) {
    std::vector<Reason> reasons;
    for (const auto& item : json) {
        reasons.push_back(reason_from_json(item));
    }
    return reasons;
}

}  // namespace efface
