// SPDX-License-Identifier: Apache-2.0
// What was written and what was read back: each rule both ways.
#include "catch.hpp"
#include "target_records.hpp"

using namespace efface;
using namespace efface::judge;
using Catch::Matchers::Contains;

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
               Contains("no exception is write-failed"));
    CHECK(media([](Json& p) {  // a failed run tells how far it came
              pass(p)["bytesWritten"] = 4096U;
              pass(p)["flush"] = "Input/output error (5)";
              pass(p)["completedAt"] = "";
              no_read_back(p);
              fail_run(p);
          })
              .empty());
}

TEST_CASE("An earlier pass counts as much as the last one") {
    const auto two_passes = [](Json& p) {  // and a third that is as the one of the example
        Json& work = p["sanitization"];
        work["technique"] = p["authorization"]["policyId"] = "dod-5220.22-m";
        work["passes"] = {pass(p), pass(p), pass(p)};
        for (const std::size_t number : {0U, 1U}) {
            pass(p, number)["pattern"] = number == 0 ? "repeat:00" : "repeat:ff";
            pass(p, number).erase("streamKeyDigest");
            pass(p, number + 1)["number"] = number + 2;
            pass(p, number + 1)["resumedAt"] = Json::array();
        }
        pass(p, 0)["completedAt"] = pass(p, 1)["startedAt"] = "2026-11-21T03:00:00Z";
        pass(p, 1)["completedAt"] = pass(p, 2)["startedAt"] = "2026-11-21T04:00:00Z";
    };
    CHECK(media(two_passes).empty());
    CHECK_THAT(media([&](Json& p) {
                   two_passes(p);
                   pass(p, 0)["bytesWritten"] = kDisk - 4096;
                   pass(p, 0)["writeFaults"] = faults(1, 0, 4096);
               }),
               Contains("no exception is write-failed"));
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

TEST_CASE("What happened at a limit has one shape, whoever erased") {
    const auto events = [](Json& p) -> Json& { return p["sanitization"]["limits"]["events"]; };
    CHECK(media([&](Json& p) { events(p)[0]["limit"] = "deadline"; }).empty());
    CHECK_FALSE(media([&](Json& p) { events(p)[0]["more"] = 1U; }).empty());
    for (const char* key : {"at", "limit", "what", "then"}) {
        CHECK_FALSE(media([&](Json& p) { events(p)[0].erase(key); }).empty());
        CHECK_FALSE(media([&](Json& p) { events(p)[0][key] = ""; }).empty());
    }
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
               Contains("exactly when"));
    CHECK_THAT(refused([](Json& p) { p["verification"]["bytesPlanned"] = kDisk; }),
               Contains("did not pass"));
    CHECK_THAT(refused([](Json& p) {
                   p["verification"]["bytesPlanned"] = kDisk - 8192;
                   p["verification"]["bytesCompared"] = kDisk - 8192;
               }),
               Contains("not as much"));
    CHECK_THAT(refused([](Json& p) { pass(p)["writeFaults"]["count"] = 0U; }),
               Contains("does not add up"));
    CHECK_THAT(refused([](Json& p) { pass(p)["writeFaults"]["areas"][0]["length"] = 512U; }),
               Contains("does not add up"));
    CHECK_THAT(refused([](Json& p) { pass(p)["writeFaults"]["areas"][0]["length"] = 8192U; }),
               Contains("not part of"));
    CHECK_THAT(refused([](Json& p) { pass(p)["writeFaults"]["areas"][0]["offset"] = kDisk; }),
               Contains("outside the target"));
    CHECK_THAT(refused([](Json& p) {
                   p["verification"]["unwrittenAreas"] = {
                       {"bytesReadable", 4096U}, {"blocksDifferent", 8U}, {"bytesUnreadable", 0U}};
               }),
               Contains("unwrittenAreas.blocksDifferent"));
}

