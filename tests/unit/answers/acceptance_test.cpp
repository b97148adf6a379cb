// SPDX-License-Identifier: Apache-2.0
#include "efface/answers/acceptance.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "efface/base/file.hpp"
#include "efface/base/random.hpp"

#include "anchors.hpp"
#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace efface;
using namespace efface::answers;
using namespace efface::evidence;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPredicate = EFFACE_TEST_DATA "/evidence/predicate-example.json";

/// A proved bundle of a project that Bob ran, and the keys of those who may decide on it.
struct Decided {
    TemporaryFolder folder;
    Example example = make_example(folder.path(), kPredicate);
    KeyStore keys = KeyStore::open(example.keys);
    ManualClock clock{from_rfc3339("2026-11-22T10:00:00Z").value()};
    SystemRandom random;

    Decided() {
        keys.issue_person("carol", Role::witness, clock, random);
        keys.issue_person("dave", Role::operator_person, clock, random);
    }
    std::size_t decide(Decision decision, const std::string& reason, const char* who = "carol") {
        return add_acceptance(example.bundle, anchors_of(example, false), {decision, reason},
                              keys.person_key(who), clock, random);
    }
    [[nodiscard]] Verification verify() const {
        return verify_bundle(example.bundle, anchors_of(example, true));
    }
};

template <typename Work>
Error error_of(Work&& work) {
    try {
        work();
    } catch (const Error& error) {
        return error;
    }
    return {ErrorCode::internal, "nothing was thrown"};
}

}  // namespace

TEST_CASE("The last decision counts: a rejected certificate is proved, and qualified") {
    Decided decided;
    CHECK(answer_of(decided.verify()) == Answer::yes);
    CHECK(decided.decide(Decision::accepted, "the label was compared") == 1);
    CHECK(answer_of(decided.verify()) == Answer::yes);
    CHECK(decided.decide(Decision::rejected, "it was another bay") == 2);
    const Verification verification = decided.verify();
    CHECK(verification.ok());
    CHECK(verification.rejected);
    CHECK(answer_of(verification) == Answer::qualified);
    CHECK(decided.decide(Decision::accepted, "it was the right one after all") == 3);
    CHECK(answer_of(decided.verify()) == Answer::yes);
}

TEST_CASE("Who ran it, or signs in another role, decides nothing") {
    Decided decided;
    const auto refused = error_of([&] { decided.decide(Decision::accepted, "so it is", "dave"); });
    CHECK(refused.code() == ErrorCode::authorisation);
    CHECK(refused.reason() == ReasonCode::not_an_approver);
    const std::string person =
        verify_bundle(decided.example.bundle, anchors_of(decided.example, false))
            .certificate.at("predicate")
            .at("authorization")
            .at("operator");
    decided.keys.issue_person(person, Role::witness, decided.clock, decided.random);
    const auto own =
        error_of([&] { decided.decide(Decision::accepted, "so it is", person.c_str()); });
    CHECK(own.reason() == ReasonCode::operator_approved_own);
    CHECK_FALSE(fs::exists(decided.example.bundle / "acceptance"));
}

TEST_CASE("What is not proved, or has no reason, is not decided on") {
    Decided decided;
    CHECK(error_of([&] { decided.decide(Decision::accepted, ""); }).code() == ErrorCode::usage);
    write_file_durably(decided.example.bundle / "evidence" / "more.json", "{}");
    CHECK(error_of([&] { decided.decide(Decision::accepted, "fine"); }).code() == ErrorCode::usage);
    CHECK_FALSE(fs::exists(decided.example.bundle / "acceptance"));
}

TEST_CASE("A decision before the certificate was issued is none") {
    Decided decided;
    decided.clock.set(from_rfc3339("2026-11-20T10:00:00Z").value());
    CHECK(error_of([&] { decided.decide(Decision::accepted, "early"); }).code() !=
          ErrorCode::internal);
    CHECK_FALSE(fs::exists(decided.example.bundle / "acceptance"));
}

TEST_CASE("What an interrupted decision left beside the bundle is no part of it") {
    Decided decided;
    const fs::path left = decided.example.bundle.string() + ".acceptance";
    fs::create_directories(left / "1");
    write_file_durably(left / "1" / "acceptance.json", "half");
    CHECK(answer_of(decided.verify()) == Answer::yes);
    CHECK(decided.decide(Decision::accepted, "again") == 1);
    CHECK_FALSE(fs::exists(left));
    CHECK(answer_of(decided.verify()) == Answer::yes);
}

TEST_CASE("Of several who decide at once each is there once, behind the one before it") {
    Decided decided;
    constexpr int kPeople = 6;
    for (int person = 0; person < kPeople; ++person) {
        decided.keys.issue_person("p" + std::to_string(person), Role::witness, decided.clock,
                                  decided.random);
    }
    std::atomic<int> added = 0;
    std::vector<std::thread> people;
    people.reserve(kPeople);
    for (int person = 0; person < kPeople; ++person) {
        people.emplace_back([&, person] {
            const std::string name = "p" + std::to_string(person);
            SystemRandom random;
            for (bool done = false; !done;) {
                try {
                    (void)add_acceptance(decided.example.bundle, anchors_of(decided.example, false),
                                         {Decision::accepted, name}, decided.keys.person_key(name),
                                         decided.clock, random);
                    ++added;
                    done = true;
                } catch (const Error& error) {
                    done = error.code() != ErrorCode::busy;
                }
            }
        });
    }
    for (std::thread& one : people) {
        one.join();
    }
    CHECK(added == kPeople);
    CHECK(answer_of(decided.verify()) == Answer::yes);
    CHECK(fs::exists(decided.example.bundle / "acceptance" / std::to_string(kPeople)));
}

TEST_CASE("A reason of control characters is wrong use, and nothing is added") {
    Decided decided;
    CHECK(error_of([&] { decided.decide(Decision::accepted, "a\x1b"); }).code() ==
          ErrorCode::usage);
    CHECK_FALSE(fs::exists(decided.example.bundle / "acceptance"));
}
