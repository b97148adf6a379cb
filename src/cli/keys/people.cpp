// SPDX-License-Identifier: Apache-2.0
#include "people.hpp"

#include <fmt/format.h>

#include "efface/base/file.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/evidence/keys.hpp"

#include "key_log.hpp"
#include "signer.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kRequestBytesMax = std::size_t{64} << 10U;
constexpr std::chrono::days kSoon{30};

evidence::Role role_named(const std::string& text) {
    const auto role = evidence::role_from_string(text);
    if (!role || *role == evidence::Role::station) {
        throw Error(ErrorCode::usage, "--role must be approver, operator or witness");
    }
    return *role;
}

std::string date_of(WallTime at) {
    return to_rfc3339(at).substr(0, std::string_view("2026-12-01").size());
}

/// "valid", "expires soon", "expired", "not yet valid" or "revoked".
const char* standing(const evidence::Issued& one, WallTime now) {
    if (one.revoked) {
        return "revoked";
    }
    if (now < one.validity.from) {
        return "not yet valid";
    }
    if (now > one.validity.to) {
        return "expired";
    }
    return one.validity.to < now + kSoon ? "expires soon" : "valid";
}

const char* place_of(const evidence::Issued& one) {
    return !one.key_is_here ? "elsewhere" : one.encrypted ? "here, passphrase" : "here";
}

Json document_of(const evidence::Issued& one, WallTime now) {
    auto writer = ObjectWriter()
                      .add("name", printable(one.name))
                      .add("role", one.role ? to_string(*one.role) : "none")
                      .add("keyHeld", to_string(one.held))
                      .add("keyIsHere", one.key_is_here)
                      .add("encrypted", one.encrypted)
                      .add("validFrom", to_rfc3339(one.validity.from))
                      .add("validTo", to_rfc3339(one.validity.to))
                      .add("state", standing(one, now))
                      .add("subjectPublicKeySha256", one.spki_sha256)
                      .add("certificateSha256", one.certificate_sha256);
    if (one.revoked) {
        writer.add("revokedAt", to_rfc3339(one.revoked->at))
            .add("invalidFrom", to_rfc3339(one.revoked->invalid_from))
            .add("reason", to_string(one.revoked->reason));
    }
    return writer.take();
}

int tell_of(const job::StateDirectory& state, const PersonOptions& options, const char* done) {
    const auto certificate = (state.keys() / "people" / (options.name + ".pem")).string();
    const auto key = (state.keys() / "people" / (options.name + ".key")).string();
    const bool here = std::filesystem::exists(key);
    if (options.json) {
        auto writer = ObjectWriter()
                          .add("schema", "efface.key/1")
                          .add("name", options.name)
                          .add("certificate", printable(certificate));
        if (!options.role.empty()) {
            writer.add("role", options.role);
        }
        if (here) {
            writer.add("key", printable(key));
        }
        print_json(writer.take());
        return 0;
    }
    print(fmt::format("{} {}: certificate {}{}\n", done, one_line(options.name),
                      one_line(certificate), here ? ", key " + one_line(key) : std::string()));
    return 0;
}

std::string read_request(const std::string& path) {
    auto text = read_text_file(path, kRequestBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, printable(path) + ": there is no such file",
                    "make it with: efface keys request NAME --key URI --output FILE");
    }
    return *std::move(text);
}

void make_key(const evidence::KeyStore& keys, const PersonOptions& options) {
    SystemRandom random;
    const SystemClock clock;
    if (options.no_passphrase && !options.passphrase.empty()) {
        throw Error(ErrorCode::usage, "--passphrase and --no-passphrase exclude each other");
    }
    if (options.no_passphrase) {
        keys.issue_person(options.name, role_named(options.role), clock, random);
        return;
    }
    GivenPassphrase source(options.passphrase);
    const SecretBytes passphrase = source.new_passphrase("the key of " + options.name, {});
    keys.issue_person(options.name, role_named(options.role), clock, random, &passphrase);
}

void certify(const evidence::KeyStore& keys, const PersonOptions& options) {
    if (!options.passphrase.empty() || options.no_passphrase) {
        throw Error(ErrorCode::usage, "a request brings a key that is elsewhere",
                    "leave out --passphrase and --no-passphrase");
    }
    SystemRandom random;
    keys.certify({options.name, role_named(options.role),
                  options.held == "hardware" ? evidence::Held::hardware : evidence::Held::software},
                 read_request(options.request), SystemClock(), random);
}

}  // namespace

