// SPDX-License-Identifier: Apache-2.0
// A private key that can sign, wherever it is. Private to the evidence module.
#pragma once

#include <memory>

#include "efface/evidence/key_uri.hpp"

#include "cms/openssl.hpp"

namespace efface::evidence {

struct OpenKey {
    /// Keeps the session with the token, or the provider of the TPM; lives longer than `key`.
    std::shared_ptr<void> keeper;
    /// What signs with this key: nullptr, the default one, or that of the TPM. Borrowed of
    /// `keeper`.
    OSSL_LIB_CTX* library = nullptr;
    const char* properties = nullptr;
    PkeyPtr key;
};

/// Throws Error(usage) when there is no such key or it is malformed, Error(authorisation) with its
/// reason when it must not be used (a file that others can read, a wrong or missing passphrase, a
/// token that is locked or has one try left).
[[nodiscard]] OpenKey open_key(const KeyUri& uri, PassphraseSource& passphrases);

/// Each behind open_key().
[[nodiscard]] OpenKey open_token_key(const KeyUri& uri, PassphraseSource& passphrases);
[[nodiscard]] OpenKey open_tpm_key(const KeyUri& uri);

/// EC on P-256 or P-384, or RSA of 3072 to 16384 bits: what a signature is accepted of. Empty when
/// it is.
[[nodiscard]] std::string key_problem(const EVP_PKEY* key);

}  // namespace efface::evidence
