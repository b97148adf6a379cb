// SPDX-License-Identifier: Apache-2.0
// Each rule for media, files and memory, both ways: what an honest record may say, and what must
// be refused.
#include <functional>

#include "efface/base/file.hpp"

#include "catch.hpp"
#include "schema.hpp"

using namespace efface;
using namespace efface::evidence;

namespace {

using Catch::Matchers::Contains;
using Change = std::function<void(Json&)>;
constexpr std::size_t kFileBytesMax = 1 << 20;
// The examples of tests/data/evidence.
constexpr std::uint64_t kDisk = 4'000'787'030'016;
constexpr std::uint64_t kFile = 1'048'576'123;

Json example(const std::string& type) {
    const std::string path = EFFACE_TEST_DATA "/evidence/predicate-" + type + ".json";
    return parse_json(read_text_file(path, kFileBytesMax).value(), path);
}
/// What is wrong with the record; "" when nothing is.
std::string problem_of(const Json& predicate) {
    try {
        check_predicate({predicate, "p"});
        check_rules({predicate, "p"});
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}
std::string media(const Change& change) {
    Json predicate = example("media");
    change(predicate);
    return problem_of(predicate);
}
std::string file(const Change& change) {
    Json predicate = example("file");
    change(predicate);
    return problem_of(predicate);
}
std::string memory(const Change& change) {
    Json predicate = example("memory");
    change(predicate);
    return problem_of(predicate);
}
Json& pass(Json& predicate, std::size_t number = 0) {
    return predicate["sanitization"]["passes"][number];
}
void set_level(Json& p, const char* level) {
    p["result"]["level"] = level;
    p["sanitization"]["method"] = level;
}
void fail_run(Json& p, const char* status = "not-sanitized") {
    p["result"]["status"] = status;
    set_level(p, "none");
}
Json faults(std::uint64_t count, std::uint64_t offset, std::uint64_t length) {
    return {{"count", count},
            {"bytes", length},
            {"areas", {{{"offset", offset}, {"length", length}, {"error", "EIO"}}}}};
}
/// An honest run on a disk with one bad block.
void bad_block(Json& p) {
    p["result"]["status"] = "sanitized-with-exceptions";
    p["result"]["exceptions"] = {"4096 bytes in 1 place could not be written: 8192"};
    pass(p)["bytesWritten"] = kDisk - 4096;
    pass(p)["writeFaults"] = faults(1, 8192, 4096);
    p["verification"]["bytesPlanned"] = kDisk - 4096;
    p["verification"]["bytesCompared"] = kDisk - 4096;
}
void no_read_back(Json& p) {
    p["verification"] = {{"method", "none"},
                         {"performed", false},
                         {"result", "not-performed"},
                         {"independentOfEraser", false}};
}

}  // namespace

TEST_CASE("The examples for media, files and memory claim no more than they show") {
    for (const char* type : {"media", "file", "memory"}) {
        INFO(type);
        CHECK(problem_of(example(type)).empty());
    }
}

TEST_CASE("Every top-level field of a target's certificate is needed, but retention, supersedes") {
    for (const char* type : {"media", "file", "memory"}) {
        const Json whole = example(type);
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
              pass(p)["pattern"] = "repeat:00";
              pass(p).erase("streamKeyDigest");
          }).empty());
    CHECK_FALSE(media([](Json& p) { p["verification"]["method"] = "looked at it"; }).empty());
    CHECK(memory([](Json& p) { p["verification"]["method"] = "disksize and mm_stat"; }).empty());
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
        CHECK_THAT(media([&](Json& p) { p["target"]["identityAfter"].erase(key); }),
                   Contains("another target"));
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
               Contains("not looked at afterwards"));
    CHECK(media([](Json& p) {
              p["target"]["identityAfter"] = nullptr;
              fail_run(p, "indeterminate");
          }).empty());
    CHECK(media([](Json& p) {
              p["target"]["identityAfter"]["serialNumber"] = "another";
              fail_run(p, "indeterminate");
          }).empty());
}

