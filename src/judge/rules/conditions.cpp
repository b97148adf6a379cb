// SPDX-License-Identifier: Apache-2.0
#include "conditions.hpp"

#include <algorithm>

#include "records/volume_claim.hpp"

namespace efface::judge {

namespace {

using rules::Condition;

bool applies(const Condition& condition, const Bearing& bearing) {
    if (condition.with_codes && bearing.schema == Schema::v1_0) {
        return false;
    }
    const bool level = bearing.success && bearing.level != "none";
    switch (condition.when) {
        case Condition::For::pass:
            return bearing.pass;
        case Condition::For::success:
            return bearing.success;
        case Condition::For::level:
            return level;
        case Condition::For::purge:
            return level && bearing.level == "purge";
    }
    return true;
}

void check_value(const Condition& condition, const RecordView& value, const Bearing& bearing) {
    const auto& allowed = condition.allowed;
    if (std::find(allowed.begin(), allowed.end(), value.json()) != allowed.end()) {
        return;
    }
    const auto named = [&](const std::string& code) {
        return bearing.schema == Schema::v1_0 || names_reason(bearing.exceptions, code);
    };
    const bool borne = bearing.with_exceptions &&
                       std::any_of(condition.except.begin(), condition.except.end(), named);
    if (!borne) {
        value.fail("does not meet the condition for success" +
                   (condition.except.empty()
                        ? std::string()
                        : ", and no exception is " + condition.except.front()));
    }
    if (condition.no_level && bearing.level != "none") {
        value.fail("has no level");
    }
}

/// The value at the path, or each of them where the path has a star.
void visit(const Condition& condition, const RecordView& value, std::string_view path,
           const Bearing& bearing) {
    if (path.empty()) {
        check_value(condition, value, bearing);
        return;
    }
    const std::size_t dot = std::min(path.find('.'), path.size());
    const std::string step(path.substr(0, dot));
    const std::string_view rest = path.substr(std::min(dot + 1, path.size()));
    if (value.json().is_array()) {
        const auto items = value.items();
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (step == "*" || step == std::to_string(i)) {
                visit(condition, items[i], rest, bearing);
            }
        }
        return;
    }
    if (const auto next = value.maybe(step.c_str())) {
        visit(condition, *next, rest, bearing);
    } else if (!condition.optional) {
        value.fail("\"" + step + "\" is missing");
    }
}

}  // namespace

bool is_named_layer(const RecordView& layer, const rules::NoLevelRule& rule) {
    const auto note = layer.maybe("note");
    return std::any_of(rule.layers.begin(), rule.layers.end(),
                       [&](const std::string& flag) {
                           const auto value = layer.maybe(flag.c_str());
                           return value && value->flag();
                       }) ||
           (note && std::any_of(rule.notes.begin(), rule.notes.end(), [&](const auto& text) {
                return note->text().find(text) != std::string::npos;
            }));
}

void check_conditions(const std::vector<Condition>& conditions, const RecordView& root,
                      const Bearing& bearing) {
    for (const Condition& condition : conditions) {
        if (applies(condition, bearing)) {
            visit(condition, root, condition.path, bearing);
        }
    }
}

}  // namespace efface::judge
