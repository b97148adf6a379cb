// SPDX-License-Identifier: Apache-2.0
// Untrusted JSON read strictly, and our own JSON written canonically (RFC 8785).
#pragma once

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "efface/base/error.hpp"

namespace efface {

using Json = nlohmann::json;

struct JsonLimits {
    std::size_t bytes_max = std::size_t{1} << 20U;
    std::size_t depth_max = 32;
    /// A repeated key is an error; where allowed, the first one wins.
    bool duplicate_keys_allowed = false;
};

/// Parses one JSON document of UTF-8 text. Throws Error(usage), saying `what` the text is and
/// where it went wrong, for anything else: larger or deeper than the limits, not UTF-8, repeated
/// keys, trailing text, comments.
[[nodiscard]] Json parse_json(std::string_view text, const std::string& what,
                              const JsonLimits& limits = {});

/// RFC 8785 form, for the subset that our records use: objects with ASCII keys, arrays, strings
/// without control characters but the line feed, booleans, null, integers within +-(2^53 - 1).
/// Throws Error(internal) for anything outside the subset (floats, larger integers).
[[nodiscard]] std::string canonical_json(const Json& value);

/// Reads one object field by field and refuses what nobody asked for. Every message names the
/// place: "manifest: volumes[2].uuid: must be a string". Borrowed: the JSON must outlive it.
class ObjectReader final {
  public:
    /// Throws Error(usage) unless `value` is an object.
    ObjectReader(const Json& value, std::string where);

    [[nodiscard]] std::string required_string(const char* key);
    [[nodiscard]] std::optional<std::string> optional_string(const char* key);
    [[nodiscard]] std::optional<std::uint64_t> optional_unsigned(const char* key);
    [[nodiscard]] std::uint64_t required_unsigned(const char* key);
    [[nodiscard]] bool optional_bool(const char* key, bool fallback);
    /// nullptr when missing; Error(usage) unless an array / object.
    [[nodiscard]] const Json* optional_array(const char* key);
    [[nodiscard]] const Json* optional_object(const char* key);
    /// Any value; nullptr when missing.
    [[nodiscard]] const Json* optional_any(const char* key);
    [[nodiscard]] const Json& required_array(const char* key);
    [[nodiscard]] const Json& required_object(const char* key);

    /// Throws Error(usage) naming every key that was not asked for.
    void refuse_unknown_keys() const;
    /// "where.key", for messages of the caller.
    [[nodiscard]] std::string at(std::string_view key) const;
    /// Throws Error(usage) "where.key: problem".
    [[noreturn]] void fail(std::string_view key, const std::string& problem) const;

  private:
    const Json* find(const char* key);
    const Json& object_;
    std::string where_;
    std::set<std::string, std::less<>> asked_;
};

/// Builds one object field by field: the counterpart of ObjectReader. Out of line on purpose, as a
/// braced literal of nlohmann's costs three times the time to compile and five times the code.
///   return ObjectWriter().add("name", name).add("offset", offset).take();
class ObjectWriter final {
  public:
    ObjectWriter& add(const char* key, Json value);
    ObjectWriter& add(const char* key, const char* value);
    ObjectWriter& add(const char* key, std::string_view value);
    ObjectWriter& add(const char* key, std::string value);
    ObjectWriter& add(const char* key, const std::vector<std::string>& values);
    ObjectWriter& add(const char* key, const std::set<std::string>& values);
    /// A list of {"code", "text"}.
    ObjectWriter& add(const char* key, const std::vector<Reason>& values);
    ObjectWriter& add(const char* key, std::nullptr_t);
    /// Booleans and whole numbers; a double does not compile, as no record has fractions.
    template <std::integral T>
    ObjectWriter& add(const char* key, T value) {
        if constexpr (std::is_same_v<T, bool>) {
            return add_bool(key, value);
        } else if constexpr (std::is_signed_v<T>) {
            return add_signed(key, value);
        } else {
            return add_unsigned(key, value);
        }
    }
    template <std::floating_point T>
    ObjectWriter& add(const char* key, T value) = delete;
    /// null where there is none.
    template <typename T>
    ObjectWriter& add(const char* key, const std::optional<T>& value) {
        return value ? add(key, *value) : add(key, nullptr);
    }
    /// The object; the writer is empty afterwards.
    [[nodiscard]] Json take();

  private:
    ObjectWriter& add_bool(const char* key, bool value);
    ObjectWriter& add_signed(const char* key, std::int64_t value);
    ObjectWriter& add_unsigned(const char* key, std::uint64_t value);
    Json object_ = Json::object();
};

/// Whether a record can carry the text as it is.
[[nodiscard]] bool is_utf8(std::string_view text);

/// Device strings made safe for records: printable ASCII kept, the rest replaced by '?', trimmed.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace efface
