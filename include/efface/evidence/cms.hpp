// SPDX-License-Identifier: Apache-2.0
// Detached CMS signatures (RFC 5652) with CAdES-BES attributes (ETSI EN 319 122-1), and a verifier
// that is stricter than `openssl cms -verify -cades`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/evidence/keys.hpp"

namespace efface::evidence {

/// DER, detached, one SignerInfo, signed attributes: content type, message digest, signing time,
/// signing-certificate-v2; certificates included. SHA-256 with ECDSA.
[[nodiscard]] Bytes cms_sign(ByteView content, const SigningKey& key, WallTime at);
/// Adds one parallel SignerInfo over the same content. Error(usage) when `existing` is no CMS
/// signature of this content, or this key has signed already.
[[nodiscard]] Bytes cms_add_signer(ByteView existing, ByteView content, const SigningKey& key,
                                   WallTime at);

/// Whether one of the signers is said to be this key; nothing is verified.
[[nodiscard]] bool cms_signed_by(ByteView signature_der, const SigningKey& key);

struct Signer {
    std::string subject;             ///< common name
    Issuer named;                    ///< organization, unit and common name, as they are written
    std::string spki_sha256;         ///< hex
    std::string certificate_sha256;  ///< hex, of the DER certificate
    std::optional<Role> role;        ///< from the certificate policies; nullopt = none or several
    Held held = Held::software;      ///< from the same
    std::optional<Revocation> revoked;
    std::optional<WallTime> signing_time;
    std::string root_sha256;  ///< of the trust anchor that its chain ends at; empty when at none
};
struct CmsReport {
    std::vector<Signer> signers;
    /// In words. Empty = every SignerInfo is good: signature and message digest right, signed
    /// attributes present, signing-certificate-v2 names the certificate that verified, chain to
    /// one of the roots valid at its own signing time, key usage digitalSignature, an extended key
    /// usage (where there is one) that takes in signed messages, no duplicate signer, allowed
    /// algorithms (ECDSA P-256/P-384 with SHA-256/384, RSA >= 3072), no trailing bytes, no embedded
    /// content.
    std::vector<std::string> problems;
    [[nodiscard]] bool ok() const noexcept { return problems.empty() && !signers.empty(); }
};
/// The trust anchors in a PEM text; empty when it holds none, or something malformed.
struct TrustedRoot {
    std::string subject;  ///< common name
    std::string sha256;   ///< hex, of the DER certificate
};
[[nodiscard]] std::vector<TrustedRoot> trusted_roots(std::string_view roots_pem);
/// Throws Error(usage) for a text that is not only revocation lists in PEM, and for a list that
/// none of the roots signed. An empty text is good.
void check_revocations(std::string_view revocations_pem, std::string_view roots_pem);
/// `roots_pem` is one or more trust anchors, `revocations_pem` the revocation lists that they
/// signed (may be empty): a signature from the time on from which its key was revoked is a problem.
/// Foreign input: bounded (1 MiB), never throws for it.
[[nodiscard]] CmsReport cms_verify(ByteView content, ByteView signature_der,
                                   std::string_view roots_pem,
                                   std::string_view revocations_pem = {});

}  // namespace efface::evidence
