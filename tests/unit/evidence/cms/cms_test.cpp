// SPDX-License-Identifier: Apache-2.0
// The signatures under tests/data/evidence/cms were made by openssl (make.sh there).
#include "efface/evidence/cms.hpp"

#include "efface/base/file.hpp"
#include "efface/base/random.hpp"

#include "catch.hpp"
#include "example_bundle.hpp"
#include "example_files.hpp"
#include "temporary_folder.hpp"

using namespace efface;
using namespace efface::evidence;

namespace {

Bytes sample(const std::string& name) {
    return read_file(std::string(EFFACE_TEST_DATA "/evidence/cms/") + name, kFileBytesMax).value();
}
CmsReport verify_sample(const std::string& name) {
    const Bytes root = sample("root.pem");
    return cms_verify(sample("content"), sample(name + ".p7s"), as_text(root));
}
std::string only_problem(const std::string& name) {
    const CmsReport report = verify_sample(name);
    CHECK_FALSE(report.ok());
    std::string all;
    for (const auto& problem : report.problems) {
        all += problem + "\n";
    }
    return all;
}
using Catch::Matchers::Contains;

struct Keys {
    TemporaryFolder folder;
    ManualClock clock{*from_rfc3339("2026-11-21T09:00:00Z")};
    SystemRandom random;
    Keys() {
        KeyStore::init(folder.path() / "keys", {"Org", "Site", "s1"}, clock, random);
        store().issue_person("alice", Role::approver, clock, random);
        store().issue_person("bob", Role::approver, clock, random);
    }
    [[nodiscard]] KeyStore store() const { return KeyStore::open(folder.path() / "keys"); }
};

}  // namespace

TEST_CASE("A CAdES signature that openssl made is good") {
    const CmsReport report = verify_sample("good");
    CHECK(report.problems.empty());
    REQUIRE(report.signers.size() == 1);
    CHECK(report.signers[0].subject == "station");
    CHECK(report.signers[0].role == Role::station);
    CHECK(report.signers[0].signing_time.has_value());
}

TEST_CASE("SHA-384, RSA of 3072 bits and RSA-PSS are allowed") {
    CHECK(verify_sample("good-sha384").ok());
    CHECK(verify_sample("rsa3072").ok());
    CHECK(verify_sample("rsa3072-pss").ok());
}

TEST_CASE("Parallel signers are all reported, each with the role of its certificate") {
    const CmsReport report = verify_sample("two-people");
    REQUIRE(report.ok());
    REQUIRE(report.signers.size() == 2);
    CHECK(report.signers[0].role != report.signers[1].role);
}

TEST_CASE("A certificate with several roles, or none, has no role") {
    const CmsReport several = verify_sample("two-roles");
    REQUIRE(several.ok());
    CHECK_FALSE(several.signers[0].role.has_value());
    const CmsReport none = verify_sample("no-role");
    REQUIRE(none.ok());
    CHECK_FALSE(none.signers[0].role.has_value());
}

TEST_CASE("A signature without signed attributes is refused though openssl takes it") {
    CHECK_THAT(only_problem("no-attributes"), Contains("no signed attributes"));
}

TEST_CASE("A signature without signing-certificate-v2 is refused") {
    CHECK_THAT(only_problem("no-signing-certificate"), Contains("signing-certificate-v2"));
}

TEST_CASE("Digests other than SHA-256 and SHA-384 are refused") {
    CHECK_THAT(only_problem("sha1"), Contains("digest"));
    CHECK_THAT(only_problem("sha512"), Contains("digest"));
}

TEST_CASE("Weak and odd keys are refused") {
    CHECK_THAT(only_problem("rsa1024"), Contains("3072 bits"));
    CHECK_THAT(only_problem("p521"), Contains("P-256"));
}

TEST_CASE("Content inside the signature is refused") {
    CHECK_THAT(only_problem("embedded"), Contains("detached"));
}

TEST_CASE("A signer who signed twice is refused") {
    CHECK_THAT(only_problem("twice"), Contains("more than once"));
}

