// SPDX-License-Identifier: Apache-2.0
// Each rule for media, files and memory, both ways: what an honest record may say, and what must
// be refused.
#include "catch.hpp"
#include "target_records.hpp"

using namespace efface;
using namespace efface::judge;
using Catch::Matchers::Contains;

TEST_CASE("The examples for media, files and memory claim no more than they show") {
    for (const char* type : {"media", "file", "memory"}) {
        INFO(type);
        CHECK(problem_of(example_predicate(type)).empty());
    }
}

TEST_CASE("Every top-level field of a target's certificate is needed, but retention, supersedes") {
    for (const char* type : {"media", "file", "memory"}) {
        const Json whole = example_predicate(type);
        for (const auto& [key, value] : whole.items()) {
            INFO(type << " " << key);
            Json predicate = whole;
            predicate.erase(key);
            CHECK(problem_of(predicate).empty() == (key == "retention" || key == "supersedes"));
            predicate[key] = 7;
            CHECK_FALSE(problem_of(predicate).empty());
        }
    }
}

TEST_CASE("Fields of projects and of targets do not mix") {
    CHECK_THAT(media([](Json& p) { p["volumes"] = Json::array(); }), Contains("unknown field"));
    CHECK_THAT(media([](Json& p) {
                   p["projectIdentity"] = {{"projectId", "x"}};
               }),
               Contains("unknown field"));
    CHECK_THAT(media([](Json& p) { p["certificateType"] = "keyslot"; }), Contains("unknown field"));
    CHECK_THAT(media([](Json& p) {
                   p["authorization"]["attestation"] = {{"by", "x"}};
               }),
               Contains("attestation"));
}

TEST_CASE("A target has its vocabulary") {
    CHECK_FALSE(media([](Json& p) { p["target"]["kind"] = "floppy"; }).empty());
    CHECK_FALSE(media([](Json& p) { p["target"]["kind"] = "file"; }).empty());
    CHECK_FALSE(file([](Json& p) { p["target"]["kind"] = "disk"; }).empty());
    CHECK_FALSE(memory([](Json& p) { p["target"]["kind"] = "disk"; }).empty());
    CHECK_FALSE(media([](Json& p) { pass(p)["pattern"] = "zeros"; }).empty());
    CHECK_FALSE(media([](Json& p) { pass(p)["pattern"] = "repeat:"; }).empty());
    CHECK_FALSE(media([](Json& p) { pass(p)["pattern"] = "repeat:0"; }).empty());
    CHECK_FALSE(media([](Json& p) { pass(p)["pattern"] = "repeat:00"; }).empty());  // with a key
    CHECK(media([](Json& p) {
              p["sanitization"]["technique"] = p["authorization"]["policyId"] = "overwrite-zero";
              pass(p)["pattern"] = "repeat:00";
              pass(p).erase("streamKeyDigest");
          }).empty());
    CHECK_FALSE(media([](Json& p) { p["verification"]["method"] = "looked at it"; }).empty());
    CHECK(memory([](Json& p) {
              p["verification"]["method"] = "disksize and mm_stat";
              with_exception(p);
              set_level(p, "none");
          }).empty());
    CHECK_FALSE(media([](Json& p) { p["target"]["hiddenAreas"].erase("examined"); }).empty());
}

TEST_CASE("Without an order somebody typed what names the target") {
    const auto typed = [](Json& p) {
        p["authorization"]["confirmation"] = "typed-token";
        p["authorization"]["manifestDigest"] = nullptr;
        p["authorization"]["targetToken"] = "ZC10A7WE";
        p["authorization"]["approvals"] = Json::array();
    };
    CHECK(media(typed).empty());
    CHECK_THAT(media([&](Json& p) {
                   typed(p);
                   p["authorization"].erase("targetToken");
               }),
               Contains("targetToken"));
    CHECK_THAT(media([](Json& p) { p["authorization"]["manifestDigest"] = nullptr; }),
               Contains("manifestDigest"));
    CHECK_FALSE(
        media([](Json& p) { p["authorization"]["confirmation"] = "typed-project-id"; }).empty());
}

TEST_CASE("Approvals that nobody signed are refused") {
    CHECK_THAT(media([](Json& p) {
                   p["authorization"]["confirmation"] = "typed-token";
                   p["authorization"]["targetToken"] = "ZC10A7WE";
               }),
               Contains("nobody signed"));
}

TEST_CASE("The target that was overwritten is the one that is named, before and after") {
    for (const char* key : {"serialNumber", "wwid"}) {
        INFO(key);
        CHECK_THAT(media([&](Json& p) { p["target"]["identity"][key] = "other"; }),
                   Contains("another target"));
        CHECK_THAT(media([&](Json& p) { p["target"]["identityAfter"][key] = "other"; }),
                   Contains("another target"));
        CHECK_THAT(media([&](Json& p) { p["target"]["identityAfter"].erase(key); }), Contains(key));
    }
    for (const char* which : {"identity", "identityAfter"}) {
        CHECK_THAT(media([&](Json& p) { p["target"][which]["sizeBytes"] = kDisk - 512; }),
                   Contains("not the size"));
    }
    CHECK_THAT(media([](Json& p) { p["targetIdentity"]["sizeBytes"] = kDisk + 512; }),
               Contains("not the size"));
    CHECK_THAT(media([](Json& p) { p["targetIdentity"]["kind"] = "loop"; }),
               Contains("not the kind"));
    CHECK_THAT(memory([](Json& p) { p["target"]["identityAfter"]["place"] = "/mnt/other"; }),
               Contains("another target"));
}

