// SPDX-License-Identifier: Apache-2.0
// Keys with a passphrase, requests, RSA, renewal and revocation. Tokens and TPMs:
// tests/system/keys.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/evidence/keys.hpp"

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace efface;
using namespace efface::evidence;
namespace fs = std::filesystem;

namespace {

SecretBytes secret(std::string_view text) {
    return SecretBytes(as_bytes(text));
}

class TypedText final : public PassphraseSource {
  public:
    explicit TypedText(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] SecretBytes passphrase(const std::string& /*of*/) override {
        ++asked;
        return secret(text_);
    }
    int asked = 0;

  private:
    std::string text_;
};

struct KeyFolder {
    KeyFolder() { KeyStore::init(keys(), {"Example Cloud GmbH", "DC1", "s1"}, clock, random); }
    [[nodiscard]] fs::path keys() const { return folder.path() / "keys"; }
    [[nodiscard]] KeyStore open() const { return KeyStore::open(keys()); }
    TemporaryFolder folder;
    ManualClock clock{*from_rfc3339("2026-11-21T09:00:00Z")};
    SystemRandom random;
};

struct Thrown {
    ErrorCode code;
    ReasonCode reason;
};
Thrown thrown_by(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        return {error.code(), error.reason()};
    }
    FAIL("nothing was thrown");
    return {ErrorCode::internal, ReasonCode::internal};
}

/// A private key that OpenSSL made, in a file as `openssl genpkey` writes it.
fs::path key_file(const KeyFolder& place, const char* name, EVP_PKEY* key) {
    const auto path = place.folder.path() / name;
    FILE* file = std::fopen(path.c_str(), "w");
    REQUIRE(file != nullptr);
    REQUIRE(PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
    REQUIRE(std::fclose(file) == 0);
    EVP_PKEY_free(key);
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    return path;
}

const Bytes kContent = {'o', 'r', 'd', 'e', 'r', '\n'};

CmsReport report_of(const KeyFolder& place, const SigningKey& key, WallTime at) {
    const auto store = place.open();
    return cms_verify(kContent, cms_sign(kContent, key, at), store.root_certificate_pem(),
                      store.revocations_pem());
}

}  // namespace

TEST_CASE("A key is named by where it is, in one form each") {
    const auto file = parse_key_uri("file:/run/keys/a.key");
    CHECK(file.place == KeyUri::Place::file);
    CHECK(file.path == "/run/keys/a.key");
    CHECK(parse_key_uri("a.key").path == "a.key");
    const auto token = parse_key_uri(
        "pkcs11:token=Card%20One;object=sign;id=%01%ff;type=private"
        "?module-path=/usr/lib/m.so&pin-source=file:/run/pin");
    CHECK(token.place == KeyUri::Place::token);
    CHECK(token.token.token == "Card One");
    CHECK(token.token.id == Bytes{0x01, 0xff});
    CHECK(token.token.module == "/usr/lib/m.so");
    CHECK(token.token.pin_source == "/run/pin");
    CHECK(parse_key_uri("handle:0x81010042").tpm.handle == 0x81010042);
    CHECK(parse_key_uri("handle:81010042").text == "handle:0x81010042");
}

TEST_CASE("What is no name of a key is refused, and so is a PIN on the command line") {
    const std::string good = "pkcs11:object=o?module-path=/m.so";
    for (const std::string bad : {"",
                                  "file:",
                                  "pkcs11:",
                                  "pkcs11:object=o",
                                  "pkcs11:token=t?module-path=/m.so",
                                  "pkcs11:object=o?module-path=m.so",
                                  "pkcs11:object=%4?module-path=/m.so",
                                  "pkcs11:object=%zz?module-path=/m.so",
                                  "pkcs11:object=o;object=p?module-path=/m.so",
                                  "pkcs11:object=o;type=cert?module-path=/m.so",
                                  "pkcs11:object=o;colour=red",
                                  "pkcs11:object?module-path=/m.so",
                                  "pkcs11:=o?module-path=/m.so",
                                  "pkcs11:object=o?module-path=/m.so&module-path=/n.so",
                                  "pkcs11:object=o?module-path=/m.so&pin-value=1234",
                                  "pkcs11:object=o?module-path=/m.so&pin-source=pin",
                                  "handle:",
                                  "handle:0x",
                                  "handle:0",
                                  "handle:0x80000001",
                                  "handle:0x82000000",
                                  "handle:0x8101004200",
                                  "handle:0x81010042x"}) {
        INFO(bad);
        CHECK(thrown_by([&] { (void)parse_key_uri(bad); }).code == ErrorCode::usage);
    }
    CHECK(parse_key_uri(good).token.object == "o");
    try {
        (void)parse_key_uri(good + "&pin-value=1234");
    } catch (const Error& error) {
        CHECK(std::string(error.what()).find("1234") == std::string::npos);
    }
    const std::string zero("a\0b", 3);
    CHECK(thrown_by([&] { (void)parse_key_uri(zero); }).code == ErrorCode::usage);
    CHECK(thrown_by([&] { (void)parse_key_uri(std::string(5000, 'a')); }).code == ErrorCode::usage);
}

