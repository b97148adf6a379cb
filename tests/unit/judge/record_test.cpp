// SPDX-License-Identifier: Apache-2.0
#include "efface/base/file.hpp"

#include "catch.hpp"
#include "example_files.hpp"
#include "rules/claims.hpp"
#include "target_records.hpp"

using namespace efface;
using namespace efface::judge;

namespace {

std::string problem_after(const std::function<void(Json&)>& change) {
    Json predicate = predicate_example();
    change(predicate);
    return problem_of(predicate);
}
Json& location(Json& predicate) {
    return first_volume(predicate)["locations"][0];
}
using Catch::Matchers::Contains;

}  // namespace

TEST_CASE("The example record is well formed and claims no more than it shows") {
    CHECK(problem_of(predicate_example()).empty());
}

TEST_CASE("Every top-level field but retention and supersedes is needed") {
    const Json whole = predicate_example();
    for (const auto& [key, value] : whole.items()) {
        Json predicate = whole;
        predicate.erase(key);
        INFO(key);
        CHECK(problem_of(predicate).empty() == (key == "retention" || key == "supersedes"));
    }
}

TEST_CASE("Every top-level field has its type") {
    const Json whole = predicate_example();
    for (const auto& [key, value] : whole.items()) {
        Json predicate = whole;
        predicate[key] = 7;
        INFO(key);
        CHECK_FALSE(problem_of(predicate).empty());
    }
}

TEST_CASE("Unknown top-level fields are refused") {
    CHECK_THAT(problem_after([](Json& p) { p["note"] = "x"; }), Contains("unknown field \"note\""));
}

TEST_CASE("Words outside the vocabulary are refused") {
    CHECK_FALSE(problem_after([](Json& p) { p["result"]["status"] = "erased"; }).empty());
    CHECK_FALSE(problem_after([](Json& p) { first_volume(p)["level"] = "destroy"; }).empty());
    CHECK_FALSE(problem_after([](Json& p) { p["certificateType"] = "media"; }).empty());
    CHECK_FALSE(
        problem_after([](Json& p) { location(p)["verification"]["result"] = "passed"; }).empty());
}

TEST_CASE("The run is as bad as its worst volume") {
    CHECK_THAT(problem_after([](Json& p) {
                   first_volume(p)["status"] = "indeterminate";
                   first_volume(p)["level"] = "none";
               }),
               Contains("worst of its volumes"));
}

TEST_CASE("A level higher than that of a volume is refused") {
    CHECK_THAT(problem_after([](Json& p) { first_volume(p)["level"] = "clear"; }),
               Contains("lowest of its volumes"));
}

TEST_CASE("A failed volume has no level") {
    CHECK_THAT(problem_after([](Json& p) {
                   first_volume(p)["status"] = "not-sanitized";
                   p["result"]["status"] = "not-sanitized";
               }),
               Contains("has no level"));
}

TEST_CASE("A volume is sanitized only when every place of it is, and was verified") {
    CHECK_FALSE(problem_after([](Json& p) { location(p)["status"] = "not-sanitized"; }).empty());
    CHECK_FALSE(
        problem_after([](Json& p) { location(p)["verification"]["result"] = "fail"; }).empty());
    CHECK_FALSE(
        problem_after([](Json& p) { location(p)["verification"]["performed"] = false; }).empty());
    CHECK_FALSE(
        problem_after([](Json& p) { location(p)["verification"]["mismatches"] = 1U; }).empty());
    CHECK_FALSE(problem_after([](Json& p) {
                    location(p)["negativeControls"][0]["result"] = "unknown";
                }).empty());
    CHECK_FALSE(
        problem_after([](Json& p) { location(p)["negativeControls"] = Json::array(); }).empty());
    CHECK_FALSE(
        problem_after([](Json& p) { first_volume(p)["locations"] = Json::array(); }).empty());
}

TEST_CASE("A place is its regions: every byte of them was written and read back") {
    CHECK_THAT(
        problem_after([](Json& p) { location(p)["verification"]["bytesCompared"] = 16773120U; }),
        Contains("is not the 16777216 bytes of the regions"));
    CHECK_THAT(problem_after([](Json& p) { location(p)["overwrite"]["bytesWritten"] = 16773120U; }),
               Contains("is not the 16777216 bytes of the regions"));
    CHECK_THAT(problem_after([](Json& p) {
                   location(p)["regions"].push_back({{"offset", 33554432U}, {"length", 4096U}});
               }),
               Contains("is not the 16781312 bytes of the regions"));
    CHECK_THAT(
        problem_after([](Json& p) {
            location(p)["regions"].push_back({{"offset", 0U}, {"length", 18446744073709551615ULL}});
            location(p)["regions"].push_back({{"offset", 0U}, {"length", 1U}});
        }),
        Contains("whole number"));
    CHECK_FALSE(problem_after([](Json& p) { location(p).erase("regions"); }).empty());
}

TEST_CASE("A volume that was declared gone is an exception without level, never plain success") {
    const auto gone = [](Json& p) {
        first_volume(p)["locations"] = Json::array();
        first_volume(p)["alreadyGone"] = true;
        first_volume(p)["status"] = "sanitized-with-exceptions";
        first_volume(p)["exceptions"] = Json::array({reason("not examined", "declared-gone")});
        first_volume(p)["credential"]["openedBefore"] =
            first_volume(p)["credential"]["refusedAfter"] = nullptr;
        first_volume(p)["level"] = "none";
        p["result"]["status"] = "sanitized-with-exceptions";
        p["result"]["level"] = "none";
        p["sanitization"]["method"] = "none";
    };
    CHECK(problem_after(gone).empty());
    CHECK(problem_after([&](Json& p) {
              gone(p);
              p["verification"]["result"] = "fail";  // not everything could be verified
          }).empty());
    CHECK_FALSE(problem_after([&](Json& p) {
                    gone(p);
                    first_volume(p)["status"] = "sanitized";
                    p["result"]["status"] = "sanitized";
                }).empty());
}

