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

/// nullptr when it is none.
const std::string* text_of(const Json& value) {
    return value.is_string() ? &value.get_ref<const std::string&>() : nullptr;
}

constexpr const char* kNoString = "must be a string";
constexpr const char* kNoObject = "must be an object";

}  // namespace

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
        {"nothing", is_nothing, "not allowed here"},
    };
    return kAll;
}

bool BuiltInShape::fits(const Json& value, const Place& place, Finding& finding) const {
    return accepts_(value) || finding.refuse(place, "must be " + what_);
}

bool TextShape::fits(const Json& value, const Place& place, Finding& finding) const {
    const std::string* text = text_of(value);
    if (text == nullptr) {
        return finding.refuse(place, kNoString);
    }
    if (text->size() < bytes_min || text->size() > bytes_max) {
        return finding.refuse(place, "must be " + std::to_string(bytes_min) + " to " +
                                         std::to_string(bytes_max) + " bytes");
    }
    if (std::find(refused.begin(), refused.end(), *text) != refused.end()) {
        return finding.refuse(place, "cannot be \"" + *text + "\" here");
    }
    return true;
}

bool HexShape::fits(const Json& value, const Place& place, Finding& finding) const {
    const std::string* text = text_of(value);
    if (text == nullptr) {
        return finding.refuse(place, kNoString);
    }
    std::string_view digits = *text;
    const bool behind = digits.starts_with(after);
    digits.remove_prefix(behind ? after.size() : 0);
    if (!behind || digits.size() % 2 != 0 ||
        !std::all_of(digits.begin(), digits.end(), is_lower_hex)) {
        return finding.refuse(place, "must be " + after + "bytes in lower-case hex");
    }
    return (digits.size() / 2 >= bytes_min && digits.size() / 2 <= bytes_max) ||
           finding.refuse(place, "must be " + std::to_string(bytes_min) + " to " +
                                     std::to_string(bytes_max) + " bytes in hex");
}

bool NumberShape::fits(const Json& value, const Place& place, Finding& finding) const {
    const bool inside = value.is_number_unsigned()
                            ? std::cmp_greater_equal(value.get<std::uint64_t>(), min) &&
                                  std::cmp_less_equal(value.get<std::uint64_t>(), max)
                            : value.is_number_integer() && value.get<std::int64_t>() >= min &&
                                  value.get<std::int64_t>() <= max;
    return inside || finding.refuse(place, "must be a whole number from " + std::to_string(min) +
                                               " to " + std::to_string(max));
}

bool WordShape::fits(const Json& value, const Place& place, Finding& finding) const {
    const std::string* text = text_of(value);
    if (text != nullptr && std::find(words.begin(), words.end(), *text) != words.end()) {
        return true;
    }
    std::string list;
    for (const std::string& word : words) {
        list += (list.empty() ? "\"" : ", \"") + word + "\"";
    }
    return finding.refuse(place, "must be one of " + list);
}

bool ApartShape::fits(const Json& value, const Place& place, Finding& finding) const {
    return value.is_object() || finding.refuse(place, kNoObject);
}

bool ListShape::fits(const Json& value, const Place& place, Finding& finding) const {
    if (!value.is_array() || value.size() < items_min || value.size() > items_max) {
        return finding.refuse(place, "must be a list of " + std::to_string(items_min) + " to " +
                                         std::to_string(items_max) + " items");
    }
    std::size_t index = 0;
    return std::all_of(value.begin(), value.end(), [&](const Json& one) {
        return item->fits(one, Place(place, index++), finding);
    });
}

bool MapShape::fits(const Json& value, const Place& place, Finding& finding) const {
    if (!value.is_object() || value.size() > items_max) {
        return finding.refuse(
            place, "must be an object of at most " + std::to_string(items_max) + " fields");
    }
    const auto& object = value.get_ref<const Json::object_t&>();
    return std::all_of(object.begin(), object.end(), [&](const auto& entry) {
        const Place here(place, entry.first);
        if (entry.first.empty() || entry.first.size() > kMapNameBytesMax) {
            return finding.refuse(here, "is not a valid name");
        }
        return item->fits(entry.second, here, finding);
    });
}

/// Both are sorted by name, so one walk sees what is missing and what nobody knows.
bool FieldsShape::fits(const Json& value, const Place& place, Finding& finding) const {
    if (!value.is_object()) {
        return finding.refuse(place, kNoObject);
    }
    const auto& object = value.get_ref<const Json::object_t&>();
    auto there = object.begin();
    const auto unknown = [&] {
        return finding.refuse(place, "unknown field \"" + printable(there->first) + "\"");
    };
    for (const Field& field : fields) {
        if (there != object.end() && there->first < field.name) {
            return unknown();
        }
        const bool found = there != object.end() && there->first == field.name;
        if (found && !there->second.is_null()) {
            if (!field.shape->fits(there->second, Place(place, field.name), finding)) {
                return false;
            }
        } else if (field.required) {
            return finding.refuse(place, "\"" + field.name + "\" is missing");
        }
        there = found ? std::next(there) : there;
    }
    return there == object.end() || unknown();
}

bool ChoiceShape::fits(const Json& value, const Place& place, Finding& finding) const {
    const Json* said = &value;
    for (const std::string& step : path) {
        if (!said->is_object() || !said->contains(step)) {
            return finding.refuse(place, "does not say its \"" + step + "\"");
        }
        said = &said->at(step);
    }
    if (!said->is_boolean() && !said->is_string()) {
        return finding.refuse(place, "its \"" + path.back() + "\" is not a known word");
    }
    const std::string word = said->is_boolean() ? (said->get<bool>() ? "true" : "false")
                                                : said->get_ref<const std::string&>();
    const auto chosen = std::find_if(cases.begin(), cases.end(), [&](const Case& one) {
        return one.only_begins ? word.starts_with(one.word) && word.size() > one.word.size()
                               : word == one.word;
    });
    const Shape* shape = chosen != cases.end() ? chosen->shape : otherwise;
    if (shape == nullptr) {
        return finding.refuse(place,
                              "its \"" + path.back() + "\" is not one of the allowed values");
    }
    return shape->fits(value, place, finding);
}

bool AnyShape::fits(const Json& value, const Place& place, Finding& finding) const {
    Finding unread(Finding::Words::nobody_reads);
    return std::any_of(shapes.begin(), shapes.end(),
                       [&](const Shape* shape) { return shape->fits(value, place, unread); }) ||
           finding.refuse(place, "is not one of the allowed values");
}

}  // namespace efface::rules