TEST_CASE("Sanitized needs every pass whole, without a fault, and flushed") {
    CHECK_THAT(media([](Json& p) { pass(p)["bytesWritten"] = kDisk - 512; }),
               Contains("not the whole target"));
    CHECK_THAT(media([](Json& p) { pass(p)["bytesWritten"] = kDisk + 512; }),
               Contains("more than the target holds"));
    CHECK_THAT(media([](Json& p) { pass(p)["flush"] = "Input/output error (5)"; }),
               Contains("flush"));
    CHECK_THAT(media([](Json& p) { pass(p).erase("completedAt"); }), Contains("completedAt"));
    CHECK_THAT(media([](Json& p) { p["sanitization"]["passes"] = Json::array(); }),
               Contains("nothing was done"));
    CHECK_THAT(media([](Json& p) {
                   bad_block(p);
                   p["result"]["status"] = "sanitized";
                   p["result"]["exceptions"] = Json::array();
               }),
               Contains("need exceptions"));
    CHECK(media([](Json& p) {  // a failed run tells how far it came
              pass(p)["bytesWritten"] = 4096U;
              pass(p)["flush"] = "Input/output error (5)";
              pass(p).erase("completedAt");
              no_read_back(p);
              fail_run(p);
          })
              .empty());
}

TEST_CASE("An earlier pass counts as much as the last one") {
    const auto two_passes = [](Json& p) {
        p["sanitization"]["passes"].push_back(pass(p));
        pass(p, 0)["completedAt"] = "2026-11-21T03:00:00Z";
        pass(p, 0)["pattern"] = "repeat:ff";
        pass(p, 0).erase("streamKeyDigest");
        pass(p, 1)["number"] = 2U;
        pass(p, 1)["startedAt"] = "2026-11-21T03:00:00Z";
        pass(p, 1)["resumedAt"] = Json::array();
    };
    CHECK(media(two_passes).empty());
    CHECK_THAT(media([&](Json& p) {
                   two_passes(p);
                   pass(p, 0)["bytesWritten"] = kDisk - 4096;
                   pass(p, 0)["writeFaults"] = faults(1, 0, 4096);
               }),
               Contains("need exceptions"));
    CHECK_THAT(media([&](Json& p) {
                   two_passes(p);
                   pass(p, 1)["number"] = 3U;
               }),
               Contains("count from 1"));
    CHECK_THAT(media([&](Json& p) {
                   two_passes(p);
                   pass(p, 1)["startedAt"] = "2026-11-21T02:59:59Z";
               }),
               Contains("out of order"));
}

TEST_CASE("Bad blocks are exceptions, each with its place, and are left out of the read-back") {
    CHECK(media(bad_block).empty());
    const auto refused = [](const Change& change) {
        return media([&](Json& p) {
            bad_block(p);
            change(p);
        });
    };
    CHECK_THAT(refused([](Json& p) { p["result"]["exceptions"] = Json::array(); }),
               Contains("exactly when the status says so"));
    CHECK_THAT(refused([](Json& p) { p["verification"]["bytesPlanned"] = kDisk; }),
               Contains("did not pass"));
    CHECK_THAT(refused([](Json& p) {
                   p["verification"]["bytesPlanned"] = kDisk - 8192;
                   p["verification"]["bytesCompared"] = kDisk - 8192;
               }),
               Contains("not everything that could be written"));
    CHECK_THAT(refused([](Json& p) { pass(p)["writeFaults"]["count"] = 0U; }),
               Contains("does not add up"));
    CHECK_THAT(refused([](Json& p) { pass(p)["writeFaults"]["areas"][0]["length"] = 512U; }),
               Contains("does not add up"));
    CHECK_THAT(refused([](Json& p) { pass(p)["writeFaults"]["areas"][0]["length"] = 8192U; }),
               Contains("no part of"));
    CHECK_THAT(refused([](Json& p) { pass(p)["writeFaults"]["areas"][0]["offset"] = kDisk; }),
               Contains("outside the target"));
    CHECK_THAT(refused([](Json& p) {
                   p["verification"]["unwrittenAreas"] = {
                       {"bytesReadable", 4096U}, {"blocksDifferent", 8U}, {"bytesUnreadable", 0U}};
               }),
               Contains("old blocks can still be read"));
}

