// SPDX-License-Identifier: Apache-2.0
// Questions about one SignerInfo. A "problem" is said in words and is empty when there is none.
// Private to the evidence module.
#pragma once

#include <optional>
#include <string>

#include "efface/base/digest.hpp"

#include "openssl.hpp"

namespace efface::evidence {

/// nullopt unless there is exactly one.
[[nodiscard]] std::optional<WallTime> signing_time_of(CMS_SignerInfo* signer);
/// The digest, the signature algorithm and the key must be allowed and fit each other.
[[nodiscard]] std::string algorithm_problem(CMS_SignerInfo* signer, X509* certificate);
/// Of the signed attributes, content type and digest are those of `content`.
[[nodiscard]] std::string attribute_problem(CMS_SignerInfo* signer, ByteView content);
/// What of its extensions is read here has one strict form, and is there once.
[[nodiscard]] std::string extension_problem(const X509* certificate);
/// The certificate is no CA and may sign.
[[nodiscard]] std::string usage_problem(X509* certificate);
/// The signature over the signed attributes.
[[nodiscard]] std::string signature_problem(CMS_SignerInfo* signer, X509* certificate);
/// signing-certificate-v2 (RFC 5035) is there once and names the first certificate of `chain`.
[[nodiscard]] bool names_its_certificate(CMS_SignerInfo* signer, STACK_OF(X509) * chain);

}  // namespace efface::evidence
