// SPDX-License-Identifier: Apache-2.0
// Byte sequences, endian reads, and their text forms (hex, base64).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/assert.hpp"

namespace efface {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

/// The bytes of a string, borrowed.
[[nodiscard]] inline ByteView as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
/// The bytes as text, borrowed; no check of the encoding.
[[nodiscard]] inline std::string_view as_text(ByteView bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Reads an unsigned integer of `sizeof(T)` bytes, most significant byte first.
/// `offset + sizeof(T)` must lie within `bytes` (asserted: callers check foreign lengths first).
template <typename T>
[[nodiscard]] constexpr T read_be(ByteView bytes, std::size_t offset) {
    EFFACE_ASSERT(offset <= bytes.size() && sizeof(T) <= bytes.size() - offset);
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        value = static_cast<T>((value << 8U) | bytes[offset + i]);
    }
    return value;
}

/// Writes an unsigned integer of `sizeof(T)` bytes, most significant byte first.
template <typename T>
constexpr void write_be(MutableByteView bytes, std::size_t offset, T value) {
    EFFACE_ASSERT(offset <= bytes.size() && sizeof(T) <= bytes.size() - offset);
    for (std::size_t i = sizeof(T); i-- > 0;) {
        bytes[offset + i] = static_cast<std::uint8_t>(value & 0xffU);
        value = static_cast<T>(sizeof(T) > 1 ? value >> 8U : 0);
    }
}

/// Reads an unsigned integer of `sizeof(T)` bytes, least significant byte first.
/// `offset + sizeof(T)` must lie within `bytes` (asserted: callers check foreign lengths first).
template <typename T>
[[nodiscard]] constexpr T read_le(ByteView bytes, std::size_t offset) {
    EFFACE_ASSERT(offset <= bytes.size() && sizeof(T) <= bytes.size() - offset);
    std::uint64_t value = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) {
        value = (value << 8U) | bytes[offset + i];
    }
    return static_cast<T>(value);
}

/// Writes an unsigned integer of `sizeof(T)` bytes, least significant byte first.
template <typename T>
constexpr void write_le(MutableByteView bytes, std::size_t offset, T value) {
    EFFACE_ASSERT(offset <= bytes.size() && sizeof(T) <= bytes.size() - offset);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        bytes[offset + i] = static_cast<std::uint8_t>(value & 0xffU);
        value = static_cast<T>(sizeof(T) > 1 ? value >> 8U : 0);
    }
}

/// Lower-case hex, two digits a byte.
[[nodiscard]] std::string to_hex(ByteView bytes);
/// nullopt unless `text` is an even number of lower-case hex digits.
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view text);

/// RFC 4648 section 4, padded, no line breaks.
[[nodiscard]] std::string to_base64(ByteView bytes);
/// nullopt unless `text` is exactly what to_base64() would write for some bytes (canonical form).
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

/// True when every byte is zero. An empty view is all zero.
[[nodiscard]] bool all_zero(ByteView bytes) noexcept;

}  // namespace efface
