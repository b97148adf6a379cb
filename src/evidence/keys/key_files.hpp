// SPDX-License-Identifier: Apache-2.0
// Private keys in files: PKCS#8 PEM, for the owner alone. Private to the evidence module.
#pragma once

#include <filesystem>

#include "efface/base/secret.hpp"

#include "cms/openssl.hpp"

namespace efface::evidence {

/// Error(usage) when missing or malformed (encrypted keys are: nobody is asked for a passphrase);
/// Error(authorisation) when group or others may read it, or it is not a regular file.
[[nodiscard]] PkeyPtr read_private_key(const std::filesystem::path& path);
/// Durable, mode 0600.
void write_private_key(const std::filesystem::path& path, const EVP_PKEY* key);

[[nodiscard]] PkeyPtr ed25519_from_seed(const SecretBytes& seed);
/// Error(usage) when it is no Ed25519 key.
[[nodiscard]] SecretBytes seed_of_ed25519(const EVP_PKEY* key);

}  // namespace efface::evidence
