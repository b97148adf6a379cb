// SPDX-License-Identifier: Apache-2.0
// The JSON area of LUKS2 as a document, within bounds that hostile text cannot stretch.
#include <fmt/format.h>

#include "copy.hpp"
#include "damage/defects.hpp"

namespace efface::luks {

namespace {

/// Values that a document may hold. A value costs up to about 100 bytes once parsed, so this, and
/// not the 4 MiB of text, bounds the memory. 32 keyslots, 32 tokens and all the rest need under
/// 2000; long strings (token content) are not counted.
constexpr std::size_t kValuesMax = 32768;

/// Counts what can start a value, outside of strings.
std::size_t count_values(std::string_view text) {
    std::size_t count = 0;
    bool in_string = false;
    bool escaped = false;
    for (const char character : text) {
        if (in_string) {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if (character == '"') {
            in_string = true;
        } else if (character == ',' || character == '{' || character == '[') {
            ++count;
        }
    }
    return count;
}

}  // namespace

std::optional<Json> parse_luks2_text(std::string_view text, std::vector<std::string>& defects) {
    if (text.empty() || text.front() != '{') {
        add_defect(defects, "the JSON area does not begin with an object");
        return std::nullopt;
    }
    if (count_values(text) > kValuesMax) {
        add_defect(defects, fmt::format("the JSON holds more than {} values", kValuesMax));
        return std::nullopt;
    }
    JsonLimits limits;
    limits.bytes_max = kHeaderBytesMax;
    try {
        return parse_json(text, "JSON", limits);
    } catch (const Error& error) {
        add_defect(defects, clean(error.what()));
    }
    limits.duplicate_keys_allowed = true;
    try {
        return parse_json(text, "JSON", limits);
    } catch (const Error&) {
        return std::nullopt;  // the defect above says why
    }
}

}  // namespace efface::luks
