// SPDX-License-Identifier: Apache-2.0
#include "hidden_characters.hpp"

#include <algorithm>
#include <array>

namespace efface::mandate {

namespace {

/// First and last code point, UAX #9 (Bidi_Control) and the categories Cc, Zl and Zp.
constexpr std::array<std::pair<char32_t, char32_t>, 7> kHidden{{{0x00, 0x1f},
                                                                {0x7f, 0x9f},
                                                                {0x61c, 0x61c},
                                                                {0x200e, 0x200f},
                                                                {0x2028, 0x2029},
                                                                {0x202a, 0x202e},
                                                                {0x2066, 0x2069}}};

bool is_hidden(char32_t point) noexcept {
    return std::any_of(kHidden.begin(), kHidden.end(), [&](const auto& range) {
        return point >= range.first && point <= range.second;
    });
}

/// The text is UTF-8: the reader of JSON takes nothing else. A hidden character has at most three
/// bytes.
bool has_hidden(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = [&](std::size_t k) {
            return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U;
        };
        char32_t point = byte(0);
        if (point >= 0xc0 && point < 0xe0) {
            point = (point & 0x1fU) << 6U | (byte(1) & 0x3fU);
        } else if (point >= 0xe0 && point < 0xf0) {
            point = (point & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
        } else if (point >= 0x80) {
            continue;  // in the middle of a character, or one of four bytes
        }
        if (is_hidden(point)) {
            return true;
        }
    }
    return false;
}

}  // namespace

void refuse_hidden_characters(const Json& document, const std::string& where) {
    if (const auto* text = document.get_ptr<const std::string*>();
        text != nullptr && has_hidden(*text)) {
        throw Error(ErrorCode::usage, ReasonCode::unprintable_name,
                    where +
                        ": must not contain control characters or characters that change the "
                        "direction of text");
    }
    for (const auto& item : document.items()) {
        if (document.is_object()) {
            refuse_hidden_characters(
                item.value(), where + (where.ends_with(':') ? " " : ".") + printable(item.key()));
        } else if (document.is_array()) {
            refuse_hidden_characters(item.value(), where + "[" + item.key() + "]");
        }
    }
}

}  // namespace efface::mandate