TEST_CASE("A signer below another root is refused") {
    CHECK_THAT(only_problem("foreign"), Contains("no valid chain"));
}

TEST_CASE("A certificate authority does not sign") {
    CHECK_THAT(only_problem("authority"), Contains("certificate authority"));
}

TEST_CASE("A certificate for other uses does not sign") {
    CHECK_THAT(only_problem("no-signing-use"), Contains("not for digital signatures"));
}

TEST_CASE("A certificate must be valid at the signing time") {
    CHECK_THAT(only_problem("expired"), Contains("expired"));
    CHECK_THAT(only_problem("not-yet"), Contains("not yet valid"));
}

TEST_CASE("A signature without the signer's certificate is refused") {
    CHECK_FALSE(verify_sample("no-certificates").ok());
}

TEST_CASE("Other content is refused") {
    const Bytes root = sample("root.pem");
    CHECK_FALSE(cms_verify(as_bytes("signed content"), sample("good.p7s"), as_text(root)).ok());
}

TEST_CASE("A byte behind the signature, or one too few, is refused") {
    const Bytes root = sample("root.pem");
    Bytes longer = sample("good.p7s");
    longer.push_back(0);
    CHECK_FALSE(cms_verify(sample("content"), longer, as_text(root)).ok());
    longer.pop_back();
    longer.pop_back();
    CHECK_FALSE(cms_verify(sample("content"), longer, as_text(root)).ok());
}

TEST_CASE("Every single changed byte of a signature is refused") {
    const Bytes root = sample("root.pem");
    const Bytes content = sample("content");
    const Bytes good = sample("good.p7s");
    for (std::size_t i = 0; i < good.size(); ++i) {
        Bytes changed = good;
        changed[i] ^= 0x01U;
        INFO("byte " << i);
        CHECK_FALSE(cms_verify(content, changed, as_text(root)).ok());
    }
}

TEST_CASE("Without a trusted root nothing is good") {
    CHECK_FALSE(cms_verify(sample("content"), sample("good.p7s"), "").ok());
    CHECK_FALSE(
        cms_verify(sample("content"), sample("good.p7s"), "-----BEGIN CERTIFICATE-----\n").ok());
}

TEST_CASE("What we sign carries the time that was given and the signer's role") {
    const Keys keys;
    const WallTime at = *from_rfc3339("2027-02-03T04:05:06Z");
    const Bytes signature = cms_sign(as_bytes("text"), keys.store().station_key(), at);
    const CmsReport report =
        cms_verify(as_bytes("text"), signature, keys.store().root_certificate_pem());
    REQUIRE(report.ok());
    CHECK(report.signers[0].signing_time == at);
    CHECK(report.signers[0].role == Role::station);
    CHECK(report.signers[0].spki_sha256 == keys.store().station_key().spki_sha256());
}

TEST_CASE("A second signer is added beside the first") {
    const Keys keys;
    const WallTime at = keys.clock.now();
    const Bytes first = cms_sign(as_bytes("text"), keys.store().person_key("alice"), at);
    const Bytes both = cms_add_signer(first, as_bytes("text"), keys.store().person_key("bob"), at);
    const CmsReport report =
        cms_verify(as_bytes("text"), both, keys.store().root_certificate_pem());
    REQUIRE(report.ok());
    CHECK(report.signers.size() == 2);
}

TEST_CASE("A key signs the same content only once") {
    const Keys keys;
    const Bytes first =
        cms_sign(as_bytes("text"), keys.store().person_key("alice"), keys.clock.now());
    CHECK_THROWS_AS(
        cms_add_signer(first, as_bytes("text"), keys.store().person_key("alice"), keys.clock.now()),
        Error);
}

TEST_CASE("A signer is not added to a signature of other content") {
    const Keys keys;
    const Bytes first =
        cms_sign(as_bytes("text"), keys.store().person_key("alice"), keys.clock.now());
    CHECK_THROWS_AS(
        cms_add_signer(first, as_bytes("other"), keys.store().person_key("bob"), keys.clock.now()),
        Error);
}
