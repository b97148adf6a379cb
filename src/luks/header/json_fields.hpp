// SPDX-License-Identifier: Apache-2.0
// Fields of foreign JSON read leniently: a wrong type is the same as a missing field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::luks {

/// Entries read of one array or object; LUKS2 allows 32.
constexpr std::size_t kEntriesMax = 64;

/// nullptr when `object` is no object or has no such member.
[[nodiscard]] const Json* member(const Json& object, const char* key);
/// Cleaned; empty when missing or not a string.
[[nodiscard]] std::string text_of(const Json& object, const char* key);
/// The raw string; empty when missing or not a string. Borrowed.
[[nodiscard]] std::string_view raw_text_of(const Json& object, const char* key);
/// A JSON integer that is not negative.
[[nodiscard]] std::optional<std::uint64_t> number_of(const Json& object, const char* key);
/// LUKS2 writes 64-bit numbers as strings of decimal digits.
[[nodiscard]] std::optional<std::uint64_t> digits_of(const Json& object, const char* key);
/// The number that names a keyslot, token, segment or digest; -1 for anything that is none.
[[nodiscard]] int index_of(std::string_view name);

/// An array of names of keyslots or segments. nullopt when it is not completely one.
[[nodiscard]] std::optional<std::vector<int>> indexes_of(const Json& object, const char* key);
/// An array of strings, cleaned. nullopt when it is not completely one.
[[nodiscard]] std::optional<std::vector<std::string>> texts_of(const Json& array);

}  // namespace efface::luks