TEST_CASE("Faults may be more than are listed, never fewer") {
    const auto many = [](Json& p) {  // 2 of 3 areas kept
        bad_block(p);
        pass(p)["bytesWritten"] = kDisk - 12288;
        pass(p)["writeFaults"] = faults(3, 8192, 4096);
        pass(p)["writeFaults"]["bytes"] = 12288U;
        pass(p)["writeFaults"]["areas"].push_back(
            {{"offset", 65536U}, {"length", 4096U}, {"error", "EIO"}});
        // What is not listed cannot be left out of the read-back.
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
               Contains("verification.result"));
    CHECK_THAT(media([](Json& p) { p["verification"]["result"] = "unknown"; }),
               Contains("verification.result"));
    CHECK_THAT(media([](Json& p) { p["verification"]["mismatches"] = 1U; }),
               Contains("verification.mismatches"));
    CHECK_THAT(media([](Json& p) { p["verification"]["bytesCompared"] = kDisk - 512; }),
               Contains("not all blocks were compared"));
    CHECK_THAT(media([](Json& p) { p["verification"]["bytesCompared"] = kDisk + 512; }),
               Contains("more than was planned"));
    CHECK_THAT(media([](Json& p) {
                   p["verification"]["readFaults"] = faults(1, 0, 4096);
                   p["verification"]["bytesCompared"] = kDisk - 4096;
               }),
               Contains("no exception is read-back-unreadable"));
    CHECK(media([](Json& p) {
              p["verification"]["readFaults"] = faults(1, 0, 4096);
              p["verification"]["bytesCompared"] = kDisk - 4096;
              p["result"]["status"] = "sanitized-with-exceptions";
              p["result"]["exceptions"] = Json::array(
                  {reason("4096 bytes could not be read back", "read-back-unreadable")});
          }).empty());
    CHECK_THAT(media([](Json& p) {
                   p["verification"]["differences"] = {
                       {{"offset", 0U}, {"foundSha256", std::string(64, 'a')}, {"zero", true}}};
               }),
               Contains("more mismatches than"));
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
               Contains("verification.mismatches"));
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
                        p["result"]["exceptions"] = Json::array({reason("not verified")});
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
               Contains("not as much"));
    CHECK_THAT(media([&](Json& p) {
                   sampled(p);
                   p["verification"]["seed"] = nullptr;
               }),
               Contains("seed"));
    CHECK_THAT(media([&](Json& p) {
                   sampled(p);
                   p["verification"]["method"] = "full-read-back";
               }),
               Contains("not as much"));
}

TEST_CASE("A sample whose drawing is described is the one of its seed") {
    // 400080904192: bytes of this seed's sample, counted by scripts/verify_bundle in Python.
    const auto drawn = [](Json& p, std::uint64_t bytes) {
        p["verification"]["method"] = "representative";
        p["verification"]["seed"] = std::string(64, '5');
        p["verification"]["sampleBlockBytes"] = 4096U;
        p["verification"]["bytesPlanned"] = bytes;
        p["verification"]["bytesCompared"] = bytes;
    };
    CHECK(media([&](Json& p) { drawn(p, 400'080'904'192); }).empty());
    CHECK_THAT(media([&](Json& p) { drawn(p, 400'080'908'288); }),
               Contains("not the sample for this seed"));
    CHECK_THAT(media([&](Json& p) {
                   drawn(p, 400'080'904'192);
                   p["verification"]["seed"] = std::string(64, '6');
                   p["verification"]["sampleBlockBytes"] = 512U;
               }),
               Contains("not the sample for this seed"));
    CHECK(media([&](Json& p) {  // the first block is always in the sample
              drawn(p, 400'080'904'192 - 4096);
              p["result"]["status"] = "sanitized-with-exceptions";
              p["result"]["exceptions"] = Json::array({reason("the first block", "write-failed")});
              pass(p)["bytesWritten"] = kDisk - 4096;
              pass(p)["writeFaults"] = faults(1, 0, 4096);
          })
              .empty());
    for (const std::uint64_t block : {std::uint64_t{0}, std::uint64_t{1} << 31U}) {
        CHECK_THAT(media([&](Json& p) {
                       drawn(p, 400'080'904'192);
                       p["verification"]["sampleBlockBytes"] = block;
                   }),
                   Contains("sampleBlockBytes"));
    }
}
