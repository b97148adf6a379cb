// SPDX-License-Identifier: Apache-2.0
// What was looked for after a drive erased itself: canaries, samples, the promised content, and the
// statuses of what could not be read. Each rule both ways.
#include "catch.hpp"
#include "target_records.hpp"

using namespace efface;
using namespace efface::judge;
using Catch::Matchers::Contains;

namespace {

constexpr std::uint64_t kBlock = 4096;

Json& canaries(Json& p) {
    return p["verification"]["canaries"];
}
Json& surface(Json& p) {
    return canaries(p)["surfaces"][0];
}
/// An honest failure: one canary still stands.
void one_intact(Json& p) {
    fail_run(p);
    p["verification"]["result"] = "fail";
    canaries(p)["changed"] = 18U;
    canaries(p)["intact"] = 1U;
    surface(p)["intact"] = {3 * 4096U};
}
std::string failed(const Change& change) {
    return drive([&](Json& p) {
        some_unreadable(p);
        p["result"]["exceptions"] = Json::array();
        fail_run(p);
        p["verification"]["result"] = "fail";
        change(p);
    });
}

}  // namespace

TEST_CASE("What was not looked for is never a success") {
    const auto finished = [](Json& p) {
        not_looked(p);
        fail_run(p, "indeterminate");
    };
    CHECK(drive(finished).empty());
    for (const char* status : {"sanitized", "sanitized-with-exceptions"}) {
        CHECK_FALSE(drive([&](Json& p) {
                        finished(p);
                        p["result"]["status"] = status;
                        p["result"]["exceptions"] = Json::array({reason("not verified")});
                    }).empty());
    }
    CHECK_THAT(drive([](Json& p) { no_read_back(p); }), Contains("canaries"));
    CHECK_THAT(drive([](Json& p) { p["verification"]["method"] = "none"; }),
               Contains("contradicts itself"));
    CHECK_THAT(drive([](Json& p) { p["verification"]["performed"] = false; }),
               Contains("contradicts itself"));
    CHECK_THAT(drive([](Json& p) { p["verification"]["result"] = "not-performed"; }),
               Contains("contradicts itself"));
    CHECK_THAT(drive([](Json& p) { p["verification"]["result"] = "fail"; }),
               Contains("verification.result"));
    CHECK_THAT(drive([](Json& p) { p["verification"]["independentOfEraser"] = true; }),
               Contains("eraser checked its own work"));
}

TEST_CASE("A run that ended before the drive was asked claims nothing") {
    const auto not_begun = [](Json& p) {
        p["sanitization"].erase("operation");
        p["sanitization"].erase("statusBefore");
        p["sanitization"].erase("statusAfter");
        p["sanitization"]["engine"] = "";
        p["target"].erase("drive");
        no_read_back(p);
        fail_run(p);
    };
    CHECK(drive(not_begun).empty());
    const auto refused = [&](const Change& change) {
        return drive([&](Json& p) {
            not_begun(p);
            change(p);
        });
    };
    CHECK_THAT(refused([](Json& p) { with_exception(p); }), Contains("\"operation\""));
    CHECK_THAT(refused([](Json& p) { p["sanitization"]["engine"] = "drive"; }),
               Contains("operation"));
    CHECK_THAT(refused([](Json& p) { p["sanitization"]["statusAfter"] = Json::array(); }),
               Contains("statusAfter"));
    CHECK_THAT(refused([](Json& p) { p["verification"]["performed"] = true; }),
               Contains("contradicts itself"));
    CHECK_THAT(refused([](Json& p) { p["verification"]["method"] = "canaries"; }),
               Contains("method"));
    CHECK_FALSE(refused([](Json& p) {
                    p["certificateType"] = "memory";
                    p["target"]["kind"] = "ram";
                }).empty());
}

