// SPDX-License-Identifier: Apache-2.0
#include "efface/mandate/authorization.hpp"

#include "efface/evidence/keys.hpp"
#include "efface/mandate/manifest.hpp"

#include "catch.hpp"
#include "fake/disk/fixed.hpp"
#include "fake/scratch.hpp"

using namespace efface;
using namespace efface::mandate;

namespace {

constexpr const char* kManifest = R"({"schema":"efface.project/1",
  "project":{"id":"prj-1","owner":"Tenant"},
  "volumes":[{"name":"a","path":"/dev/a","uuid":"2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10"}]})";

/// A station of its own authority, two approvers and a witness.
struct People {
    explicit People(const char* station = "station-1") : manifest(parse_manifest(kManifest)) {
        evidence::KeyStore::init(scratch.path() / "keys", {"Example Cloud", "DC1", station}, clock,
                                 random);
        for (const auto* name : {"alice", "bob"}) {
            keys().issue_person(name, evidence::Role::approver, clock, random);
        }
        keys().issue_person("eve", evidence::Role::witness, clock, random);
    }
    evidence::KeyStore keys() const { return evidence::KeyStore::open(scratch.path() / "keys"); }
    Bytes signed_by(const std::vector<std::string>& names) const {
        Bytes der;
        for (const auto& name : names) {
            const auto key = keys().person_key(name);
            const auto content = as_bytes(manifest.text);
            der = der.empty() ? evidence::cms_sign(content, key, clock.now())
                              : evidence::cms_add_signer(der, content, key, clock.now());
        }
        return der;
    }
    ReasonCode refusal(const Bytes& der, const std::string& operator_name = "root") {
        try {
            (void)check_approvals(manifest.text, der, keys().root_certificate_pem(), operator_name,
                                  clock.now());
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::authorisation);
            return error.reason();
        }
        FAIL_CHECK("it was accepted");
        return ReasonCode::internal;
    }
    fake::ScratchDirectory scratch;
    fake::FixedClock clock;
    fake::SeededRandom random{"people"};
    Manifest manifest;
};

}  // namespace

TEST_CASE(
    "authorization: of an operator without a login each name that it may be is the operator's",
    "[mandate][authorization]") {
    struct Row {
        const char* operator_name;
        std::vector<std::string> they;
        std::vector<std::string> others;
    };
    const std::vector<Row> rows = {
        {"alice", {"alice"}, {"bob", "", "alic", "alicee", "Alice"}},
        {"root (no login uid)", {"root", "root (no login uid)"}, {"bob", "", "no login uid"}},
        {"root (no login uid; SUDO_USER is bob)", {"root", "bob"}, {"alice", "", "bob)", "SUDO"}},
        {"uid 7 (no login uid; SUDO_USER is a b)", {"uid 7", "a b"}, {"7", "a", "b"}},
    };
    for (const auto& row : rows) {
        for (const auto& person : row.they) {
            INFO(row.operator_name << ", " << person);
            CHECK(may_be_operator(person, row.operator_name));
        }
        for (const auto& person : row.others) {
            INFO(row.operator_name << ", " << person);
            CHECK_FALSE(may_be_operator(person, row.operator_name));
        }
    }
    People people;
    const auto der = people.signed_by({"alice", "bob"});
    CHECK_NOTHROW(check_approvals(people.manifest.text, der, people.keys().root_certificate_pem(),
                                  "root (no login uid; SUDO_USER is carol)", people.clock.now()));
    for (const auto* name : {"alice (no login uid)", "root (no login uid; SUDO_USER is bob)"}) {
        CHECK(people.refusal(der, name) == ReasonCode::operator_approved_own);
    }
}

TEST_CASE("authorization: whoever approves has a name", "[mandate][authorization]") {
    const WallTime at{};
    for (const auto& name : {std::string(), std::string("   "), std::string(257, 'a')}) {
        try {
            check_approvers({{name, "k1", at}, {"bob", "k2", at}}, "root", at);
            FAIL_CHECK("it was accepted: " << name);
        } catch (const Error& error) {
            CHECK(error.reason() == ReasonCode::bad_approval);
        }
    }
    CHECK_NOTHROW(
        check_approvers({{std::string(256, 'a'), "k1", at}, {"bob", "k2", at}}, "root", at));
}

TEST_CASE("authorization: two approvers suffice and are named", "[mandate][authorization]") {
    People people;
    const auto authorization =
        check_approvals(people.manifest.text, people.signed_by({"alice", "bob"}),
                        people.keys().root_certificate_pem(), "root", people.clock.now());
    CHECK(authorization.confirmation == "signed-approvals");
    REQUIRE(authorization.approvals.size() == 2);
}

TEST_CASE("authorization: one approver is not enough", "[mandate][authorization]") {
    People people;
    CHECK(people.refusal(people.signed_by({"alice"})) == ReasonCode::too_few_approvals);
}

TEST_CASE("authorization: a witness is no approver", "[mandate][authorization]") {
    People people;
    CHECK(people.refusal(people.signed_by({"alice", "eve"})) == ReasonCode::not_an_approver);
}

TEST_CASE("authorization: who runs it cannot approve it", "[mandate][authorization]") {
    People people;
    CHECK(people.refusal(people.signed_by({"alice", "bob"}), "bob") ==
          ReasonCode::operator_approved_own);
}

TEST_CASE("authorization: one byte of the manifest changed and nobody approved it",
          "[mandate][authorization]") {
    People people;
    const auto der = people.signed_by({"alice", "bob"});
    people.manifest.text += " ";
    CHECK(people.refusal(der) == ReasonCode::bad_approval);
}

TEST_CASE("authorization: people of another root are strangers", "[mandate][authorization]") {
    People people;
    People others("station-2");
    CHECK(people.refusal(others.signed_by({"alice", "bob"})) == ReasonCode::bad_approval);
}

TEST_CASE("authorization: an approval from the future is refused", "[mandate][authorization]") {
    People people;
    people.clock.advance(std::chrono::hours(2));
    const auto der = people.signed_by({"alice", "bob"});
    people.clock.advance(-std::chrono::hours(2));
    CHECK(people.refusal(der) == ReasonCode::approval_from_future);
}

TEST_CASE("authorization: rubbish is no approval", "[mandate][authorization]") {
    People people;
    CHECK(people.refusal(Bytes(100, 0x30)) == ReasonCode::bad_approval);
    CHECK(people.refusal({}) == ReasonCode::bad_approval);
}

TEST_CASE("authorization: dates of the manifest bind", "[mandate][authorization]") {
    Manifest manifest;
    manifest.terms.not_before = from_rfc3339("2026-11-20T00:00:00Z");
    manifest.terms.not_after = from_rfc3339("2026-11-22T00:00:00Z");
    const auto at = [&](const char* text) -> std::optional<ReasonCode> {
        try {
            check_dates(manifest.terms, from_rfc3339(text).value());
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::authorisation);
            return error.reason();
        }
        return std::nullopt;
    };
    CHECK(at("2026-11-19T23:59:59Z") == ReasonCode::not_yet_in_force);
    CHECK(at("2026-11-20T00:00:00Z") == std::nullopt);
    CHECK(at("2026-11-22T00:00:00Z") == std::nullopt);
    CHECK(at("2026-11-22T00:00:01Z") == ReasonCode::no_longer_in_force);
}