TEST_CASE("A target that could not be identified afterwards is no success") {
    CHECK_THAT(media([](Json& p) { p["target"]["identityAfter"] = nullptr; }),
               Contains("not checked afterwards"));
    CHECK(media([](Json& p) {
              p["target"]["identityAfter"] = nullptr;
              fail_run(p, "indeterminate");
          }).empty());
    CHECK(media([](Json& p) {
              p["target"]["identityAfter"]["serialNumber"] = "another";
              fail_run(p, "indeterminate");
          }).empty());
}

TEST_CASE("Overwriting never purges, and a file never has a level") {
    CHECK_THAT(media([](Json& p) { set_level(p, "purge"); }), Contains("does not reach purge"));
    CHECK_THAT(memory([](Json& p) { set_level(p, "purge"); }), Contains("does not reach purge"));
    CHECK_THAT(file([](Json& p) { set_level(p, "clear"); }), Contains("such a target has none"));
    CHECK_THAT(media([](Json& p) { p["result"]["level"] = "none"; }), Contains("same levels"));
    CHECK_THAT(media([](Json& p) { p["result"]["requestedLevel"] = "purge"; }),
               Contains("same levels"));
    CHECK(media([](Json& p) { set_level(p, "none"); }).empty());
}

TEST_CASE("No level above layers that keep what was overwritten") {
    for (const char* flag : {"copyOnWrite", "thin", "remote"}) {
        const auto layered = [&](Json& p) { p["target"]["layersBelow"][0][flag] = true; };
        INFO(flag);
        CHECK_THAT(media(layered), Contains("no level"));
        CHECK(media([&](Json& p) {
                  layered(p);
                  set_level(p, "none");
              }).empty());
    }
    const auto zram = [](Json& p) {
        p["target"]["kind"] = "zram";
        p["targetIdentity"]["kind"] = "zram";
    };
    CHECK_THAT(media(zram), Contains("such a target has none"));
}

TEST_CASE("Passes lie inside the run, and every interruption is told") {
    CHECK_THAT(media([](Json& p) { pass(p)["startedAt"] = "2026-11-21T01:10:01Z"; }),
               Contains("out of order"));
    CHECK_THAT(media([](Json& p) { pass(p)["completedAt"] = "2026-11-21T09:41:00Z"; }),
               Contains("out of order"));
    CHECK_THAT(media([](Json& p) { pass(p)["completedAt"] = "2026-11-21T01:10:01Z"; }),
               Contains("out of order"));
    CHECK_THAT(media([](Json& p) { p["sanitization"]["interruptions"] = 0U; }),
               Contains("interruptions"));
    CHECK_THAT(media([](Json& p) { p["sanitization"].erase("interruptions"); }),
               Contains("interruptions"));
    CHECK_THAT(media([](Json& p) { pass(p)["resumedAt"] = {kDisk + 1}; }), Contains("resumedAt"));
    CHECK_THAT(media([](Json& p) {
                   pass(p)["resumedAt"] = {4096U, 512U};
                   p["sanitization"]["interruptions"] = 2U;
               }),
               Contains("resumedAt"));
    CHECK_THAT(
        memory([](Json& p) { p["sanitization"]["steps"][0]["at"] = "2026-11-21T09:40:21Z"; }),
        Contains("outside the run"));
}

TEST_CASE("Memory is cleared by what was done to it, and every control must pass") {
    CHECK_THAT(
        memory([](Json& p) { p["sanitization"]["negativeControls"][0]["result"] = "unknown"; }),
        Contains("negativeControls[0].result"));
    for (const char* end : {"fail", "refused", "stopped"}) {
        CHECK_THAT(memory([&](Json& p) { p["sanitization"]["steps"][1]["result"] = end; }),
                   Contains("steps[1].result"));
    }
    CHECK(memory([](Json& p) {
              p["sanitization"]["passes"] = Json::array();
              with_exception(p);
              set_level(p, "none");
          }).empty());
    CHECK_THAT(memory([](Json& p) {
                   p["sanitization"]["passes"] = Json::array();
                   p["sanitization"]["steps"] = Json::array();
               }),
               Contains("nothing was done"));
    CHECK_THAT(memory([](Json& p) {
                   p["verification"]["bytesPlanned"] = 4096U;
                   p["verification"]["bytesCompared"] = 4096U;
               }),
               Contains("less than the last pass wrote"));
}

TEST_CASE("The exceptions of a file with two bad blocks say so") {
    CHECK_THAT(file([](Json& p) { p["result"]["exceptions"] = Json::array(); }),
               Contains("exactly when"));
    CHECK_THAT(file([](Json& p) { pass(p)["bytesWritten"] = kFile; }),
               Contains("more than the target holds"));
}

TEST_CASE("Numbers that no medium has are refused before they are added up") {
    static constexpr std::uint64_t kHuge = ~std::uint64_t{0};
    CHECK_THAT(media([](Json& p) { pass(p)["bytesWritten"] = kHuge; }), Contains("whole number"));
    CHECK_THAT(media([](Json& p) {
                   bad_block(p);
                   pass(p)["writeFaults"]["areas"][0]["length"] = kHuge;
               }),
               Contains("whole number"));
    CHECK_THAT(media([](Json& p) { p["target"]["sizeBytes"] = kHuge; }), Contains("whole number"));
}
