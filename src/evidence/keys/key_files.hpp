// SPDX-License-Identifier: Apache-2.0
// Private keys in files: PKCS#8 PEM, for the owner alone. Private to the evidence module.
#pragma once

#include <filesystem>

#include "efface/base/secret.hpp"
#include "efface/evidence/key_uri.hpp"

#include "cms/openssl.hpp"

namespace efface::evidence {

/// Asks for the passphrase of an encrypted key (PKCS#8, "ENCRYPTED PRIVATE KEY"). Error(usage) when
/// missing or malformed; Error(authorisation) when group or others may read it, it is not a regular
/// file, or the passphrase is wrong.
[[nodiscard]] PkeyPtr read_private_key(const std::filesystem::path& path,
                                       PassphraseSource& passphrases);
/// The same where nobody can be asked.
[[nodiscard]] PkeyPtr read_private_key(const std::filesystem::path& path);
/// Whether a passphrase is needed; false where there is no such file.
[[nodiscard]] bool is_encrypted_key(const std::filesystem::path& path);
/// Durable, mode 0600. `passphrase`: encrypted with AES-256 by a key that scrypt makes of it (RFC
/// 7914: N 16384, r 8, p 1); null: as it is.
void write_private_key(const std::filesystem::path& path, const EVP_PKEY* key,
                       const SecretBytes* passphrase = nullptr);

/// A passphrase or PIN: the file's first line, or all of it. The same rules as for a private key.
[[nodiscard]] SecretBytes read_secret_file(const std::filesystem::path& path,
                                           std::size_t bytes_max);

[[nodiscard]] PkeyPtr ed25519_from_seed(const SecretBytes& seed);
/// Error(usage) when it is no Ed25519 key.
[[nodiscard]] SecretBytes seed_of_ed25519(const EVP_PKEY* key);

}  // namespace efface::evidence
