// SPDX-License-Identifier: Apache-2.0
#include "bench.hpp"
#include "catch.hpp"

using namespace efface;
using namespace efface::method;

TEST_CASE("an NVMe drive reports its health by log pages 02h and 06h", "[nvme]") {
    test::NvmeBench bench;
    const auto look = bench.set->health();
    CHECK(look.command_set == "nvme");
    REQUIRE(look.pages.size() == 2);
    CHECK(look.pages[0].name == "NVMe log 02h");
    CHECK(look.pages[1].name == "NVMe log 06h");
    CHECK(to_json(look.health) ==
          Json::parse(R"({"powerOnHours":10000,"powerCycles":1,"hostWrittenBytes":63209472000,
                          "mediaErrors":0,"loggedErrors":0,"wearPercent":3,"sparePercent":100,
                          "celsius":37,"selfTest":"passed","failing":false})"));
    CHECK_FALSE(look.health.reallocated);
    CHECK_FALSE(look.health.pending);
    bench.drive.power_off();
    CHECK(to_json(bench.set->health().health).empty());
}

TEST_CASE("what NVMe counts in 128 bits ends at what a record carries", "[nvme]") {
    Health health;
    health.media_errors = UINT64_MAX;
    CHECK(to_json(health).at("mediaErrors") == 9007199254740991ULL);
}
