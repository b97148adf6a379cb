// SPDX-License-Identifier: Apache-2.0
#include "json_fields.hpp"

#include <charconv>

#include "damage/defects.hpp"

namespace efface::luks {

namespace {

constexpr std::size_t kDigitsMax = 20;  // of 2^64 - 1
constexpr std::uint64_t kIndexMax = 9999;

std::optional<std::uint64_t> parse_digits(std::string_view text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, value);
    if (text.empty() || text.size() > kDigitsMax || problem != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return value;
}

}  // namespace

const Json* member(const Json& object, const char* key) {
    if (!object.is_object()) {
        return nullptr;
    }
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

std::string_view raw_text_of(const Json& object, const char* key) {
    const Json* value = member(object, key);
    if (value == nullptr || !value->is_string()) {
        return {};
    }
    return value->get_ref<const std::string&>();
}

std::string text_of(const Json& object, const char* key) {
    return clean(raw_text_of(object, key));
}

std::optional<std::uint64_t> number_of(const Json& object, const char* key) {
    const Json* value = member(object, key);
    if (value == nullptr || !value->is_number_unsigned()) {
        return std::nullopt;  // the parser makes every integer that is not negative unsigned
    }
    return value->get<std::uint64_t>();
}

std::optional<std::uint64_t> digits_of(const Json& object, const char* key) {
    return parse_digits(raw_text_of(object, key));
}

int index_of(std::string_view name) {
    const std::optional<std::uint64_t> value = parse_digits(name);
    return value && *value <= kIndexMax ? static_cast<int>(*value) : -1;
}

std::optional<std::vector<int>> indexes_of(const Json& object, const char* key) {
    const Json* array = member(object, key);
    if (array == nullptr || !array->is_array() || array->size() > kEntriesMax) {
        return std::nullopt;
    }
    std::vector<int> indexes;
    for (const Json& entry : *array) {
        const int index = entry.is_string() ? index_of(entry.get_ref<const std::string&>()) : -1;
        if (index < 0) {
            return std::nullopt;
        }
        indexes.push_back(index);
    }
    return indexes;
}

std::optional<std::vector<std::string>> texts_of(const Json& array) {
    if (!array.is_array() || array.size() > kEntriesMax) {
        return std::nullopt;
    }
    std::vector<std::string> texts;
    for (const Json& entry : array) {
        if (!entry.is_string()) {
            return std::nullopt;
        }
        texts.push_back(clean(entry.get_ref<const std::string&>()));
    }
    return texts;
}

}  // namespace efface::luks
