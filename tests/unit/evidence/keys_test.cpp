// SPDX-License-Identifier: Apache-2.0
#include "efface/evidence/keys.hpp"

#include <sys/stat.h>

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"
#include "efface/base/random.hpp"
#include "efface/evidence/cms.hpp"

#include "catch.hpp"
#include "example_bundle.hpp"
#include "temporary_folder.hpp"

using namespace efface;
using namespace efface::evidence;
namespace fs = std::filesystem;

namespace {

const Issuer kIssuer{"Example Cloud GmbH", "DC1-FRA", "station-0042"};

struct Place {
    TemporaryFolder folder;
    ManualClock clock{*from_rfc3339("2026-11-21T09:00:00Z")};
    SystemRandom random;
    [[nodiscard]] fs::path keys() const { return folder.path() / "state" / "keys"; }
    void init() { KeyStore::init(keys(), kIssuer, clock, random); }
};

ErrorCode code_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        return error.code();
    }
    FAIL("nothing was thrown");
    return ErrorCode::internal;
}

unsigned mode_of(const fs::path& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777U;
}

}  // namespace

TEST_CASE("Keys are made for the owner alone, and open again") {
    Place place;
    place.init();
    CHECK(mode_of(place.keys()) == 0700);
    for (const char* name : {"root.key", "station.key", "log.key"}) {
        CHECK(mode_of(place.keys() / name) == 0600);
    }
    const KeyStore store = KeyStore::open(place.keys());
    CHECK(store.issuer() == kIssuer);
    CHECK(store.station_key().subject() == "station-0042");
    CHECK(store.log_signer().name() == "efface/station-0042");
    CHECK(store.log_signer().verifier_key() == store.log_verifier_key());
}

TEST_CASE("Keys that are there are never replaced") {
    Place place;
    place.init();
    const auto before = read_text_file(place.keys() / "root.pem", 1 << 16);
    CHECK(code_of([&] { place.init(); }) == ErrorCode::usage);
    CHECK(read_text_file(place.keys() / "root.pem", 1 << 16) == before);
}

TEST_CASE("A failed init leaves nothing behind") {
    Place place;
    fs::create_directories(place.keys());
    write_file_durably(place.keys() / "foreign", "x");
    CHECK(code_of([&] { place.init(); }) == ErrorCode::usage);
    const auto entries = std::distance(fs::directory_iterator(place.keys().parent_path()), {});
    CHECK(entries == 1);
}

TEST_CASE("Without keys the hint names keys init") {
    Place place;
    try {
        (void)KeyStore::open(place.keys());
        FAIL("opened");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::usage);
        CHECK_THAT(error.hint(), Catch::Matchers::Contains("efface keys init"));
    }
}

TEST_CASE("A private key that the group may read is refused") {
    Place place;
    place.init();
    REQUIRE(::chmod((place.keys() / "station.key").c_str(), 0640) == 0);
    CHECK(code_of([&] { (void)KeyStore::open(place.keys()); }) == ErrorCode::authorisation);
}

TEST_CASE("A key and a certificate that do not belong together are refused") {
    Place place;
    place.init();
    CHECK(code_of([&] {
              (void)SigningKey::load(place.keys() / "station.key", place.keys() / "root.pem");
          }) == ErrorCode::usage);
}

TEST_CASE("A person's key signs with the role it was issued for") {
    Place place;
    place.init();
    const KeyStore store = KeyStore::open(place.keys());
    store.issue_person("alice", Role::witness, place.clock, place.random);
    const Bytes signature = cms_sign(as_bytes("x"), store.person_key("alice"), place.clock.now());
    const CmsReport report = cms_verify(as_bytes("x"), signature, store.root_certificate_pem());
    REQUIRE(report.ok());
    CHECK(report.signers[0].role == Role::witness);
    CHECK(report.signers[0].subject == "alice");
}

TEST_CASE("A name is given once, and never to a station") {
    Place place;
    place.init();
    const KeyStore store = KeyStore::open(place.keys());
    store.issue_person("alice", Role::approver, place.clock, place.random);
    const auto issue = [&](const char* name, Role role) {
        return code_of([&] { store.issue_person(name, role, place.clock, place.random); });
    };
    CHECK(issue("alice", Role::approver) == ErrorCode::usage);
    CHECK(issue("bob", Role::station) == ErrorCode::usage);
    CHECK(issue("../bob", Role::approver) == ErrorCode::usage);
    CHECK(issue("", Role::approver) == ErrorCode::usage);
}

TEST_CASE("Stations and organisations that fit no certificate are refused") {
    Place place;
    const auto init = [&](const Issuer& issuer) {
        return code_of([&] { KeyStore::init(place.keys(), issuer, place.clock, place.random); });
    };
    CHECK(init({"", "site", "s"}) == ErrorCode::usage);
    CHECK(init({"org", "si\nte", "s"}) == ErrorCode::usage);
    CHECK(init({"org", "site", "has space"}) == ErrorCode::usage);
    CHECK(init({"org", "site", std::string(41, 'a')}) == ErrorCode::usage);
}

TEST_CASE("Roles have names and distinct policy OIDs below the documented arc") {
    CHECK(std::string(policy_oid(Role::station)) ==
          "2.25.65021332812177502488472365777237670439.1");
    CHECK(std::string(policy_oid(Role::operator_person)) ==
          "2.25.65021332812177502488472365777237670439.2");
    CHECK(std::string(policy_oid(Role::witness)) ==
          "2.25.65021332812177502488472365777237670439.3");
    CHECK(std::string(policy_oid(Role::approver)) ==
          "2.25.65021332812177502488472365777237670439.4");
    CHECK(role_from_string("operator") == Role::operator_person);
    CHECK_FALSE(role_from_string("root").has_value());
}
