// SPDX-License-Identifier: Apache-2.0
#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::method;

TEST_CASE("an ATA drive reports its health by SMART and device statistics", "[ata]") {
    fake::AtaDriveOptions options;
    options.health.reallocated = 63;
    options.health.pending = 529;
    options.health.media_errors = 2;
    options.health.logged_errors = 9;
    options.health.celsius = -5;
    AtaBench bench(options);
    const auto look = bench.set->health();
    CHECK(look.command_set == "ata");
    // IDENTIFY, data, thresholds, status, two logs, two pages of statistics.
    CHECK(look.pages.size() == 8);
    auto told = to_json(look.health);
    CHECK(told.at("attributes").size() == 3);
    CHECK(told.at("attributes")[2] == Json::parse(R"({"id":241,"normalized":99,"raw":123456000})"));
    told.erase("attributes");
    CHECK(told ==
          Json::parse(R"({"powerOnHours":10000,"powerCycles":7,"hostWrittenBytes":63209472000,
                          "reallocated":63,"pending":529,"mediaErrors":2,"loggedErrors":9,
                          "wearPercent":3,"celsius":-5,"selfTest":"passed","failing":false})"));
}

TEST_CASE("a path without registers leaves the thresholds to tell of a failure", "[ata]") {
    for (const bool failing : {false, true}) {
        fake::AtaDriveOptions options;
        options.health.failing = failing;
        options.registers_lost = true;
        AtaBench bench(options);
        CHECK(bench.set->health().health.failing == failing);
    }
}

TEST_CASE("a drive that sleeps is not woken, one without SMART reports nothing", "[ata]") {
    fake::AtaDriveOptions options;
    options.standby = true;
    AtaBench asleep(options);
    CHECK(asleep.set->health().command_set.empty());
    CHECK(asleep.drive.commands_of(0xb0) == 0);
    CHECK(asleep.drive.commands_of(0x2f) == 0);
    options.standby = false;
    options.health.reported = false;
    AtaBench plain(options);
    CHECK(to_json(plain.set->health().health).empty());
    CHECK(plain.drive.commands_of(0xb0) == 0);
}

TEST_CASE("rotating drives have no wear by an attribute of flash", "[ata]") {
    fake::AtaDriveOptions options;
    options.rotation = 7200;
    AtaBench bench(options);
    CHECK_FALSE(bench.set->health().health.wear_percent);
}