TEST_CASE("A run that ended before anybody looked tells what was placed, and saw nothing") {
    CHECK(drive([](Json& p) {
              not_looked(p);
              fail_run(p, "indeterminate");
          }).empty());
    const auto refused = [&](const char* place, const Json& value) {
        return drive([&](Json& p) {
            not_looked(p);
            fail_run(p, "indeterminate");
            p["verification"][Json::json_pointer(place)] = value;
        });
    };
    CHECK_THAT(refused("/canaries/changed", 1U), Contains("it reports results"));
    CHECK_THAT(refused("/samples/changed", 1U), Contains("it reports results"));
    CHECK_THAT(refused("/expected/checked", 1U), Contains("it reports results"));
    CHECK_THAT(
        refused("/unreadableStatuses", {{{"status", "EIO"}, {"count", 1U}, {"expected", true}}}),
        Contains("it reports results"));
    CHECK(refused("/identity", "different").empty());
}

TEST_CASE("Every canary that was placed is gone, or nothing is sanitized") {
    CHECK(drive(one_intact).empty());
    CHECK_THAT(drive([](Json& p) {
                   one_intact(p);
                   p["verification"]["result"] = "pass";
               }),
               Contains("canaries.intact"));
    CHECK_THAT(drive([](Json& p) { canaries(p)["changed"] = 3U; }),
               Contains("not everything that was placed"));
    CHECK_THAT(drive([](Json& p) { canaries(p)["changed"] = 20U; }),
               Contains("more than was placed"));
    CHECK_THAT(drive([](Json& p) { canaries(p)["changed"] = ~std::uint64_t{0}; }),
               Contains("whole number"));
    CHECK_THAT(drive([](Json& p) { p["verification"]["seed"] = ""; }), Contains("seed"));
    CHECK_THAT(drive([](Json& p) { p["verification"]["seed"] = nullptr; }), Contains("seed"));
}

TEST_CASE("Canaries that are counted are listed, whatever the verdict") {
    CHECK(failed([](Json& p) { canaries(p)["changed"] = 0U; }).empty());  // it was cut short
    CHECK_THAT(failed([](Json& p) { canaries(p)["placed"] = 20U; }), Contains("placed"));
    CHECK_THAT(failed([](Json& p) { canaries(p)["placed"] = 18U; }), Contains("placed"));
    CHECK_THAT(failed([](Json& p) { canaries(p)["intact"] = 1U; }), Contains("intact"));
    CHECK_THAT(failed([](Json& p) { canaries(p)["unreadable"] = 0U; }), Contains("unreadable"));
    CHECK_THAT(failed([](Json& p) {
                   canaries(p)["changed"] = 17U;
                   canaries(p)["intact"] = 1U;
                   surface(p)["intact"] = {4096U};
               }),
               Contains("that had no canary"));
    CHECK_THAT(failed([](Json& p) { surface(p)["unreadable"] = {4096U}; }),
               Contains("that had no canary"));
    CHECK_THAT(failed([](Json& p) {
                   canaries(p)["changed"] = 17U;
                   canaries(p)["intact"] = 1U;
                   surface(p)["intact"] = surface(p)["unreadable"];
               }),
               Contains("places that could be read"));
}

TEST_CASE("Places of canaries are sorted, blocks apart, on the surface") {
    CHECK_THAT(failed([](Json& p) { surface(p)["offsets"][1] = kBlock - 512; }),
               Contains("a block apart"));
    CHECK_THAT(failed([](Json& p) { surface(p)["offsets"][1] = 0U; }), Contains("a block apart"));
    CHECK_THAT(failed([](Json& p) { surface(p)["offsets"][18] = kDrive; }),
               Contains("outside the surface"));
    CHECK_THAT(failed([](Json& p) { surface(p)["offsets"][18] = ~std::uint64_t{0}; }),
               Contains("whole number"));
    CHECK_THAT(failed([](Json& p) { canaries(p)["blockBytes"] = 0U; }), Contains("blockBytes"));
    CHECK_THAT(failed([](Json& p) { canaries(p)["blockBytes"] = ~std::uint64_t{0}; }),
               Contains("blockBytes"));
    CHECK_THAT(failed([](Json& p) { canaries(p)["surfaces"].push_back(surface(p)); }),
               Contains("listed twice"));
}

