// SPDX-License-Identifier: Apache-2.0
// Revocation lists of the evidence root: RFC 5280 section 5. Private to the evidence module.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/evidence/keys.hpp"

#include "openssl.hpp"

namespace efface::evidence {

/// What lists in PEM say of certificates of the trusted roots. An old list is not refused: it says
/// less than a new one, never something wrong.
class Revocations final {
  public:
    /// Throws Error(usage) for a text that is not only revocation lists in PEM, and for a list that
    /// none of the roots signed. An empty text revokes nothing.
    Revocations(std::string_view lists_pem, std::string_view roots_pem);
    ~Revocations();
    Revocations(const Revocations&) = delete;
    Revocations& operator=(const Revocations&) = delete;

    /// nullopt: not on a list of its issuer.
    [[nodiscard]] std::optional<Revocation> of(const X509* certificate) const;

  private:
    struct List;
    std::vector<List> lists_;
};

/// What is entered for a certificate.
struct RevocationEntry {
    WallTime at{};
    std::optional<WallTime> since;  ///< invalidity date (RFC 5280 section 5.3.2)
    RevocationReason reason = RevocationReason::replaced;
};

/// A new list in PEM: that of `old_pem` (may be empty) and these certificates, signed by the root.
[[nodiscard]] std::string revocation_list(std::string_view old_pem,
                                          const std::vector<X509Ptr>& certificates,
                                          const RevocationEntry& entry, const X509* root,
                                          EVP_PKEY* root_key);

}  // namespace efface::evidence
