// SPDX-License-Identifier: Apache-2.0
// Tables of what is written down and read again: the fields of a journal, the words of an enum. One
// table serves both directions.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::method {

// A table of fields is a generic lambda (auto& value, const auto& visit) that calls
// visit(key, value.member) for each member which JSON has a form for.

template <class Fields, class T>
[[nodiscard]] Json write_fields(const Fields& fields, const T& value) {
    Json json = Json::object();
    fields(value, [&](const char* key, const auto& member) { json[key] = member; });
    return json;
}
/// Throws Json::exception for anything that write_fields() does not write.
template <class T, class Fields>
[[nodiscard]] T read_fields(const Fields& fields, const Json& json) {
    T value;
    fields(value, [&](const char* key, auto& member) { json.at(key).get_to(member); });
    return value;
}

template <class T, class Write>
[[nodiscard]] Json write_list(const std::vector<T>& list, const Write& write) {
    Json json = Json::array();
    for (const auto& one : list) {
        json.push_back(write(one));
    }
    return json;
}
template <class Read>
[[nodiscard]] auto read_list(const Json& json, const Read& read) {
    std::vector<decltype(read(json))> list;
    for (const auto& one : json) {
        list.push_back(read(one));
    }
    return list;
}

template <class E>
struct Word {
    E value;
    const char* text;
};
/// Of a table that has a row for every value.
template <class E, std::size_t N>
[[nodiscard]] constexpr const char* word_of(const Word<E> (&words)[N], E value) noexcept {
    for (const auto& word : words) {
        if (word.value == value) {
            return word.text;
        }
    }
    return words[N - 1].text;
}
template <class E, std::size_t N>
[[nodiscard]] constexpr std::optional<E> find_word(const Word<E> (&words)[N],
                                                   std::string_view text) noexcept {
    for (const auto& word : words) {
        if (text == word.text) {
            return word.value;
        }
    }
    return std::nullopt;
}

}  // namespace efface::method
