// SPDX-License-Identifier: Apache-2.0
// The keys that sign evidence, and X.509 for who holds them. One trust model for certificates,
// approvals and orders: an evidence root, and below it one certificate a station or person, whose
// role is a policy OID that the root put there.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/base/clock.hpp"
#include "efface/base/random.hpp"
#include "efface/evidence/log.hpp"

namespace efface::evidence {

/// Certificate policies under 2.25.<UUID as integer> (ITU-T X.667, no registration needed); the
/// arc is documented in efface-certificate.5.
enum class Role { station, operator_person, witness, approver };
[[nodiscard]] const char* to_string(Role role) noexcept;  // "station", "operator", ...
[[nodiscard]] std::optional<Role> role_from_string(std::string_view text) noexcept;
[[nodiscard]] const char* policy_oid(Role role) noexcept;  // dotted

struct Issuer {
    std::string organization;
    std::string site;
    std::string station_id;
    friend bool operator==(const Issuer&, const Issuer&) = default;
};

/// From when to when a certificate holds, both ends included.
struct Validity {
    WallTime from{};
    WallTime to{};
};

/// A private key with its certificate: signs CMS. Software-held ("file:") in this version.
class SigningKey final {
  public:
    /// PEM files; Error(usage) when missing, malformed or not belonging together.
    [[nodiscard]] static SigningKey load(const std::filesystem::path& key_pem,
                                         const std::filesystem::path& certificate_pem);
    [[nodiscard]] std::string subject() const;      ///< common name
    [[nodiscard]] std::string spki_sha256() const;  ///< hex, of the DER SubjectPublicKeyInfo
    /// Of the certificate. Throws Error(usage) when its dates are no dates.
    [[nodiscard]] Validity validity() const;

    struct State;
    [[nodiscard]] const State& state() const noexcept { return *state_; }

  private:
    explicit SigningKey(std::shared_ptr<const State> state);
    std::shared_ptr<const State> state_;  ///< copies share the key
};

/// The folder that `efface keys init` makes (mode 0700; private keys 0600):
///   root.key root.pem      evidence root, ECDSA P-384, self-signed CA, 20 years
///   station.key station.pem  ECDSA P-256, role station, 3 years
///   log.key log.vkey       Ed25519 seed (PEM) and the verifier key line
///   issuer.json            organisation, site, station
///   people/NAME.key .pem   people whose keys this machine holds
class KeyStore final {
  public:
    /// Made whole or not at all (temporary folder, rename). Error(usage) if one is there.
    static void init(const std::filesystem::path& directory, const Issuer& issuer,
                     const Clock& clock, Random& random);
    /// Error(usage) with the hint "efface keys init" when there is none; Error(authorisation) when
    /// a private key is readable by others. The keys of the station and of its log are read once,
    /// here: parsing one takes OpenSSL as long as signing with it.
    [[nodiscard]] static KeyStore open(const std::filesystem::path& directory);

    [[nodiscard]] const Issuer& issuer() const noexcept { return issuer_; }
    [[nodiscard]] const SigningKey& station_key() const noexcept { return station_; }
    [[nodiscard]] const NoteSigner& log_signer() const noexcept { return log_; }
    [[nodiscard]] std::string root_certificate_pem() const;
    [[nodiscard]] std::string log_verifier_key() const;
    /// Makes people/NAME.{key,pem}, signed by the root. `name` is [a-z0-9._-]{1,64}.
    void issue_person(const std::string& name, Role role, const Clock& clock, Random& random) const;
    [[nodiscard]] SigningKey person_key(const std::string& name) const;

  private:
    KeyStore(std::filesystem::path directory, Issuer issuer);
    std::filesystem::path directory_;
    Issuer issuer_;
    SigningKey station_;
    NoteSigner log_;
};

}  // namespace efface::evidence
