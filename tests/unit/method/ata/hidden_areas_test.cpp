// SPDX-License-Identifier: Apache-2.0
#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::method;

namespace {

using Kinds = std::vector<std::string>;

Kinds kinds(const DriveSurvey& survey) {
    Kinds found;
    for (const auto& area : survey.hidden_areas) {
        found.push_back(area.kind);
    }
    return found;
}

}  // namespace

TEST_CASE("Hidden areas are found with their sizes", "[ata]") {
    AtaBench bench(
        {.protected_area = true, .protected_blocks = 100, .overlay = true, .overlay_blocks = 200});
    const auto survey = bench.set->survey();
    REQUIRE(survey.hidden_areas.size() == 2);
    CHECK(survey.hidden_areas[0].kind == "hpa");
    CHECK(survey.hidden_areas[0].bytes == 51'200);
    CHECK(survey.hidden_areas[0].can_be_opened);
    CHECK(survey.hidden_areas[1].kind == "dco");
    CHECK(survey.hidden_areas[1].bytes == 102'400);
    CHECK(survey.facts.at("accessibleMaxLba") == 1747);
    CHECK(survey.facts.at("nativeMaxLba") == 1847);
}

TEST_CASE("A protected area and an overlay are opened in this order", "[ata]") {
    AtaBench bench(
        {.protected_area = true, .protected_blocks = 100, .overlay = true, .overlay_blocks = 200});
    const auto opened = bench.set->open_hidden_areas(bench.memory);
    CHECK(opened.opened == Kinds{"hpa", "dco"});
    CHECK(opened.refused.empty());
    CHECK_FALSE(opened.power_cycle_needed);
    REQUIRE(opened.commands.size() == 3);
    CHECK(opened.commands[0].bytes.back() == 0x27);
    CHECK(opened.commands[1].bytes.back() == 0x37);
    CHECK(opened.commands[2].bytes.back() == 0xb1);
    CHECK(bench.drive.addressable() == 2048);
    CHECK(bench.set->survey().hidden_areas.empty());
    const auto again = bench.set->open_hidden_areas(bench.memory);
    CHECK(again.opened.empty());
    CHECK(again.commands.empty());
}

TEST_CASE("A lowered accessible address is raised", "[ata]") {
    AtaBench bench({.accessible_max = true, .above_accessible_blocks = 48});
    CHECK(kinds(bench.set->survey()) == Kinds{"ama"});
    const auto opened = bench.set->open_hidden_areas(bench.memory);
    CHECK(opened.opened == Kinds{"ama"});
    CHECK(bench.drive.addressable() == 2048);
}

TEST_CASE("A SET MAX ADDRESS that was used up waits for a power cycle, then goes on", "[ata]") {
    AtaBench bench({.protected_area = true, .protected_blocks = 100});
    bench.drive.use_up_set_max();
    const auto first = bench.set->open_hidden_areas(bench.memory);
    CHECK(first.opened.empty());
    CHECK(first.power_cycle_needed);
    CHECK(first.next_step.find("power") != std::string::npos);
    bench.drive.power_cycle();
    bench.new_process();
    const auto second = bench.set->open_hidden_areas(bench.memory);
    CHECK(second.opened == Kinds{"hpa"});
    CHECK_FALSE(second.power_cycle_needed);
    CHECK(bench.drive.addressable() == 2048);
}

TEST_CASE("An overlay that opens only in another power cycle is opened after it", "[ata]") {
    AtaBench bench({.protected_area = true,
                    .protected_blocks = 100,
                    .overlay = true,
                    .overlay_blocks = 200,
                    .restore_needs_power_cycle = true});
    const auto first = bench.set->open_hidden_areas(bench.memory);
    CHECK(first.opened == Kinds{"hpa"});
    CHECK(first.power_cycle_needed);
    bench.drive.power_cycle();
    bench.new_process();
    const auto second = bench.set->open_hidden_areas(bench.memory);
    CHECK(second.opened == Kinds{"dco"});
    CHECK_FALSE(second.power_cycle_needed);
    CHECK(bench.drive.addressable() == 2048);
}

TEST_CASE("An overlay that is frozen is told, not guessed", "[ata]") {
    AtaBench bench({.overlay = true, .overlay_blocks = 200, .overlay_frozen_at_power_on = true});
    const auto survey = bench.set->survey();
    REQUIRE(kinds(survey) == Kinds{"dco"});
    CHECK(survey.hidden_areas[0].bytes == 0);
    CHECK_FALSE(survey.hidden_areas[0].can_be_opened);
    CHECK(survey.hidden_areas[0].why_not.find("frozen") != std::string::npos);
    const auto opened = bench.set->open_hidden_areas(bench.memory);
    CHECK(opened.opened.empty());
    REQUIRE(opened.refused.size() == 1);
    CHECK(opened.refused[0].kind == "dco");
}

TEST_CASE("A drive that accepts SET MAX ADDRESS and changes nothing ends as refused", "[ata]") {
    AtaBench bench({.protected_area = true, .protected_blocks = 100, .set_max_ignored = true});
    unsigned cycles = 0;
    OpenedAreas opened;
    do {
        bench.drive.power_cycle();
        bench.new_process();
        opened = bench.set->open_hidden_areas(bench.memory);
        REQUIRE(++cycles < 6);
    } while (opened.power_cycle_needed);
    CHECK(opened.opened.empty());
    CHECK(opened.refused.size() == 1);
    CHECK(cycles == 3);
}

TEST_CASE("Hidden areas of a drive with sectors of 4096 bytes are counted in bytes", "[ata]") {
    AtaBench bench(
        {.blocks = 1024, .block_bytes = 4096, .protected_area = true, .protected_blocks = 24});
    CHECK(bench.set->survey().hidden_areas[0].bytes == 98'304);
    CHECK(bench.set->open_hidden_areas(bench.memory).opened == Kinds{"hpa"});
}