TEST_CASE("Faults may be more than are listed, never fewer") {
    const auto many = [](Json& p) {  // 2 of 3 areas kept
        bad_block(p);
        pass(p)["bytesWritten"] = kDisk - 12288;
        pass(p)["writeFaults"] = faults(3, 8192, 4096);
        pass(p)["writeFaults"]["bytes"] = 12288U;
        pass(p)["writeFaults"]["areas"].push_back(
            {{"offset", 65536U}, {"length", 4096U}, {"error", "EIO"}});
        // What is not listed can not be left out of the read-back.
        p["verification"]["bytesPlanned"] = kDisk - 8192;
        p["verification"]["bytesCompared"] = kDisk - 8192;
    };
    CHECK(media(many).empty());
    CHECK_THAT(media([&](Json& p) {
                   many(p);
                   pass(p)["writeFaults"]["count"] = 1U;
               }),
               Contains("does not add up"));
    CHECK_THAT(media([&](Json& p) {
                   many(p);
                   pass(p)["writeFaults"]["areas"][1]["offset"] = 10240U;
               }),
               Contains("overlap"));
}

TEST_CASE("Sanitized needs a read-back that passed and saw everything") {
    CHECK_FALSE(media(no_read_back).empty());
    CHECK_THAT(media([](Json& p) { p["verification"]["result"] = "fail"; }),
               Contains("did not pass"));
    CHECK_THAT(media([](Json& p) { p["verification"]["result"] = "unknown"; }),
               Contains("did not pass"));
    CHECK_THAT(media([](Json& p) { p["verification"]["mismatches"] = 1U; }),
               Contains("blocks differ"));
    CHECK_THAT(media([](Json& p) { p["verification"]["bytesCompared"] = kDisk - 512; }),
               Contains("not compared"));
    CHECK_THAT(media([](Json& p) { p["verification"]["bytesCompared"] = kDisk + 512; }),
               Contains("more than was planned"));
    CHECK_THAT(media([](Json& p) {
                   p["verification"]["readFaults"] = faults(1, 0, 4096);
                   p["verification"]["bytesCompared"] = kDisk - 4096;
               }),
               Contains("need exceptions"));
    CHECK(media([](Json& p) {
              p["verification"]["readFaults"] = faults(1, 0, 4096);
              p["verification"]["bytesCompared"] = kDisk - 4096;
              p["result"]["status"] = "sanitized-with-exceptions";
              p["result"]["exceptions"] = {"4096 bytes could not be read back"};
          }).empty());
    CHECK_THAT(media([](Json& p) {
                   p["verification"]["differences"] = {
                       {{"offset", 0U}, {"foundSha256", std::string(64, 'a')}, {"zero", true}}};
               }),
               Contains("more than the mismatches"));
    CHECK_FALSE(media([](Json& p) { p["verification"]["method"] = "none"; }).empty());
}

TEST_CASE("A failed record contradicts itself as little as a good one") {
    const auto refused = [](const Change& change) {
        return media([&](Json& p) {
            fail_run(p);
            change(p);
        });
    };
    CHECK(refused([](Json& p) {
              p["verification"]["result"] = "fail";
              p["verification"]["mismatches"] = 3U;
          }).empty());
    CHECK_THAT(refused([](Json& p) { p["verification"]["mismatches"] = 3U; }),
               Contains("blocks differ"));
    CHECK_THAT(refused([](Json& p) { p["verification"]["result"] = "not-performed"; }),
               Contains("contradicts itself"));
    CHECK_THAT(refused([](Json& p) { set_level(p, "clear"); }), Contains("has no level"));
}

