// SPDX-License-Identifier: Apache-2.0
// What is in a record and was not shown above, by its names in certificate.json.
#include <fmt/format.h>

#include <algorithm>

#include "render.hpp"

namespace efface::view {

namespace {

constexpr std::size_t kValuesShown = 16;

struct Rest {
    const Shown& shown;
    Page& page;

    [[nodiscard]] bool is_shown(const Json& value) const { return shown.contains(&value); }
    /// Whether anything in it was.
    [[nodiscard]] bool touched(const Json& value) const {
        return is_shown(value) || (value.is_structured() &&
                                   std::any_of(value.begin(), value.end(),
                                               [&](const Json& below) { return touched(below); }));
    }
    void object(const std::string& path, const Json& value);
    void list(const std::string& path, const Json& value);
    void any(const std::string& path, const Json& value);
};

/// Nothing to tell: no value, or a text or list without anything in it.
bool is_nothing(const Json& value) {
    return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
           (value.is_structured() && value.empty());
}

std::string joined(const Json& values) {
    std::string text;
    for (std::size_t i = 0; i < std::min(values.size(), kValuesShown); ++i) {
        text += (text.empty() ? "" : ", ") + words(values[i]);
    }
    if (values.size() > kValuesShown) {
        text += fmt::format(" and {} more: see certificate.json", values.size() - kValuesShown);
    }
    return text;
}

bool is_plain_list(const Json& value) {
    return value.is_array() && std::none_of(value.begin(), value.end(),
                                            [](const Json& one) { return one.is_structured(); });
}

void Rest::object(const std::string& path, const Json& value) {
    std::string text;
    for (const auto& [key, one] : value.items()) {
        const bool plain = !one.is_structured() || is_plain_list(one);
        if (plain && !is_nothing(one) && !touched(one)) {
            text += (text.empty() ? "" : ", ") + key + " " +
                    (one.is_array() ? joined(one) : words(one));
        }
    }
    if (!text.empty()) {
        page.hanging("  " + visible(path.empty() ? "record" : path) + ": ", 4, text);
    }
    for (const auto& [key, one] : value.items()) {
        if (one.is_structured() && !is_plain_list(one)) {
            any(path.empty() ? key : path + "." + key, one);
        }
    }
}

/// Where some items of a list are shown and the page counts the others, these are not shown here.
void Rest::list(const std::string& path, const Json& value) {
    const bool counted = !value.empty() && touched(value.front());
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (!counted || touched(value[i])) {
            any(fmt::format("{}[{}]", path, i), value[i]);
        }
    }
}

void Rest::any(const std::string& path, const Json& value) {
    if (is_shown(value) || is_nothing(value)) {
        return;
    }
    if (value.is_object()) {
        object(path, value);
    } else if (value.is_array()) {
        list(path, value);
    } else {
        page.hanging("  " + visible(path) + ": ", 4, words(value));
    }
}

}  // namespace

void render_rest(Page& page, const Json& record, const Shown& shown) {
    Page below(page.columns());
    Rest rest{shown, below};
    rest.any("", look(record, {"predicate"}));
    if (record.is_object()) {
        for (const auto& [key, value] : record.items()) {
            if (key != "predicate") {
                rest.any(key, value);
            }
        }
    }
    if (!below.text().empty()) {
        page.heading("Everything else that the record has, by its names in certificate.json");
        page.append(below);
    }
}

}  // namespace efface::view
