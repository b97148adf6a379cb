// SPDX-License-Identifier: Apache-2.0
// DER (X.690) read strictly. OpenSSL is lenient where it keeps the bytes of a name or a certificate
// as it found them; who compares signatures byte by byte must not be. Private to the evidence
// module.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::evidence {

/// Tags with class and form.
constexpr std::uint8_t kDerBoolean = 0x01;
constexpr std::uint8_t kDerInteger = 0x02;
constexpr std::uint8_t kDerBitString = 0x03;
constexpr std::uint8_t kDerOctetString = 0x04;
constexpr std::uint8_t kDerNull = 0x05;
constexpr std::uint8_t kDerOid = 0x06;
constexpr std::uint8_t kDerUtcTime = 0x17;
constexpr std::uint8_t kDerGeneralizedTime = 0x18;
constexpr std::uint8_t kDerSequence = 0x30;
constexpr std::uint8_t kDerSet = 0x31;
constexpr std::uint8_t kDerContext0 = 0xa0;
constexpr std::uint8_t kDerContext1 = 0xa1;
constexpr std::uint8_t kDerContext3 = 0xa3;

struct DerElement {
    std::uint8_t tag = 0;
    ByteView content;  ///< borrowed
};

/// The elements in a row, at most 4096; nullopt unless all are whole, with definite lengths in
/// their shortest form, tags of one byte, and primitive or constructed as DER wants it.
[[nodiscard]] std::optional<std::vector<DerElement>> der_elements(ByteView bytes);
/// The same for what stands inside one element of this tag, and nothing behind it.
[[nodiscard]] std::optional<std::vector<DerElement>> der_children(ByteView bytes, std::uint8_t tag);
/// Whether elements stand as those of a SET OF must (X.690 section 11.6): in the order of their
/// bytes.
[[nodiscard]] bool is_in_set_order(const std::vector<DerElement>& elements);
/// Whether this is elements like that, to any depth (24 at most), with each SET in its order.
[[nodiscard]] bool is_strict_der(ByteView bytes);

}  // namespace efface::evidence