TEST_CASE("A person's key opens with its passphrase only, which is asked for once") {
    KeyFolder place;
    const auto passphrase = secret("correct horse battery");
    place.open().issue_person("alice", Role::approver, place.clock, place.random, &passphrase);
    const auto pem = *read_text_file(place.keys() / "people/alice.key", 1 << 16);
    CHECK(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));

    TypedText right("correct horse battery");
    const auto key = place.open().person_key("alice", right);
    CHECK(right.asked == 1);
    CHECK(key.role() == Role::approver);
    CHECK(report_of(place, key, place.clock.now()).ok());

    TypedText wrong("correct horse");
    const auto refused = thrown_by([&] { (void)place.open().person_key("alice", wrong); });
    CHECK(refused.code == ErrorCode::authorisation);
    CHECK(refused.reason == ReasonCode::wrong_passphrase);
    CHECK(wrong.asked == 1);
    CHECK(thrown_by([&] { (void)place.open().person_key("alice"); }).reason ==
          ReasonCode::no_passphrase);
    const auto listed = place.open().issued();
    REQUIRE(listed.size() == 2);
    CHECK(listed[1].encrypted);
    CHECK(listed[1].key_is_here);
}

TEST_CASE("A passphrase has the length and the classes of characters that the rules want") {
    const PassphraseRules rules{8, 3};
    for (const char* good : {"abcDEF12", "abc12---", "ABC12---",
                             "\xc3\xa4"
                             "bcdef1G"}) {
        INFO(good);
        CHECK_NOTHROW(check_passphrase(secret(good), rules));
    }
    for (const char* bad : {"", "aB1", "abcdefghijkl", "abcdefgh1", "ABCDEFGH-", "12345678"}) {
        INFO(bad);
        CHECK(thrown_by([&] { check_passphrase(secret(bad), rules); }).code == ErrorCode::usage);
    }
}

TEST_CASE("Keys of every accepted kind sign what our verifier takes; others are refused") {
    KeyFolder place;
    struct Row {
        const char* name;
        EVP_PKEY* key;
        bool accepted;
    };
    for (const Row& row :
         {Row{"p256", EVP_EC_gen("P-256"), true}, Row{"p384", EVP_EC_gen("P-384"), true},
          Row{"rsa3072", EVP_RSA_gen(3072), true}, Row{"p521", EVP_EC_gen("P-521"), false},
          Row{"rsa2048", EVP_RSA_gen(2048), false},
          Row{"ed25519", EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), false}}) {
        INFO(row.name);
        const auto path = key_file(place, row.name, row.key);
        const auto uri = parse_key_uri("file:" + path.string());
        NoPassphrase nobody;
        if (!row.accepted) {
            CHECK(thrown_by([&] { (void)make_request(uri, row.name, nobody); }).code ==
                  ErrorCode::usage);
            continue;
        }
        const auto store = place.open();
        store.certify({row.name, Role::approver, Held::hardware},
                      make_request(uri, row.name, nobody), place.clock, place.random);
        const auto certificate = place.keys() / "people" / (std::string(row.name) + ".pem");
        const auto key = SigningKey::open(uri, certificate, nobody);
        const auto report = report_of(place, key, place.clock.now());
        CHECK(report.problems == std::vector<std::string>{});
        REQUIRE(report.signers.size() == 1);
        CHECK(report.signers[0].role == Role::approver);
        CHECK(report.signers[0].held == Held::hardware);
        // Behind the signature of another key.
        place.open().issue_person(std::string("also-") + row.name, Role::approver, place.clock,
                                  place.random);
        const auto other = place.open().person_key(std::string("also-") + row.name);
        const auto two = cms_add_signer(cms_sign(kContent, other, place.clock.now()), kContent, key,
                                        place.clock.now());
        CHECK(cms_verify(kContent, two, store.root_certificate_pem()).ok());
    }
}

