// SPDX-License-Identifier: Apache-2.0
// Making the certificates of an evidence root, and reading what a certificate says of its holder.
// Private to the evidence module.
#pragma once

#include <optional>
#include <string>

#include "efface/base/random.hpp"
#include "efface/evidence/keys.hpp"

#include "openssl.hpp"

namespace efface::evidence {

struct SubjectName {
    std::string organization;
    std::string unit;  ///< left out when empty
    std::string common_name;
};

[[nodiscard]] PkeyPtr make_ec_key(const char* curve);

/// Self-signed: CA:TRUE with path length 0, keyCertSign and cRLSign, 20 years from `now`.
[[nodiscard]] X509Ptr make_root(const SubjectName& subject, EVP_PKEY* key, WallTime now,
                                Random& random);
/// Below the root: no CA, digitalSignature and nonRepudiation, no extended key usage, one
/// certificate policy that is the role, and a second one where the key is held in hardware; 3 years
/// from `now`, or as long as the root lives. Of `key` the public part is enough.
[[nodiscard]] X509Ptr make_leaf(const SubjectName& subject, EVP_PKEY* key, const Holder& holder,
                                const X509* root, EVP_PKEY* root_key, WallTime now, Random& random);
/// The extension of a list that names the root's key.
void add_authority_key(X509_CRL* list, const X509* root);

/// What organization, unit and common name say, letter by letter; empty where there is none, or
/// several, or it is in a character set that is not a part of UTF-8.
[[nodiscard]] Issuer names_of(const X509* certificate);

/// The role among the certificate policies; nullopt for none, for several, and when the extension
/// is malformed or there twice.
[[nodiscard]] std::optional<Role> role_of(const X509* certificate);
/// Hardware only where its issuer says so, once.
[[nodiscard]] Held held_of(const X509* certificate);
/// Throws Error(usage) when its dates are no dates.
[[nodiscard]] Validity validity_of(const X509* certificate);
/// Hex.
[[nodiscard]] std::string serial_of(const X509* certificate);

}  // namespace efface::evidence