int request_certificate(const PersonOptions& options) {
    GivenPassphrase passphrases(options.passphrase);
    const auto text =
        evidence::make_request(evidence::parse_key_uri(options.key), options.name, passphrases);
    if (!options.output.empty()) {
        write_file_durably(options.output, text, 0644);
    }
    if (options.json) {
        print_json(ObjectWriter()
                       .add("schema", "efface.key-request/1")
                       .add("name", options.name)
                       .add("request", text)
                       .take());
        return 0;
    }
    if (options.output.empty()) {
        print(text);
        return 0;
    }
    print("Request of " + one_line(options.name) + " in " + one_line(options.output) +
          ". Who keeps the evidence root issues its certificate:\n  efface keys issue " +
          one_line(options.name) + " --role ROLE --request " + one_line(options.output) + "\n");
    return 0;
}

int issue_key(const job::StateDirectory& state, const PersonOptions& options) {
    const auto keys = evidence::KeyStore::open(state.keys());
    if (options.request.empty()) {
        if (options.held != "software") {
            throw Error(ErrorCode::usage, "a key that is made here is held in software",
                        "--held hardware belongs to a --request from a card, an HSM or a TPM");
        }
        make_key(keys, options);
    } else {
        certify(keys, options);
    }
    log_keys(state, keys, SystemClock());
    return tell_of(state, options, "Issued");
}

int renew_key(const job::StateDirectory& state, const PersonOptions& options) {
    SystemRandom random;
    const auto keys = evidence::KeyStore::open(state.keys());
    keys.renew(options.name, SystemClock(), random);
    log_keys(state, keys, SystemClock());
    return tell_of(state, options, "Renewed");
}

int revoke_key(const job::StateDirectory& state, const PersonOptions& options) {
    const auto reason = evidence::revocation_reason_from_string(options.reason);
    if (!reason) {
        throw Error(ErrorCode::usage, "--reason must be compromised, left or replaced");
    }
    std::optional<WallTime> since;
    if (!options.since.empty()) {
        since = from_rfc3339(options.since);
        if (!since) {
            throw Error(ErrorCode::usage, "--since " + printable(options.since) + ": is no time",
                        "such as 2026-11-30T09:00:00Z");
        }
    }
    const auto keys = evidence::KeyStore::open(state.keys());
    keys.revoke(options.name, *reason, since, SystemClock());
    log_keys(state, keys, SystemClock());
    if (!options.json) {
        print("Revoked " + one_line(options.name) + ". Give auditors and other stations the new " +
              one_line((state.keys() / "crl.pem").string()) + "\n");
        return 0;
    }
    return tell_of(state, options, "Revoked");
}

int list_keys(const job::StateDirectory& state, const PersonOptions& options) {
    const auto keys = evidence::KeyStore::open(state.keys());
    const auto now = SystemClock().now();
    if (options.json) {
        Json rows = Json::array();
        for (const auto& one : keys.issued()) {
            rows.push_back(document_of(one, now));
        }
        print_json(ObjectWriter().add("schema", "efface.keys/1").add("keys", rows).take());
        return 0;
    }
    constexpr const char* kRow = "{:<16} {:<8} {:<8} {:<16} {:<10} {}\n";  // within 80 columns
    std::string text =
        fmt::format(fmt::runtime(kRow), "NAME", "ROLE", "HELD", "KEY", "UNTIL", "STATE");
    for (const auto& one : keys.issued()) {
        text += fmt::format(fmt::runtime(kRow), one_line(one.name),
                            one.role ? to_string(*one.role) : "none", to_string(one.held),
                            place_of(one), date_of(one.validity.to), standing(one, now));
    }
    print(text);
    return 0;
}

int export_trust(const job::StateDirectory& state, const PersonOptions& options) {
    const auto keys = evidence::KeyStore::open(state.keys());
    const auto root = keys.root_certificate_pem();
    Json roots = Json::array();
    for (const auto& one : evidence::trusted_roots(root)) {
        roots.push_back(ObjectWriter()
                            .add("purpose", "signatures of stations and people end at it")
                            .add("subject", printable(one.subject))
                            .add("sha256", one.sha256)
                            .add("pem", root)
                            .take());
    }
    Json logs = Json::array();
    logs.push_back(ObjectWriter()
                       .add("purpose", "signs the heads of the station's log")
                       .add("verifierKey", keys.log_verifier_key())
                       .take());
    Json revocations = Json::array();
    if (const auto list = keys.revocations_pem(); !list.empty()) {
        revocations.push_back(ObjectWriter()
                                  .add("purpose", "keys that no longer count, and from when on")
                                  .add("pem", list)
                                  .take());
    }
    const auto document = ObjectWriter()
                              .add("schema", "efface.trust/1")
                              .add("exportedAt", to_rfc3339(SystemClock().now()))
                              .add("roots", roots)
                              .add("logKeys", logs)
                              .add("revocations", revocations)
                              .take();
    if (options.output.empty()) {
        print_json(document);
        return 0;
    }
    write_file_durably(options.output, json_text(document, 2) + "\n", 0644);
    print("What auditors trust is in " + one_line(options.output) +
          ". Give it to them separately from the certificates, and tell them its SHA-256 by "
          "another way.\n");
    return 0;
}

}  // namespace efface::cli