TEST_CASE("A run whose verification did not pass is no success") {
    CHECK_THAT(problem_after([](Json& p) { p["verification"]["result"] = "fail"; }),
               Contains("did not pass"));
}

TEST_CASE("Purge needs eligibility and a payload without plain data") {
    CHECK_THAT(problem_after([](Json& p) { first_volume(p)["eligibility"]["eligible"] = false; }),
               Contains("eligibility.eligible"));
    CHECK_THAT(problem_after([](Json& p) {
                   first_volume(p)["payloadSample"]["structured"] = 1U;
                   first_volume(p)["payloadSample"]["zero"] = 19U;
               }),
               Contains("payloadSample.structured"));
    CHECK_FALSE(problem_after([](Json& p) { first_volume(p)["payloadSample"] = nullptr; }).empty());
}

TEST_CASE("Exceptions stand exactly where the status says so") {
    CHECK_FALSE(problem_after([](Json& p) {
                    first_volume(p)["exceptions"] = Json::array({reason("x")});
                }).empty());
}

TEST_CASE("A reason is a code of the program and a text, nothing else, since record 1.1.0") {
    const Json good = reason("x", "flash");
    const auto problem_with = [](const Json& item) {
        std::string problems;
        for (const char* key : {"reasons", "residualRisks"}) {
            problems += problem_after([&](Json& p) { first_volume(p)[key] = Json::array({item}); });
        }
        problems += problem_after([&](Json& p) {
            first_volume(p)["eligibility"]["objections"] = Json::array({item});
            first_volume(p)["level"] = p["result"]["level"] = p["sanitization"]["method"] = "clear";
        });
        return problems +
               problem_after([&](Json& p) { p["result"]["residualRisks"] = Json::array({item}); });
    };
    CHECK(problem_with(good).empty());
    for (const char* key : {"code", "text"}) {
        for (const Json& value : {Json(), Json(""), Json(1), Json::array()}) {
            Json bad = good;
            bad[key] = value;
            CHECK_FALSE(problem_with(bad).empty());
        }
        Json less = good;
        less.erase(key);
        CHECK_FALSE(problem_with(less).empty());
    }
    Json more = good;
    more["hint"] = "y";
    CHECK_FALSE(problem_with(more).empty());
    CHECK_THAT(problem_with(reason("x", "no-such-code")), Contains("code of efface-reasons(7)"));
    CHECK_FALSE(problem_with("x").empty());
}

TEST_CASE("A record of 1.0.0 has texts for reasons, and no other version is known") {
    const auto old = [](Json& p) {
        p["schemaVersion"] = "1.0.0";
        p["tool"]["version"] = "0.1.0";
        first_volume(p)["residualRisks"] = Json::array({"flash"});
    };
    CHECK(problem_after(old).empty());
    CHECK_FALSE(problem_after([&](Json& p) {
                    old(p);
                    first_volume(p)["residualRisks"] = Json::array({reason("x", "flash")});
                }).empty());
    for (const char* version : {"1.0.1", "1.3.0", "2.0.0", ""}) {
        CHECK_FALSE(problem_after([&](Json& p) { p["schemaVersion"] = version; }).empty());
    }
}

TEST_CASE("Two approvals need two keys") {
    CHECK_THAT(problem_after([](Json& p) { p["authorization"]["approvals"].erase(0); }),
               Contains("different people"));
    CHECK_THAT(problem_after([](Json& p) {
                   auto& approvals = p["authorization"]["approvals"];
                   approvals[1]["subjectPublicKeySha256"] = approvals[0]["subjectPublicKeySha256"];
               }),
               Contains("twice"));
}

TEST_CASE("A person at the terminal needs no approvals") {
    CHECK(problem_after([](Json& p) {
              p["authorization"]["confirmation"] = "typed-project-id";
              p["authorization"]["approvals"] = Json::array();
          }).empty());
}

TEST_CASE("The record must require its station's signature") {
    CHECK_FALSE(
        problem_after([](Json& p) { p["signaturePolicy"]["required"] = Json::array(); }).empty());
    CHECK_FALSE(problem_after([](Json& p) {
                    p["signaturePolicy"]["required"][0]["role"] = "witness";
                }).empty());
}

TEST_CASE("Times out of order are refused") {
    CHECK_FALSE(problem_after([](Json& p) { p["issuedAt"] = "2026-11-21T09:40:06Z"; }).empty());
    CHECK_FALSE(problem_after([](Json& p) {
                    p["authorization"]["notBefore"] = "2026-11-21T09:40:03Z";
                }).empty());
}

TEST_CASE("The project that is named is the one that was treated") {
    CHECK_FALSE(problem_after([](Json& p) { first_volume(p)["name"] = "other"; }).empty());
    CHECK_FALSE(problem_after([](Json& p) { p["dataOwner"]["projectId"] = "prj-1"; }).empty());
}

TEST_CASE("The number of the attempt follows from the earlier ones") {
    CHECK_FALSE(problem_after([](Json& p) { p["attempts"]["number"] = 2U; }).empty());
}