TEST_CASE("The first and the last block of every surface bear a canary") {
    CHECK_THAT(drive([](Json& p) { surface(p)["offsets"][0] = kBlock; }),
               Contains("first and the last"));
    CHECK_THAT(drive([](Json& p) { surface(p)["offsets"][18] = kDrive - 2 * kBlock; }),
               Contains("first and the last"));
    CHECK_THAT(drive([](Json& p) {  // a namespace on which none could be placed
                   Json other = surface(p);
                   other["name"] = "nvme0n2";
                   other["offsets"] = other["unreadable"] = Json::array();
                   canaries(p)["surfaces"].push_back(other);
               }),
               Contains("first and the last"));
    CHECK(drive([](Json& p) {  // one block is both
              canaries(p)["placed"] = 20U;
              canaries(p)["changed"] = 20U;
              canaries(p)["surfaces"].push_back({{"name", "nvme0n2"},
                                                 {"sizeBytes", kBlock},
                                                 {"offsets", {0U}},
                                                 {"intact", Json::array()},
                                                 {"unreadable", Json::array()},
                                                 {"unexpected", Json::array()},
                                                 {"refused", 0U}});
              p["verification"]["samples"]["surfaces"].push_back(
                  {{"name", "nvme0n2"}, {"changed", 0U}, {"unreadable", 0U}});
          })
              .empty());
}

TEST_CASE("A canary stands in each part of a surface, or was refused") {
    const auto stands_in = [](Json& p, std::uint64_t blocks, std::uint64_t skipped,
                              std::uint64_t refused) {
        Json& offsets = surface(p)["offsets"] = Json::array();
        const std::uint64_t parts = std::min<std::uint64_t>(1024, blocks / 2);
        for (std::uint64_t part = 0; part + 1 < parts; ++part) {
            if (part < 5 || part >= 5 + skipped) {
                offsets.push_back(blocks * part / parts * kBlock);
            }
        }
        offsets.push_back((blocks - 1) * kBlock);
        const std::size_t count = offsets.size();
        canaries(p)["placed"] = canaries(p)["changed"] = count;
        canaries(p)["refused"] = surface(p)["refused"] = refused;
        surface(p)["sizeBytes"] = blocks * kBlock;
        p["target"]["sizeBytes"] = p["targetIdentity"]["sizeBytes"] = blocks * kBlock;
        for (const char* when : {"identity", "identityAfter"}) {
            p["target"][when]["sizeBytes"] = blocks * kBlock;
        }
        if (refused != 0) {
            with_exception(p, "canaries-refused");
        }
    };
    for (const std::uint64_t blocks : {38U, 2047U, 2048U, 2049U, 1U << 20U}) {
        INFO(blocks);
        CHECK(drive([&](Json& p) { stands_in(p, blocks, 0, 0); }).empty());
        CHECK(drive([&](Json& p) { stands_in(p, blocks, 1, 1); }).empty());
        CHECK_THAT(drive([&](Json& p) { stands_in(p, blocks, 1, 0); }), Contains("fewer than"));
        CHECK_THAT(drive([&](Json& p) {
                       stands_in(p, blocks, 1, 0);
                       auto& offsets = surface(p)["offsets"];
                       offsets.insert(offsets.begin() + 1, kBlock);
                       canaries(p)["placed"] = canaries(p)["changed"] = offsets.size();
                   }),
                   Contains("leave out the part"));
    }
}

TEST_CASE("The surfaces are no less than the target") {
    CHECK_THAT(drive([](Json& p) {
                   surface(p)["sizeBytes"] = kDrive - kBlock;
                   surface(p)["offsets"][18] = kDrive - 2 * kBlock;
               }),
               Contains("not the whole target"));
    CHECK_THAT(drive([](Json& p) {
                   canaries(p)["placed"] = 0U;
                   canaries(p)["changed"] = 0U;
                   canaries(p)["unreadable"] = 0U;
                   canaries(p)["surfaces"] = Json::array();
               }),
               Contains("no canary was checked"));
}

