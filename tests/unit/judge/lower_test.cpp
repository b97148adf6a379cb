// SPDX-License-Identifier: Apache-2.0
#include "efface/judge/lower.hpp"

#include "catch.hpp"
#include "target_records.hpp"

using namespace efface;
using namespace efface::judge;
using Catch::Matchers::Contains;

namespace {

std::vector<std::string> codes_of(const Json& reasons) {
    std::vector<std::string> codes;
    for (const Json& reason : reasons) {
        codes.push_back(reason.at("code").get<std::string>());
    }
    return codes;
}

const std::vector<std::string> kLowered{"claim-lowered"};

}  // namespace

TEST_CASE("An honest record stays as it is, and bears what it claims when it is replayed") {
    const auto* type = GENERATE("media", "file", "memory", "drive", "example");
    const Json honest = example_predicate(type);
    Json predicate = honest;
    const Judgement judgement = lower(predicate, {});
    CHECK(judgement.objections.empty());
    CHECK(judgement.verdict == verdict_of(honest));
    CHECK(predicate == honest);
    CHECK(replay(honest).verdict.status == verdict_of(honest).status);
}

TEST_CASE(
    "A level that the technique does not reach is lowered, and the record says by which rule") {
    Json predicate = example_predicate("media");
    predicate["result"]["level"] = "purge";
    predicate["sanitization"]["method"] = "purge";
    const Judgement judgement = lower(predicate, {});
    CHECK(judgement.verdict == Verdict{"sanitized", "clear"});
    REQUIRE(judgement.objections.size() == 1);
    CHECK(codes_of(predicate["result"]["residualRisks"]).back() == "claim-lowered");
    CHECK(problem_of(predicate).empty());
}

TEST_CASE("What was not read back is no success, whatever the record claims") {
    Json predicate = example_predicate("media");
    predicate["verification"]["bytesCompared"] = 0U;
    const Judgement judgement = lower(predicate, {});
    CHECK(judgement.verdict == Verdict{"indeterminate", "none"});
    CHECK(codes_of(predicate["sanitization"]["reasons"]) == kLowered);
    CHECK(replay(predicate).verdict.status == "indeterminate");
}

TEST_CASE("One volume that bears less lowers the project, and no other volume") {
    Json predicate = example_predicate("example");
    predicate["volumes"].push_back(predicate["volumes"][0]);
    predicate["projectIdentity"]["volumes"].push_back(predicate["projectIdentity"]["volumes"][0]);
    REQUIRE(problem_of(predicate).empty());
    const Json other = predicate["volumes"][1];
    first_volume(predicate)["locations"][0]["verification"]["mismatches"] = 1U;
    const Judgement judgement = lower(predicate, {});
    CHECK(judgement.verdict == Verdict{"indeterminate", "none"});
    CHECK(judgement.objections.size() == 1);  // the same to each of the better verdicts
    CHECK(first_volume(predicate)["status"] == "indeterminate");
    CHECK(codes_of(first_volume(predicate)["reasons"]) == kLowered);
    CHECK(predicate["volumes"][1] == other);
}

TEST_CASE("Lowering a second time changes nothing") {
    Json predicate = example_predicate("media");
    predicate["result"]["level"] = "purge";
    predicate["sanitization"]["method"] = "purge";
    (void)lower(predicate, {});
    Json again = predicate;
    CHECK(lower(again, {}).objections.empty());
    CHECK(again == predicate);
}

TEST_CASE("A verdict is never raised") {
    Json predicate = example_predicate("media");
    predicate["result"]["status"] = "not-sanitized";
    predicate["result"]["level"] = "none";
    predicate["sanitization"]["method"] = "none";
    const Json before = predicate;
    CHECK(lower(predicate, {}).verdict == Verdict{"not-sanitized", "none"});
    CHECK(predicate == before);
}

TEST_CASE("An order for something else is no permission: nothing is claimed") {
    Json predicate = example_predicate("media");
    const Judgement judgement = lower(predicate, "the cat sat on the mat");
    CHECK(judgement.verdict == Verdict{"indeterminate", "none"});
    CHECK_FALSE(judgement.objections.empty());
}

TEST_CASE("What is no record at all is indeterminate") {
    for (Json predicate : {Json(), Json::object(), Json(7), Json::array(), Json{{"result", 7}}}) {
        CHECK(lower(predicate, {}).verdict == Verdict{"indeterminate", "none"});
        CHECK(replay(predicate).verdict == Verdict{"indeterminate", "none"});
    }
}
