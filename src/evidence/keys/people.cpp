// SPDX-License-Identifier: Apache-2.0
// People's certificates in a key folder: issued, renewed, revoked, listed.
#include <algorithm>
#include <set>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/base/json.hpp"
#include "efface/evidence/bundle_names.hpp"

#include "cms/request.hpp"
#include "cms/revocation.hpp"
#include "cms/x509.hpp"
#include "key_files.hpp"
#include "names.hpp"
#include "signing_key.hpp"

namespace efface::evidence {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kPeopleMax = 10'000;

fs::path people(const fs::path& directory) {
    return directory / "people";
}
fs::path certificate_path(const fs::path& directory, const std::string& name) {
    return people(directory) / (name + ".pem");
}
fs::path key_path(const fs::path& directory, const std::string& name) {
    return people(directory) / (name + ".key");
}

void check_name(const std::string& name) {
    if (!is_identifier(name, kPersonNameMax, false)) {
        throw Error(ErrorCode::usage,
                    "name '" + printable(name) + "': must be 1 to 64 of a-z 0-9 . _ -");
    }
}

X509Ptr only_certificate(const fs::path& path) {
    const auto text = read_text_file(path, kPemBytesMax);
    auto certificates = text ? certificates_from_pem(*text) : std::vector<X509Ptr>{};
    if (certificates.size() != 1) {
        throw Error(ErrorCode::usage, path.string() + ": must hold one certificate",
                    "restore it from a copy");
    }
    return std::move(certificates.front());
}

X509Ptr certificate_of(const fs::path& directory, const std::string& name) {
    check_name(name);
    const auto path = certificate_path(directory, name);
    if (!fs::exists(path)) {
        throw Error(ErrorCode::usage, "no key of '" + name + "' in " + people(directory).string(),
                    "make it with 'efface keys issue " + name + " --role ROLE'");
    }
    return only_certificate(path);
}

/// By name.
std::vector<std::string> names_in(const fs::path& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (auto at = fs::directory_iterator(people(directory), error);
         !error && at != fs::directory_iterator(); at.increment(error)) {
        const auto name = at->path().stem().string();
        if (at->path().extension() == ".pem" && is_identifier(name, kPersonNameMax, false) &&
            names.size() < kPeopleMax) {
            names.push_back(name);
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// A name is never used for a second key, so that it always means the same person's.
void refuse_known_name(const fs::path& directory, const Holder& holder) {
    check_name(holder.name);
    if (holder.role == Role::station) {
        throw Error(ErrorCode::usage, "a person cannot have the role station",
                    "use approver, operator or witness");
    }
    const auto path = certificate_path(directory, holder.name);
    if (fs::exists(fs::symlink_status(path))) {
        throw Error(ErrorCode::usage, path.string() + ": there is a key already",
                    "choose another name: a name is never used for a second key");
    }
}

void write_certificate(const fs::path& directory, const std::string& name, X509* certificate) {
    make_directories_durably(people(directory), 0700);
    write_file_durably(certificate_path(directory, name), pem_of(certificate), 0644);
}

Issued issued_of(const std::string& name, const X509* certificate, const Revocations& revocations) {
    Issued issued;
    issued.name = name;
    issued.role = role_of(certificate);
    issued.held = held_of(certificate);
    issued.spki_sha256 = spki_sha256_of(certificate);
    issued.certificate_sha256 = sha256_hex(der_of(certificate));
    issued.validity = validity_of(certificate);
    issued.revoked = revocations.of(certificate);
    return issued;
}

}  // namespace

void check_passphrase(const SecretBytes& passphrase, const PassphraseRules& rules) {
    std::set<int> classes;
    for (const auto byte : passphrase.view()) {
        const bool lower = byte >= 'a' && byte <= 'z';
        const bool upper = byte >= 'A' && byte <= 'Z';
        const bool digit = byte >= '0' && byte <= '9';
        classes.insert(lower ? 0 : upper ? 1 : digit ? 2 : 3);
    }
    if (passphrase.size() < rules.length_min || classes.size() < rules.classes_min) {
        throw Error(ErrorCode::usage,
                    "the passphrase must have " + std::to_string(rules.length_min) +
                        " characters or more, of " + std::to_string(rules.classes_min) +
                        " or more of these: lower case, upper case, digits, others",
                    "several words are easy to remember");
    }
}

SigningKey KeyStore::root_key() const {
    const auto path = directory_ / "root.key";
    if (!fs::exists(fs::symlink_status(path))) {
        throw Error(ErrorCode::usage, ReasonCode::no_keys,
                    path.string() + ": the key of the evidence root is kept elsewhere",
                    "issue, renew and revoke where it is, and copy the certificates and crl.pem");
    }
    return SigningKey::load(path, directory_ / "root.pem");
}

void KeyStore::issue_person(const std::string& name, Role role, const Clock& clock, Random& random,
                            const SecretBytes* passphrase) const {
    const Holder holder{name, role, Held::software};
    refuse_known_name(directory_, holder);
    const SigningKey root = root_key();
    const PkeyPtr key = make_ec_key("P-256");
    const X509Ptr certificate =
        make_leaf({issuer_.organization, {}, name}, key.get(), holder,
                  root.state().certificate.get(), root.state().open.key.get(), clock.now(), random);
    make_directories_durably(people(directory_), 0700);
    write_private_key(key_path(directory_, name), key.get(), passphrase);
    write_certificate(directory_, name, certificate.get());
}

void KeyStore::certify(const Holder& holder, std::string_view request_pem, const Clock& clock,
                       Random& random) const {
    refuse_known_name(directory_, holder);
    const PkeyPtr key = key_of_request(request_pem);
    const SigningKey root = root_key();
    const X509Ptr certificate =
        make_leaf({issuer_.organization, {}, holder.name}, key.get(), holder,
                  root.state().certificate.get(), root.state().open.key.get(), clock.now(), random);
    const auto spki = spki_sha256_of(certificate.get());
    for (const auto& other : issued()) {
        if (other.spki_sha256 == spki) {
            throw Error(ErrorCode::usage,
                        "the key of this request is that of " + printable(other.name) + " already",
                        "a key belongs to one person and has one role: make another key");
        }
    }
    write_certificate(directory_, holder.name, certificate.get());
}

void KeyStore::renew(const std::string& name, const Clock& clock, Random& random) const {
    const X509Ptr old = certificate_of(directory_, name);
    const Revocations revocations(revocations_pem(), root_certificate_pem());
    if (revocations.of(old.get())) {
        throw Error(ErrorCode::usage, ReasonCode::key_revoked, name + ": the key was revoked",
                    "issue another key under another name");
    }
    const auto role = role_of(old.get());
    if (!role) {
        throw Error(ErrorCode::usage, name + ": its certificate says no role");
    }
    const SigningKey root = root_key();
    const X509Ptr certificate =
        make_leaf({issuer_.organization, {}, name}, X509_get0_pubkey(old.get()),
                  {name, *role, held_of(old.get())}, root.state().certificate.get(),
                  root.state().open.key.get(), clock.now(), random);
    const auto kept = people(directory_) / (name + "." + serial_of(old.get()) + ".old");
    write_file_durably(kept, pem_of(old.get()), 0644);
    write_certificate(directory_, name, certificate.get());
}

void KeyStore::revoke(const std::string& name, RevocationReason reason,
                      std::optional<WallTime> since, const Clock& clock) const {
    std::vector<X509Ptr> all;
    all.push_back(certificate_of(directory_, name));
    const auto now = clock.now();
    const auto pem = revocations_pem();
    if (Revocations(pem, root_certificate_pem()).of(all.front().get())) {
        throw Error(ErrorCode::usage, ReasonCode::key_revoked,
                    name + ": the key was revoked already");
    }
    if (since && *since > now) {
        throw Error(ErrorCode::usage, "--since is later than now",
                    "give the last time at which the key was surely held by its owner alone");
    }
    // With what was renewed, which is of the same key: "ann.lee" is not "ann".
    const auto key = spki_sha256_of(all.front().get());
    for (const auto& entry : fs::directory_iterator(people(directory_))) {
        const auto file = entry.path().filename().string();
        if (!file.starts_with(name + ".") || !file.ends_with(".old")) {
            continue;
        }
        if (X509Ptr old = only_certificate(entry.path()); spki_sha256_of(old.get()) == key) {
            all.push_back(std::move(old));
        }
    }
    const SigningKey root = root_key();
    write_file_durably(directory_ / kRevocationsFile,
                       revocation_list(pem, all, {now, since, reason},
                                       root.state().certificate.get(), root.state().open.key.get()),
                       0644);
}

std::vector<Issued> KeyStore::issued() const {
    const Revocations revocations(revocations_pem(), root_certificate_pem());
    std::vector<Issued> all;
    all.push_back(issued_of(issuer_.station_id, station_.state().certificate.get(), revocations));
    all.back().key_is_here = fs::exists(directory_ / "station.key");
    for (const auto& name : names_in(directory_)) {
        const X509Ptr certificate = only_certificate(certificate_path(directory_, name));
        all.push_back(issued_of(name, certificate.get(), revocations));
        all.back().key_is_here = fs::exists(key_path(directory_, name));
        all.back().encrypted = is_encrypted_key(key_path(directory_, name));
    }
    return all;
}

SigningKey KeyStore::person_key(const std::string& name, PassphraseSource& passphrases) const {
    (void)certificate_of(directory_, name);
    const auto path = key_path(directory_, name);
    if (!fs::exists(fs::symlink_status(path))) {
        throw Error(ErrorCode::usage, "the key of '" + name + "' is not on this machine",
                    "name where it is: --key pkcs11:... or file:PATH, with --certificate " +
                        certificate_path(directory_, name).string());
    }
    KeyUri uri;
    uri.path = path;
    uri.text = path.string();
    return SigningKey::open(uri, certificate_path(directory_, name), passphrases);
}

SigningKey KeyStore::person_key(const std::string& name) const {
    NoPassphrase nobody;
    return person_key(name, nobody);
}

}  // namespace efface::evidence