TEST_CASE("What was finished and not verified is indeterminate, without level") {
    const auto finished = [](Json& p) {
        no_read_back(p);
        fail_run(p, "indeterminate");
    };
    CHECK(media(finished).empty());
    for (const char* status : {"sanitized", "sanitized-with-exceptions"}) {
        CHECK_FALSE(media([&](Json& p) {
                        finished(p);
                        p["result"]["status"] = status;
                        p["result"]["exceptions"] = {"not verified"};
                    }).empty());
    }
}

TEST_CASE("A sample is a tenth of the medium at least, and can be drawn again") {
    const auto sampled = [](Json& p) {
        p["verification"]["method"] = "representative";
        p["verification"]["seed"] = std::string(64, '5');
        p["verification"]["bytesPlanned"] = kDisk / 10 + 1;
        p["verification"]["bytesCompared"] = kDisk / 10 + 1;
    };
    CHECK(media(sampled).empty());
    CHECK_THAT(media([&](Json& p) {
                   sampled(p);
                   p["verification"]["bytesPlanned"] = kDisk / 10 - 512;
                   p["verification"]["bytesCompared"] = kDisk / 10 - 512;
               }),
               Contains("less than a tenth"));
    CHECK_THAT(media([&](Json& p) {
                   sampled(p);
                   p["verification"]["seed"] = nullptr;
               }),
               Contains("seed"));
    CHECK_THAT(media([&](Json& p) {
                   sampled(p);
                   p["verification"]["method"] = "full-read-back";
               }),
               Contains("not everything"));
}

TEST_CASE("Overwriting never purges, and a file never has a level") {
    CHECK_THAT(media([](Json& p) { set_level(p, "purge"); }), Contains("clear at most"));
    CHECK_THAT(memory([](Json& p) { set_level(p, "purge"); }), Contains("clear at most"));
    CHECK_THAT(file([](Json& p) { set_level(p, "clear"); }), Contains("no medium"));
    CHECK_THAT(media([](Json& p) { p["result"]["level"] = "none"; }), Contains("same levels"));
    CHECK_THAT(media([](Json& p) { p["result"]["requestedLevel"] = "purge"; }),
               Contains("same levels"));
    CHECK(media([](Json& p) { set_level(p, "none"); }).empty());
}

TEST_CASE("No level above layers that keep what was overwritten") {
    for (const char* flag : {"copyOnWrite", "thin", "remote"}) {
        const auto layered = [&](Json& p) { p["target"]["layersBelow"][0][flag] = true; };
        INFO(flag);
        CHECK_THAT(media(layered), Contains("does not reach"));
        CHECK(media([&](Json& p) {
                  layered(p);
                  set_level(p, "none");
              }).empty());
    }
    const auto zram = [](Json& p) {
        p["target"]["kind"] = "zram";
        p["targetIdentity"]["kind"] = "zram";
    };
    CHECK_THAT(media(zram), Contains("zram"));
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
        Contains("did not pass"));
    CHECK_THAT(memory([](Json& p) { p["sanitization"]["steps"][1]["result"] = "fail"; }),
               Contains("failed"));
    CHECK(memory([](Json& p) { p["sanitization"]["passes"] = Json::array(); }).empty());
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
    CHECK_THAT(media([](Json& p) { pass(p)["bytesWritten"] = kHuge; }), Contains("any medium"));
    CHECK_THAT(media([](Json& p) {
                   bad_block(p);
                   pass(p)["writeFaults"]["areas"][0]["length"] = kHuge;
               }),
               Contains("any medium"));
    CHECK_THAT(media([](Json& p) { p["target"]["sizeBytes"] = kHuge; }), Contains("any medium"));
}
