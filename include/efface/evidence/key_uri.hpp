// SPDX-License-Identifier: Apache-2.0
// Where a private key is, and what opens it. A key in a file, on a token (smart card, HSM) and in a
// TPM is used in the same way; how it is held is what its certificate says, never its place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "efface/base/bytes.hpp"
#include "efface/base/secret.hpp"

namespace efface::evidence {

constexpr std::size_t kKeyUriBytesMax = 4096;

/// An object on a PKCS#11 token: the attributes of RFC 7512 that narrow it down. Each that is given
/// must be equal.
struct TokenKey {
    std::optional<std::string> token;
    std::optional<std::string> manufacturer;
    std::optional<std::string> model;
    std::optional<std::string> serial;
    std::optional<std::string> object;
    std::optional<Bytes> id;
    std::filesystem::path module;      ///< module-path: the library of the token's vendor, absolute
    std::filesystem::path pin_source;  ///< pin-source: a file, absolute; empty: asked for
};

/// A persistent handle of a TPM 2.0 (TPM 2.0 Library, part 2, 7.4: 81xxxxxx).
struct TpmKey {
    std::uint32_t handle = 0;
};

struct KeyUri {
    enum class Place { file, token, tpm };
    Place place = Place::file;
    std::string text;            ///< as it was given
    std::filesystem::path path;  ///< Place::file
    TokenKey token;
    TpmKey tpm;
};

/// "file:PATH" or a path, "pkcs11:..." (RFC 7512, with module-path), "handle:0x81......". Throws
/// Error(usage) for anything else, and for a PIN in the text: other users of the machine can read
/// command lines.
[[nodiscard]] KeyUri parse_key_uri(std::string_view text);

/// Who knows passphrases and PINs. Asked once for a key that needs one: a token counts wrong tries.
class PassphraseSource {
  public:
    virtual ~PassphraseSource() = default;
    /// `of`: what it opens, to show to a person. Throws when there is none.
    [[nodiscard]] virtual SecretBytes passphrase(const std::string& of) = 0;

  protected:
    PassphraseSource() = default;
    PassphraseSource(const PassphraseSource&) = default;
    PassphraseSource& operator=(const PassphraseSource&) = default;
};

/// Nobody is asked: Error(authorisation, no_passphrase) with how to give one.
class NoPassphrase final : public PassphraseSource {
  public:
    [[nodiscard]] SecretBytes passphrase(const std::string& of) override;
};

}  // namespace efface::evidence
