// SPDX-License-Identifier: Apache-2.0
// What only the library can be asked; tests/system/tamper_test.py alters bundles in many more ways.
#include "efface/answers/verify.hpp"

#include <algorithm>
#include <sstream>

#include "efface/base/file.hpp"

#include "anchors.hpp"
#include "catch.hpp"
#include "example_files.hpp"
#include "temporary_folder.hpp"

using namespace efface;
using namespace efface::answers;
using namespace efface::evidence;
namespace fs = std::filesystem;

namespace {

const char* const kPredicateFile = EFFACE_TEST_DATA "/evidence/predicate-example.json";
Example example_in(const TemporaryFolder& folder, const ExampleChanges& changes = {}) {
    return make_example(folder.path(), kPredicateFile, changes);
}
/// The name of the check that failed; "" when all passed.
std::string refused_by(const Verification& verification) {
    for (const Check& check : verification.checks) {
        if (!check.passed) {
            UNSCOPED_INFO(check.detail);
            return check.name;
        }
    }
    return {};
}

}  // namespace

TEST_CASE("A bundle as the program makes it is proved, with and without the log") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    const Verification alone = verify_bundle(example.bundle, anchors_of(example, false));
    CHECK(refused_by(alone).empty());
    CHECK(alone.checks.back().name == "acceptance");
    CHECK(alone.certificate.at("predicate").at("certificateType") == "keyslot");
    const Verification with_log = verify_bundle(example.bundle, anchors_of(example, true));
    CHECK(refused_by(with_log).empty());
    CHECK(with_log.checks.back().name == "whole log");
}

TEST_CASE("Bundles of media, files and memory are proved, by the identity of their target") {
    for (const std::string type : {"media", "file", "memory"}) {
        INFO(type);
        const TemporaryFolder folder;
        const std::string predicate = EFFACE_TEST_DATA "/evidence/predicate-" + type + ".json";
        const Example example = make_example(folder.path(), predicate);
        const Verification verification = verify_bundle(example.bundle, anchors_of(example, true));
        CHECK(refused_by(verification).empty());
        CHECK(verification.certificate.at("subject")[0].at("name") == "target-identity");
    }
}

TEST_CASE("A lost run before this one is told in words") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    const Verification verification = verify_bundle(example.bundle, anchors_of(example, true));
    CHECK_THAT(verification.checks.back().detail,
               Catch::Contains("run run-a was lost (entry 3: its job was replaced by another"));
}

TEST_CASE("The lines of a verification fit a terminal") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    const std::string text =
        render_verification(verify_bundle(example.bundle, anchors_of(example, true)));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        CHECK(line.size() <= 100);
    }
}

TEST_CASE("An order that is not in the bundle is refused") {
    const TemporaryFolder folder;
    ExampleChanges changes;
    changes.predicate = [](Json& p) {  // the log announced a run without order
        p["authorization"]["manifestDigest"] = {{"sha256", std::string(64, 'a')}};
        p["authorization"]["approvals"] = Json::array();
    };
    const Example example =
        make_example(folder.path(), EFFACE_TEST_DATA "/evidence/predicate-memory.json", changes);
    CHECK(refused_by(verify_bundle(example.bundle, anchors_of(example, true))) == "authorization");
}

TEST_CASE("Further signers do no harm, and their certificates say who they are") {
    const TemporaryFolder folder;
    ExampleChanges changes;
    changes.people_sign_too = true;
    const Example example = example_in(folder, changes);
    CHECK(verify_bundle(example.bundle, anchors_of(example, true)).ok());
}

TEST_CASE("A line feed at the end of the trusted log key is no part of it") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    TrustAnchors anchors = anchors_of(example, false);
    anchors.log_verifier_key += "\n";
    CHECK(verify_bundle(example.bundle, anchors).ok());
}

TEST_CASE("Nothing is proved without trust anchors, or without a bundle") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    CHECK(refused_by(verify_bundle(example.bundle, {})) == "anchors");
    TrustAnchors anchors = anchors_of(example, false);
    anchors.log_verifier_key.clear();
    CHECK(refused_by(verify_bundle(example.bundle, anchors)) == "anchors");
    fs::remove(example.bundle / "root.pem");
    fs::remove(example.bundle / "log.vkey");
    CHECK(refused_by(verify_bundle(example.bundle, {})) == "signature");
    CHECK(refused_by(verify_bundle(example.bundle, anchors)) == "log inclusion");
}

TEST_CASE("What could not be asked is neither yes nor no") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    const TrustAnchors anchors = anchors_of(example, false);
    CHECK(answer_of(verify_bundle(example.bundle, anchors)) == Answer::yes);
    const Verification none = verify_bundle(folder.path() / "none", anchors);
    CHECK(refused_by(none) == "files");
    CHECK(answer_of(none) == Answer::not_known);
    fs::remove(example.bundle / "certificate.json");
    CHECK(answer_of(verify_bundle(example.bundle, anchors)) == Answer::no);
    CHECK(answer_of({}) == Answer::no);  // nothing was checked
}

