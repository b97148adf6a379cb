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
#include "efface/evidence/key_uri.hpp"
#include "efface/evidence/log.hpp"

namespace efface::evidence {

/// Certificate policies under 2.25.<UUID as integer> (ITU-T X.667, no registration needed); the
/// arc is documented in efface-certificate.5.
enum class Role { station, operator_person, witness, approver };
[[nodiscard]] const char* to_string(Role role) noexcept;  // "station", "operator", ...
[[nodiscard]] std::optional<Role> role_from_string(std::string_view text) noexcept;
[[nodiscard]] const char* policy_oid(Role role) noexcept;  // dotted

/// How a private key is held, by the word of who issued its certificate: hardware only where a
/// policy OID beside the role says so.
enum class Held { software, hardware };
[[nodiscard]] const char* to_string(Held held) noexcept;
[[nodiscard]] const char* hardware_oid() noexcept;  // dotted

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

/// A private key with its certificate: signs CMS.
class SigningKey final {
  public:
    /// The key may be anywhere; the certificate is a PEM file. Error(usage) when either is missing
    /// or malformed or they do not belong together; Error(authorisation) when the key must not be
    /// used or its passphrase or PIN is wrong (open_key.hpp says when).
    [[nodiscard]] static SigningKey open(const KeyUri& uri,
                                         const std::filesystem::path& certificate_pem,
                                         PassphraseSource& passphrases);
    /// A file without a passphrase.
    [[nodiscard]] static SigningKey load(const std::filesystem::path& key_pem,
                                         const std::filesystem::path& certificate_pem);
    [[nodiscard]] std::string subject() const;      ///< common name
    [[nodiscard]] std::string spki_sha256() const;  ///< hex, of the DER SubjectPublicKeyInfo
    [[nodiscard]] std::optional<Role> role() const;
    /// Of the certificate. Throws Error(usage) when its dates are no dates.
    [[nodiscard]] Validity validity() const;

    struct State;
    [[nodiscard]] const State& state() const noexcept { return *state_; }

  private:
    explicit SigningKey(std::shared_ptr<const State> state);
    std::shared_ptr<const State> state_;  ///< copies share the key
};

/// A certificate signing request (PKCS#10, PEM) of a key that may be anywhere, signed by it. The
/// name is a proposal: who issues the certificate decides. Errors as of SigningKey::open().
[[nodiscard]] std::string make_request(const KeyUri& uri, const std::string& name,
                                       PassphraseSource& passphrases);

/// Who gets a certificate, and as what.
struct Holder {
    std::string name;  ///< [a-z0-9._-]{1,64}
    Role role = Role::approver;
    Held held = Held::software;
};

/// What a passphrase of a person's key must be.
struct PassphraseRules {
    unsigned length_min = 12;  ///< bytes
    unsigned classes_min = 1;  ///< of lower case, upper case, digits, everything else
};
/// Throws Error(usage) saying what is missing.
void check_passphrase(const SecretBytes& passphrase, const PassphraseRules& rules);

enum class RevocationReason { compromised, left, replaced };
[[nodiscard]] const char* to_string(RevocationReason reason) noexcept;
[[nodiscard]] std::optional<RevocationReason> revocation_reason_from_string(
    std::string_view text) noexcept;

struct Revocation {
    WallTime at{};  ///< when it was entered into the list
    /// From when on its signatures do not count. Of a compromised key without a date: from ever,
    /// as whoever has it can write any date.
    WallTime invalid_from{};
    RevocationReason reason = RevocationReason::replaced;
};

/// A certificate of this folder.
struct Issued {
    std::string name;
    std::optional<Role> role;
    Held held = Held::software;
    std::string spki_sha256;         ///< hex
    std::string certificate_sha256;  ///< hex, of the DER certificate
    Validity validity;
    std::optional<Revocation> revoked;
    bool key_is_here = false;
    bool encrypted = false;  ///< the key that is here
};

/// The folder that `efface keys init` makes (mode 0700; private keys 0600):
///   root.key root.pem      evidence root, ECDSA P-384, self-signed CA, 20 years. The key is used
///   by
///                          issue, renew and revoke alone, and may be kept elsewhere.
///   station.key station.pem  ECDSA P-256, role station, 3 years; instead of station.key a
///                          station.uri, one line that parse_key_uri() takes
///   log.key log.vkey       Ed25519 seed (PEM) and the verifier key line
///   crl.pem                what was revoked (RFC 5280 section 5), once there is something
///   issuer.json            organisation, site, station
///   people/NAME.pem        people's certificates, and NAME.key where this machine made the key;
///                          replaced ones are people/NAME.SERIAL.old
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
    /// PEM; empty while nothing was revoked.
    [[nodiscard]] std::string revocations_pem() const;
    [[nodiscard]] std::string log_verifier_key() const;

    /// Makes people/NAME.{key,pem}, signed by the root. `passphrase` null: the key is not
    /// encrypted.
    void issue_person(const std::string& name, Role role, const Clock& clock, Random& random,
                      const SecretBytes* passphrase = nullptr) const;
    /// Makes people/NAME.pem for the key of a request, which must be signed by it. Error(usage) for
    /// a malformed request, a key that is not accepted, and a name or key that has one already.
    void certify(const Holder& holder, std::string_view request_pem, const Clock& clock,
                 Random& random) const;
    /// A new certificate for the same key, name and role, from now on; the old one is kept beside.
    void renew(const std::string& name, const Clock& clock, Random& random) const;
    /// Puts a person's certificate on the list. `since`: from when on its signatures do not count;
    /// nullopt: from now, or from ever where it is compromised. Error(usage) when it is there.
    void revoke(const std::string& name, RevocationReason reason, std::optional<WallTime> since,
                const Clock& clock) const;
    /// The station's certificate first, then the people's by name.
    [[nodiscard]] std::vector<Issued> issued() const;
    /// Error(usage) when there is none of this name, or its key is elsewhere.
    [[nodiscard]] SigningKey person_key(const std::string& name,
                                        PassphraseSource& passphrases) const;
    [[nodiscard]] SigningKey person_key(const std::string& name) const;

  private:
    KeyStore(std::filesystem::path directory, Issuer issuer);
    [[nodiscard]] SigningKey root_key() const;
    std::filesystem::path directory_;
    Issuer issuer_;
    SigningKey station_;
    NoteSigner log_;
};

}  // namespace efface::evidence
