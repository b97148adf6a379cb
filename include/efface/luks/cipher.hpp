// SPDX-License-Identifier: Apache-2.0
// Cipher specifications as dm-crypt reads them: "aes-xts-plain64", "aes:2-cbc-essiv:sha256",
// "capi:xts(aes)-plain64" (Linux, Documentation/admin-guide/device-mapper/dm-crypt.rst).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace efface::luks {

struct CipherSpecification {
    /// The names of cipher and mode in lower case: {"aes", "xts"}, {"authenc", "hmac", "sha256",
    /// "xts", "aes"}. Numbers (a key count) are left out.
    std::vector<std::string> words;
    std::string iv;  ///< "plain64", "essiv:sha256"; empty where none is named

    [[nodiscard]] bool has(std::string_view word) const noexcept;
};
/// Splits any text; one that dm-crypt would not take gives words that nobody knows, or none.
[[nodiscard]] CipherSpecification parse_cipher(std::string_view specification);

/// What a cipher does for what it is given, as far as its names say.
enum class CipherStrength {
    none,     ///< a null cipher: stored as it is
    ecb,      ///< equal blocks stay equal
    unknown,  ///< a name is not known, or is known as weaker than 128 bits
    known,    ///< 128 bits and more with a key that is long enough
};
[[nodiscard]] CipherStrength strength_of(const CipherSpecification& specification) noexcept;

/// Bits of `key_bytes` that make the strength: a mode with two keys has half, and the key of an
/// integrity tag ("hmac(sha256)", or empty) does not count.
[[nodiscard]] std::uint64_t effective_key_bits(const CipherSpecification& specification,
                                               std::string_view integrity,
                                               std::uint64_t key_bytes) noexcept;

}  // namespace efface::luks
