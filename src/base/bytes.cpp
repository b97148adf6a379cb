// SPDX-License-Identifier: Apache-2.0
#include "efface/base/bytes.hpp"

#include <algorithm>

namespace efface {

namespace {
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::optional<std::uint8_t> digit_value(std::string_view digits, char character) {
    const auto position = digits.find(character);
    if (position == std::string_view::npos) {
        return std::nullopt;
    }
    return static_cast<std::uint8_t>(position);
}
}  // namespace

std::string to_hex(ByteView bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const auto byte : bytes) {
        text.push_back(kHexDigits[byte >> 4U]);
        text.push_back(kHexDigits[byte & 0x0fU]);
    }
    return text;
}

std::optional<Bytes> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) {
        return std::nullopt;
    }
    Bytes bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const auto high = digit_value(kHexDigits, text[i]);
        const auto low = digit_value(kHexDigits, text[i + 1]);
        if (!high || !low) {
            return std::nullopt;
        }
        bytes.push_back(static_cast<std::uint8_t>((*high << 4U) | *low));
    }
    return bytes;
}

std::string to_base64(ByteView bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = std::uint32_t{bytes[i]} << 16U;
        group |= have > 1 ? std::uint32_t{bytes[i + 1]} << 8U : 0U;
        group |= have > 2 ? std::uint32_t{bytes[i + 2]} : 0U;
        for (std::size_t digit = 0; digit < 4; ++digit) {
            const auto value = (group >> (18U - 6U * digit)) & 0x3fU;
            text.push_back(digit <= have ? kBase64Digits[value] : '=');
        }
    }
    return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    Bytes bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        const bool last = i + 4 == text.size();
        std::size_t padding = 0;
        if (last && text[i + 3] == '=') {
            padding = text[i + 2] == '=' ? 2 : 1;
        }
        std::uint32_t group = 0;
        for (std::size_t digit = 0; digit < 4; ++digit) {
            const auto value = digit >= 4 - padding ? std::optional<std::uint8_t>{0}
                                                    : digit_value(kBase64Digits, text[i + digit]);
            if (!value) {
                return std::nullopt;
            }
            group = (group << 6U) | *value;
        }
        for (std::size_t byte = 0; byte < 3 - padding; ++byte) {
            bytes.push_back(static_cast<std::uint8_t>((group >> (16U - 8U * byte)) & 0xffU));
        }
    }
    // Bits behind the last byte must be zero, or two texts would mean the same bytes.
    if (to_base64(bytes) != text) {
        return std::nullopt;
    }
    return bytes;
}

bool all_zero(ByteView bytes) noexcept {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace efface