TEST_CASE("A request is taken only with the signature of its key, and a key belongs to one name") {
    KeyFolder place;
    const auto path = key_file(place, "own", EVP_EC_gen("P-256"));
    NoPassphrase nobody;
    const auto request = make_request(parse_key_uri(path.string()), "carol", nobody);
    const auto store = place.open();
    auto altered = request;
    altered[request.size() / 2] = altered[request.size() / 2] == 'A' ? 'B' : 'A';
    for (const std::string& bad :
         {std::string(), std::string("x"), altered, request.substr(0, request.size() / 2),
          std::string(std::size_t{70'000}, 'x')}) {
        CHECK(thrown_by([&] {
                  store.certify({"carol", Role::witness, Held::software}, bad, place.clock,
                                place.random);
              }).code == ErrorCode::usage);
    }
    CHECK(store.issued().size() == 1);
    store.certify({"carol", Role::witness, Held::software}, request, place.clock, place.random);
    for (const char* name : {"carol", "another", "../carol", "Carol", ""}) {
        INFO(name);
        CHECK(thrown_by([&] {
                  store.certify({name, Role::approver, Held::software}, request, place.clock,
                                place.random);
              }).code == ErrorCode::usage);
    }
    const auto listed = store.issued();
    REQUIRE(listed.size() == 2);
    CHECK_FALSE(listed[1].key_is_here);
    CHECK(listed[1].role == Role::witness);
}

TEST_CASE("Renewing keeps key, name and role, and begins a new term") {
    KeyFolder place;
    place.open().issue_person("alice", Role::approver, place.clock, place.random);
    const auto before = place.open().issued().at(1);
    place.clock.set(place.clock.now() + std::chrono::hours(24 * 365 * 3 + 240));
    const auto old_key = place.open().person_key("alice");
    CHECK_FALSE(report_of(place, old_key, place.clock.now()).ok());
    place.open().renew("alice", place.clock, place.random);
    const auto after = place.open().issued().at(1);
    CHECK(after.spki_sha256 == before.spki_sha256);
    CHECK(after.role == before.role);
    CHECK(after.validity.from == place.clock.now());
    CHECK(report_of(place, place.open().person_key("alice"), place.clock.now()).ok());
    CHECK(place.open().issued().size() == 2);
}

TEST_CASE("From when on the signatures of a revoked key do not count depends on the reason") {
    struct Row {
        RevocationReason reason;
        int since_hours;  ///< 0: not given
        int good_until_hours;
    };
    for (const Row& row :
         {Row{RevocationReason::left, 0, 10}, Row{RevocationReason::left, 4, 4},
          Row{RevocationReason::replaced, 0, 10}, Row{RevocationReason::replaced, 2, 2},
          Row{RevocationReason::compromised, 0, 0}, Row{RevocationReason::compromised, 4, 4}}) {
        KeyFolder place;
        const auto begin = place.clock.now();
        place.open().issue_person("alice", Role::approver, place.clock, place.random);
        const auto key = place.open().person_key("alice");
        place.clock.set(place.clock.now() + std::chrono::hours(10));
        std::optional<WallTime> since;
        if (row.since_hours != 0) {
            since = begin + std::chrono::hours(row.since_hours);
        }
        place.open().revoke("alice", row.reason, since, place.clock);
        for (const int hour : {0, 1, 2, 3, 4, 5, 9, 10, 11}) {
            INFO(to_string(row.reason) << " since " << row.since_hours << ", signed at " << hour);
            const auto report = report_of(place, key, begin + std::chrono::hours(hour));
            CHECK(report.ok() == (hour < row.good_until_hours));
            REQUIRE(report.signers.size() == 1);
            CHECK(report.signers[0].revoked.has_value());
        }
        const auto listed = place.open().issued();
        REQUIRE(listed.at(1).revoked.has_value());
        CHECK(listed.at(1).revoked->reason == row.reason);
        CHECK(thrown_by([&] {
                  place.open().revoke("alice", row.reason, {}, place.clock);
              }).reason == ReasonCode::key_revoked);
        CHECK(thrown_by([&] { place.open().renew("alice", place.clock, place.random); }).reason ==
              ReasonCode::key_revoked);
    }
}

TEST_CASE(
    "A revocation reaches renewed certificates of the key, and later lists keep the earlier") {
    KeyFolder place;
    for (const char* name : {"alice", "bob", "carol"}) {
        place.open().issue_person(name, Role::approver, place.clock, place.random);
    }
    const auto old_key = place.open().person_key("alice");
    place.clock.set(place.clock.now() + std::chrono::hours(24));
    place.open().renew("alice", place.clock, place.random);
    place.open().revoke("alice", RevocationReason::left, {}, place.clock);
    place.open().revoke("bob", RevocationReason::left, {}, place.clock);
    const auto now = place.clock.now();
    CHECK_FALSE(report_of(place, old_key, now).ok());
    CHECK_FALSE(report_of(place, place.open().person_key("alice"), now).ok());
    CHECK_FALSE(report_of(place, place.open().person_key("bob"), now).ok());
    CHECK(report_of(place, place.open().person_key("carol"), now).ok());
}

TEST_CASE("Revoking one person leaves alone another whose name begins alike") {
    KeyFolder place;
    for (const char* name : {"ann", "ann.lee"}) {
        place.open().issue_person(name, Role::approver, place.clock, place.random);
    }
    const auto old_ann = place.open().person_key("ann");
    const auto old_lee = place.open().person_key("ann.lee");
    place.clock.set(place.clock.now() + std::chrono::hours(24));
    for (const char* name : {"ann", "ann.lee"}) {
        place.open().renew(name, place.clock, place.random);
    }
    place.open().revoke("ann", RevocationReason::compromised, {}, place.clock);
    const auto now = place.clock.now();
    CHECK_FALSE(report_of(place, old_ann, now).ok());
    CHECK_FALSE(report_of(place, place.open().person_key("ann"), now).ok());
    CHECK(report_of(place, old_lee, now).ok());
    CHECK(report_of(place, place.open().person_key("ann.lee"), now).ok());
}

TEST_CASE("A list counts only when a trusted root signed it, to the byte") {
    KeyFolder place;
    KeyFolder other;
    place.open().issue_person("alice", Role::approver, place.clock, place.random);
    place.open().revoke("alice", RevocationReason::left, {}, place.clock);
    const auto list = place.open().revocations_pem();
    const auto root = place.open().root_certificate_pem();
    CHECK_NOTHROW(check_revocations(list, root));
    CHECK_NOTHROW(check_revocations(list + list, root));
    CHECK_NOTHROW(check_revocations("", root));
    for (std::size_t at = 40; at + 40 < list.size(); at += 7) {
        auto altered = list;
        altered[at] = altered[at] == 'A' ? 'B' : 'A';
        INFO(at);
        CHECK_THROWS_AS(check_revocations(altered, root), Error);
    }
    for (const std::string& bad : {list + "x", "x" + list, std::string("x"), list.substr(0, 100),
                                   root, std::string(std::size_t{5} << 20U, 'x')}) {
        CHECK_THROWS_AS(check_revocations(bad, root), Error);
    }
    CHECK_THROWS_AS(check_revocations(list, other.open().root_certificate_pem()), Error);
}

TEST_CASE("The root's key may be elsewhere: only issuing, renewing and revoking miss it") {
    KeyFolder place;
    place.open().issue_person("alice", Role::approver, place.clock, place.random);
    fs::rename(place.keys() / "root.key", place.folder.path() / "root.key");
    const auto store = place.open();
    CHECK(store.issued().size() == 2);
    CHECK(report_of(place, store.station_key(), place.clock.now()).ok());
    for (const auto& work : std::vector<std::function<void()>>{
             [&] { store.issue_person("bob", Role::witness, place.clock, place.random); },
             [&] { store.renew("alice", place.clock, place.random); },
             [&] { store.revoke("alice", RevocationReason::left, {}, place.clock); }}) {
        CHECK(thrown_by(work).reason == ReasonCode::no_keys);
    }
}