TEST_CASE("Of several answers the one that must be looked at first wins") {
    const std::vector<Answer> by_rank = {Answer::no, Answer::not_known, Answer::qualified,
                                         Answer::yes};
    for (std::size_t i = 0; i < by_rank.size(); ++i) {
        for (std::size_t j = 0; j < by_rank.size(); ++j) {
            CHECK(worst_of(by_rank[i], by_rank[j]) == by_rank[std::min(i, j)]);
        }
    }
}

TEST_CASE("One verifier answers about many bundles, each for itself") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    const fs::path forged = folder.path() / "forged";
    fs::copy(example.bundle, forged, fs::copy_options::recursive);
    fs::remove(forged / "evidence/events.jsonl");
    const Verifier verifier(anchors_of(example, true));
    for (int round = 0; round < 2; ++round) {
        CHECK(refused_by(verifier.verify(example.bundle)).empty());
        CHECK(refused_by(verifier.verify(forged)) == "digests");
    }
    const Verification good = verifier.verify(example.bundle);
    CHECK(good.roots_used.size() == 1);
    CHECK(summarize(good) ==
          "sanitized, level purge, project prj-7781 (1 volume), "
          "issued 2026-11-21T09:41:07Z");
    CHECK_THAT(summarize(verifier.verify(forged)), Catch::StartsWith("digests: evidence/events"));
}

TEST_CASE("A log that cannot be opened is wrong for each bundle, after all other checks") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    TrustAnchors anchors = anchors_of(example, true);
    anchors.log_directory = folder.path() / "no-log";
    const Verifier verifier(anchors);
    CHECK(refused_by(verifier.verify(example.bundle)) == "whole log");
}

TEST_CASE("The certificate is handed out only when its signature is good") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    const fs::path file = example.bundle / "certificate.json";
    std::string text = *read_text_file(file, kFileBytesMax);
    text.replace(text.find("DC1-FRA"), 7, "DC2-FRA");
    write_file_durably(file, text, 0644);
    const Verification verification = verify_bundle(example.bundle, anchors_of(example, false));
    CHECK(refused_by(verification) == "signature");
    CHECK(verification.certificate.is_null());
}

TEST_CASE("A published bundle is readable by others and holds the anchors for convenience") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    CHECK((fs::status(example.bundle).permissions() & fs::perms::all) == fs::perms(0755));
    for (const char* name :
         {"certificate.json", "certificate.json.p7s", "certificate.json.tlog-proof", "root.pem",
          "certificate.json.intent-proof", "certificate.json.consistency-proof", "log.vkey",
          "evidence/volume-1/header.json"}) {
        INFO(name);
        CHECK((fs::status(example.bundle / name).permissions() & fs::perms::all) ==
              fs::perms(0644));
    }
}

TEST_CASE("What is staged is known again after an interruption, unless it was changed") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    const std::string roots = anchors_of(example, false).roots_pem;
    const auto staged = staged_digests(example.bundle, roots);
    REQUIRE(staged.has_value());
    const auto certificate = read_file(example.bundle / "certificate.json", kFileBytesMax);
    CHECK(staged->certificate_sha256 == sha256_hex(*certificate));
    fs::remove(example.bundle / "certificate.json.p7s");
    CHECK_FALSE(staged_digests(example.bundle, roots).has_value());
}

TEST_CASE("A bundle is never published over another one") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    const KeyStore keys = KeyStore::open(example.keys);
    const Log log = Log::open_read_only(example.log, keys.log_verifier_key());
    const Json statement = make_statement({{"projectIdentity", Json::object()}}, {});
    (void)stage_bundle(folder.path() / "staging", statement, {}, keys, {});
    try {
        publish_bundle(folder.path() / "staging", prove_run(log, 0, 1, 1), example.bundle);
        FAIL("published");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::evidence);
    }
    CHECK(fs::exists(folder.path() / "staging" / "certificate.json"));
    CHECK(verify_bundle(example.bundle, anchors_of(example, false)).ok());
}

TEST_CASE("Staging starts anew: nothing of an earlier attempt stays") {
    const TemporaryFolder folder;
    const Example example = example_in(folder);
    const KeyStore keys = KeyStore::open(example.keys);
    const Json statement = make_statement({{"projectIdentity", Json::object()}}, {});
    const std::vector<EvidenceFile> files{{"evidence/old.json", "application/json", {}}};
    (void)stage_bundle(folder.path() / "staging", statement, files, keys, {});
    (void)stage_bundle(folder.path() / "staging", statement, {}, keys, {});
    CHECK_FALSE(fs::exists(folder.path() / "staging" / "evidence" / "old.json"));
}
TEST_CASE("Checks fit a terminal, whatever they say") {
    Verification verification;
    verification.checks = {{"signature", true, std::string(80, 'a') + " " + std::string(80, 'b')},
                           {"claims", false, "no"}};
    const std::string text = render_verification(verification);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        CHECK(line.size() <= 100);
    }
    CHECK_THAT(text, Catch::StartsWith("ok      signature: "));
    CHECK_THAT(text, Catch::Matchers::Contains("\nFAILED  claims: no\n"));
}
