// SPDX-License-Identifier: Apache-2.0
#include "shape_forms.hpp"

#include <algorithm>

#include "efface/base/bytes.hpp"
#include "efface/base/clock.hpp"
#include "efface/base/reason.hpp"

namespace efface::rules {

namespace {

constexpr std::size_t kMapNameBytesMax = 128;
constexpr std::size_t kDigitsMax = 20;  // of 2^64 - 1

bool is_lower_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool is_flag(const Json& value) {
    return value.is_boolean();
}

bool is_time(const Json& value) {
    return value.is_string() && from_rfc3339(value.get_ref<const std::string&>()).has_value();
}

/// RFC 9562, in the one form that records have.
bool is_uuid(const Json& value) {
    constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (!value.is_string()) {
        return false;
    }
    const auto& text = value.get_ref<const std::string&>();
    return std::equal(text.begin(), text.end(), kForm.begin(), kForm.end(),
                      [](char c, char form) { return form == '-' ? c == '-' : is_lower_hex(c); });
}

/// A whole number that JSON may not carry, as text.
bool is_digits(const Json& value) {
    if (!value.is_string()) {
        return false;
    }
    const auto& text = value.get_ref<const std::string&>();
    return !text.empty() && text.size() <= kDigitsMax &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_reason(const Json& value) {
    return value.is_string() &&
           reason_code_from_string(value.get_ref<const std::string&>()).has_value();
}

bool is_nothing(const Json& /*value*/) {
    return false;
}

const std::string& text_of(const Json& value, const Place& place) {
    if (!value.is_string()) {
        place.fail("must be a string");
    }
    return value.get_ref<const std::string&>();
}

}  // namespace

void Place::fail(const std::string& problem) const {
    throw Error(ErrorCode::usage, words() + ": " + problem);
}

std::string Place::words() const {
    if (parent_ == nullptr) {
        return std::string(key_);
    }
    return parent_->words() + (item_ ? "[" + std::to_string(index_) + "]" : "." + printable(key_));
}

const std::vector<BuiltIn>& built_in_shapes() {
    static const std::vector<BuiltIn> kAll = {
        {"flag", is_flag, "true or false"},
        {"time", is_time, "a time like 2026-11-21T09:41:07Z"},
        {"uuid", is_uuid, "a UUID in lower-case hex"},
        {"digits", is_digits, "a whole number as text"},
        {"reason", is_reason, "a code of efface-reasons(7)"},
        {"nothing", is_nothing, "missing here"},
    };
    return kAll;
}

void BuiltInShape::check(const Json& value, const Place& place) const {
    if (!accepts_(value)) {
        place.fail("must be " + what_);
    }
}

void TextShape::check(const Json& value, const Place& place) const {
    const std::string& text = text_of(value, place);
    const std::size_t bytes = text.size();
    if (bytes < bytes_min) {
        place.fail(bytes == 0 ? "must not be empty" : "is too short");
    }
    if (bytes > bytes_max) {
        place.fail("must be at most " + std::to_string(bytes_max) + " bytes");
    }
    if (std::find(refused.begin(), refused.end(), text) != refused.end()) {
        place.fail("can not be \"" + text + "\" here");
    }
}

void HexShape::check(const Json& value, const Place& place) const {
    std::string_view digits = text_of(value, place);
    const bool behind = digits.starts_with(after);
    digits.remove_prefix(behind ? after.size() : 0);
    if (!behind || digits.size() % 2 != 0 ||
        !std::all_of(digits.begin(), digits.end(), is_lower_hex)) {
        place.fail("must be " + after + "bytes in lower-case hex");
    }
    if (digits.size() / 2 < bytes_min || digits.size() / 2 > bytes_max) {
        place.fail("must be " + std::to_string(bytes_min) + " to " + std::to_string(bytes_max) +
                   " bytes in hex");
    }
}

void NumberShape::check(const Json& value, const Place& place) const {
    const bool fits = value.is_number_unsigned()
                          ? std::cmp_greater_equal(value.get<std::uint64_t>(), min) &&
                                std::cmp_less_equal(value.get<std::uint64_t>(), max)
                          : value.is_number_integer() && value.get<std::int64_t>() >= min &&
                                value.get<std::int64_t>() <= max;
    if (!fits) {
        place.fail("must be a whole number from " + std::to_string(min) + " to " +
                   std::to_string(max));
    }
}

void WordShape::check(const Json& value, const Place& place) const {
    const std::string& text = text_of(value, place);
    if (std::find(words.begin(), words.end(), text) == words.end()) {
        std::string list;
        for (const std::string& word : words) {
            list += (list.empty() ? "" : ", ") + ("\"" + word + "\"");
        }
        place.fail("must be one of " + list);
    }
}

void ApartShape::check(const Json& value, const Place& place) const {
    if (!value.is_object()) {
        place.fail("must be an object");
    }
}

void ListShape::check(const Json& value, const Place& place) const {
    if (!value.is_array()) {
        place.fail("must be a list");
    }
    if (value.size() < items_min || value.size() > items_max) {
        place.fail("must be a list of " + std::to_string(items_min) + " to " +
                   std::to_string(items_max) + " items");
    }
    std::size_t index = 0;
    for (const Json& one : value) {
        item->check(one, Place(place, index++));
    }
}

void MapShape::check(const Json& value, const Place& place) const {
    if (!value.is_object() || value.size() > items_max) {
        place.fail("must be an object of at most " + std::to_string(items_max) + " fields");
    }
    for (const auto& [key, one] : value.get_ref<const Json::object_t&>()) {
        const Place here(place, key);
        if (key.empty() || key.size() > kMapNameBytesMax) {
            here.fail("is no name");
        }
        item->check(one, here);
    }
}

/// Both are sorted by name, so one walk sees what is missing and what nobody knows.
void FieldsShape::check(const Json& value, const Place& place) const {
    if (!value.is_object()) {
        place.fail("must be an object");
    }
    const auto& object = value.get_ref<const Json::object_t&>();
    auto there = object.begin();
    const auto refuse_unknown = [&] {
        place.fail("unknown field \"" + printable(there->first) + "\"");
    };
    for (const Field& field : fields) {
        if (there != object.end() && there->first < field.name) {
            refuse_unknown();
        }
        const bool found = there != object.end() && there->first == field.name;
        if (found && !there->second.is_null()) {
            field.shape->check(there->second, Place(place, field.name));
        } else if (field.required) {
            place.fail("\"" + field.name + "\" is missing");
        }
        there = found ? std::next(there) : there;
    }
    if (there != object.end()) {
        refuse_unknown();
    }
}

void ChoiceShape::check(const Json& value, const Place& place) const {
    const Json* said = &value;
    for (const std::string& step : path) {
        const auto found = said->is_object() ? said->find(step) : said->end();
        if (!said->is_object() || found == said->end()) {
            place.fail("does not say what it is: \"" + step + "\" is missing");
        }
        said = &*found;
    }
    if (!said->is_boolean() && !said->is_string()) {
        place.fail("does not say what it is: \"" + path.back() + "\" is no word");
    }
    const std::string word = said->is_boolean() ? (said->get<bool>() ? "true" : "false")
                                                : said->get_ref<const std::string&>();
    const auto chosen = std::find_if(cases.begin(), cases.end(), [&](const Case& one) {
        return one.only_begins ? word.starts_with(one.word) && word.size() > one.word.size()
                               : word == one.word;
    });
    const Shape* shape = chosen != cases.end() ? chosen->shape : otherwise;
    if (shape == nullptr) {
        place.fail("\"" + path.back() + "\" is none of what it may be");
    }
    shape->check(value, place);
}

void AnyShape::check(const Json& value, const Place& place) const {
    for (const Shape* shape : shapes) {
        try {
            shape->check(value, place);
            return;
        } catch (const Error&) {
            continue;  // maybe the next one
        }
    }
    place.fail("is none of what it may be");
}

}  // namespace efface::rules