TEST_CASE("Existing data that is still there is no success") {
    const auto samples = [](Json& p, const std::string& key, std::uint64_t count) {
        Json& all = p["verification"]["samples"];
        all[key] = count;
        if (key == "changed") {
            all["surfaces"][0][key] = count;
        }
    };
    CHECK_THAT(drive([&](Json& p) {
                   samples(p, "changed", 202);
                   samples(p, "unchanged", 1);
               }),
               Contains("samples.unchanged"));
    CHECK_THAT(drive([&](Json& p) { samples(p, "changed", 202); }), Contains("not all checked"));
    CHECK_THAT(drive([&](Json& p) { samples(p, "changed", 204); }), Contains("less than"));
    CHECK_THAT(drive([&](Json& p) { samples(p, "changed", ~std::uint64_t{0}); }),
               Contains("whole number"));
    CHECK(failed([&](Json& p) {
              samples(p, "changed", 200);
              samples(p, "unchanged", 1);
          }).empty());
}

TEST_CASE("What a technique promises is looked at, and must hold") {
    const auto expected = [](Json& p, const char* key, std::uint64_t count) {
        p["verification"]["expected"][key] = count;
    };
    CHECK_THAT(drive([&](Json& p) { expected(p, "mismatches", 1); }),
               Contains("expected.mismatches"));
    CHECK_THAT(drive([&](Json& p) { expected(p, "checked", 0); }), Contains("not checked"));
    CHECK_THAT(failed([&](Json& p) { expected(p, "mismatches", 256); }), Contains("add up"));
    CHECK_THAT(failed([](Json& p) { p["verification"]["expected"]["content"] = "nothing"; }),
               Contains("add up"));
    CHECK(drive([&](Json& p) {
              p["verification"]["expected"]["content"] = "nothing";
              expected(p, "checked", 0);
          }).empty());
    CHECK(failed([&](Json& p) { expected(p, "mismatches", 1); }).empty());
}

TEST_CASE("Canaries that nobody can read, unexpectedly, are a tenth of a surface at most") {
    CHECK(drive([](Json& p) { some_unreadable(p, 1); }).empty());
    CHECK_THAT(drive([](Json& p) { some_unreadable(p, 2); }), Contains("too many"));
    CHECK(failed([](Json&) {}).empty());  // that is what such a record may say
    CHECK_THAT(failed([](Json& p) { surface(p)["unexpected"] = {0U}; }), Contains("could be read"));
    CHECK_THAT(failed([](Json& p) { surface(p)["unexpected"] = Json::array(); }),
               Contains("which were expected"));
    CHECK_THAT(failed([](Json& p) { surface(p).erase("unexpected"); }), Contains("unexpected"));
}

TEST_CASE("What could not be read has a status, and one that was not expected is an exception") {
    const auto status = [](Json& p) -> Json& { return p["verification"]["unreadableStatuses"][0]; };
    const auto sample = [](Json& p) {  // of a sample, not of a canary
        p["verification"]["unreadableStatuses"].push_back(
            {{"status", "EIO"}, {"count", 1U}, {"expected", false}});
    };
    CHECK_THAT(drive(sample), Contains("unreadableStatuses[0].expected"));
    CHECK(drive([&](Json& p) {
              sample(p);
              with_exception(p, "unreadable-blocks");
          }).empty());
    CHECK_THAT(failed([&](Json& p) { status(p)["expected"] = true; }),
               Contains("which were expected"));
    CHECK_THAT(failed([&](Json& p) {
                   p["verification"]["samples"]["changed"] = 202U;
                   p["verification"]["samples"]["unreadable"] = 1U;
               }),
               Contains("account for"));
    CHECK_THAT(failed([](Json& p) { p["verification"]["unreadableStatuses"] = Json::array(); }),
               Contains("those of the canaries"));
    CHECK_THAT(failed([&](Json& p) { status(p)["count"] = 0U; }), Contains("count"));
    CHECK(failed([&](Json& p) { status(p)["count"] = 4U; }).empty());
}
