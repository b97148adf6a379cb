// SPDX-License-Identifier: Apache-2.0
// What a survey of a SCSI disk finds: its techniques, its figures, and areas that are hidden.
#include "efface/method/drive/command_sets.hpp"

#include "catch.hpp"
#include "fake/ata/drive.hpp"
#include "fake/ata/sat_bridge.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::method;
using fake::ScsiDriveOptions;
using test::changes;
using test::objection;
using test::ScsiBench;
using test::technique;

TEST_CASE("a survey names the disk, its techniques and its own figures, and changes nothing") {
    ScsiDriveOptions options;
    options.self_test_seconds = 7200;
    options.rotation = 7200;
    options.after_crypto_erase = 1;
    ScsiBench bench(options);
    const auto survey = bench.commands->survey();
    CHECK(survey.error.empty());
    CHECK(survey.model == "MODEL DISK");
    CHECK(survey.serial == "SCSI0001");
    CHECK(survey.wwn == "naa.5000c500a1b2c3d4");
    CHECK(survey.firmware == "0001");
    REQUIRE(survey.techniques.size() == 5);
    for (const auto& facts : survey.techniques) {
        CHECK_FALSE(facts.objection.has_value());
        CHECK(facts.facts.at("wholeDrive") == true);
    }
    CHECK(technique(survey, "scsi-sanitize-crypto").facts.at("cryptographic") == true);
    CHECK(technique(survey, "scsi-format-unit").facts.at("method") == "format");
    CHECK(technique(survey, "scsi-sanitize-overwrite").estimate == std::chrono::hours(2));
    CHECK_FALSE(technique(survey, "scsi-sanitize-crypto").estimate.has_value());
    CHECK(survey.facts.at("flash") == false);
    CHECK(survey.facts.at("rotationRpm") == 7200);
    CHECK(survey.facts.at("zoned") == false);
    CHECK(survey.facts.at("wabereq") == "not specified");
    CHECK(survey.facts.at("wacereq") == "good status, indeterminate data");
    CHECK(survey.facts.at("translationLayer") == false);
    CHECK(survey.facts.at("capacityBytes") == test::kScsiBlocks * 512);
    CHECK(survey.hidden_areas.empty());
    CHECK(changes(bench.drive).empty());
    CHECK_FALSE(survey.pages.empty());
}

TEST_CASE("support is believed for each service action alone") {
    ScsiDriveOptions options;
    options.has_crypto_erase = false;
    options.has_format = false;
    ScsiBench bench(options);
    const auto survey = bench.commands->survey();
    CHECK(objection(survey, "scsi-sanitize-crypto") == ReasonCode::drive_lacks_technique);
    CHECK(objection(survey, "scsi-format-unit") == ReasonCode::drive_lacks_technique);
    CHECK_FALSE(objection(survey, "scsi-sanitize-block"));
}

TEST_CASE("what a disk that does not tell supports may be tried by who names it") {
    ScsiDriveOptions options;
    options.reports_opcodes = false;
    ScsiBench bench(options);
    const auto survey = bench.commands->survey();
    for (const auto& facts : survey.techniques) {
        CHECK_FALSE(facts.objection);
        CHECK_FALSE(facts.untold.empty());
    }
}

TEST_CASE(
    "an ATA device behind a translation layer is found by IDENTIFY, and left to its commands") {
    const fake::FixedClock clock;
    for (const bool page : {true, false}) {
        fake::AtaDrive drive({}, clock);
        fake::SatBridge bridge(drive, {.information_page = page, .vendor = "USBVEND"});
        CHECK(scsi_is_translated(bridge));
        const auto survey = make_scsi_drive(bridge, "disk", clock)->survey();
        for (const auto& facts : survey.techniques) {
            REQUIRE(facts.objection);
            CHECK(facts.objection->code == ReasonCode::drive_path);
        }
        CHECK(survey.facts.at("translationLayer") == true);
        CHECK(survey.facts.contains("translator") == page);
    }
    ScsiBench disk;
    CHECK_FALSE(scsi_is_translated(disk.drive));
}

TEST_CASE("a layer that has page 89h and rejects ATA PASS-THROUGH may be tried by who names it") {
    ScsiDriveOptions options;
    options.translation_layer = true;
    ScsiBench bench(options);
    CHECK_FALSE(scsi_is_translated(bench.drive));
    const auto survey = bench.commands->survey();
    for (const auto& facts : survey.techniques) {
        CHECK_FALSE(facts.objection);
        CHECK(facts.untold.find("rejects ATA PASS-THROUGH") != std::string::npos);
    }
    CHECK(survey.facts.at("translationLayer") == true);
    CHECK(survey.facts.at("translator") == "LINUX libata 3.00");
}

TEST_CASE("a target of several logical units is not wiped by one of them") {
    ScsiDriveOptions options;
    options.logical_units = 2;
    ScsiBench bench(options);
    const auto survey = bench.commands->survey();
    CHECK(technique(survey, "scsi-sanitize-block").facts.at("wholeDrive") == false);
    CHECK_THAT(test::joined(survey.residual_risks), Catch::Contains("2 logical units"));
}

TEST_CASE(
    "zoned disks: no WRITE SAME where zones must be written in order, no promise of content") {
    ScsiDriveOptions options;
    options.device_type = 0x14;
    ScsiBench bench(options);
    const auto survey = bench.commands->survey();
    CHECK(objection(survey, "scsi-write-same") == ReasonCode::drive_lacks_technique);
    CHECK_FALSE(objection(survey, "scsi-sanitize-overwrite"));
    CHECK(survey.facts.at("zoneModel") == "host-managed");
    CHECK(bench.make("scsi-sanitize-overwrite")->promise().repeated.empty());
    ScsiBench plain;
    plain.memory.pattern = {0x5c, 0xa1, 0xa1, 0x5c};
    for (const char* technique : {"scsi-sanitize-overwrite", "scsi-write-same"}) {
        CHECK(plain.make(technique)->promise().repeated == plain.memory.pattern);
    }
}

TEST_CASE("depopulated elements are brought back when the disk allows it") {
    ScsiDriveOptions options;
    options.depopulated_blocks = 1024;
    ScsiBench bench(options);
    auto survey = bench.commands->survey();
    REQUIRE(survey.hidden_areas.size() == 1);
    CHECK(survey.hidden_areas.front().kind == "depopulated-elements");
    CHECK(survey.hidden_areas.front().bytes == 1024 * 512);
    CHECK(survey.hidden_areas.front().can_be_opened);
    const auto opened = bench.commands->open_hidden_areas(bench.memory);
    CHECK(opened.opened.empty());  // it takes a while
    CHECK_THAT(opened.next_step, Catch::Contains("wait"));
    CHECK(bench.commands->state().phase == Phase::unknown);
    bench.clock.advance(std::chrono::minutes(1));
    survey = bench.commands->survey();
    CHECK(survey.hidden_areas.empty());
    CHECK(survey.facts.at("capacityBytes") == test::kScsiBlocks * 512);
    CHECK(changes(bench.drive) == std::vector<std::string>{"9e190000000000000000000000000000"});
}

TEST_CASE("reduced capacity is taken back, and what the disk then says is looked at") {
    ScsiDriveOptions options;
    options.reduced_blocks = 1000;
    ScsiBench bench(options);
    const auto survey = bench.commands->survey();
    REQUIRE(survey.hidden_areas.size() == 1);
    CHECK(survey.hidden_areas.front().kind == "reduced-capacity");
    CHECK(survey.hidden_areas.front().bytes == (test::kScsiBlocks - 1000) * 512);
    CHECK_FALSE(survey.hidden_areas.front().covered);
    const auto opened = bench.commands->open_hidden_areas(bench.memory);
    CHECK(opened.opened == std::vector<std::string>{"reduced-capacity"});
    CHECK(bench.commands->survey().hidden_areas.empty());
    options.tells_as_made_capacity = false;
    ScsiBench silent(options);
    CHECK(silent.commands->survey().hidden_areas.empty());
}

TEST_CASE("a disk that does not answer is an error of the survey, never a technique") {
    ScsiBench bench;
    bench.drive.hang();
    const auto survey = bench.commands->survey();
    CHECK_THAT(survey.error, Catch::Contains("no answer"));
    CHECK(survey.techniques.empty());
    CHECK(bench.commands->state().phase == Phase::unknown);
    CHECK(bench.make("scsi-sanitize-block")->start().start == Start::refused);
    CHECK(bench.make("ata-sanitize-block") == nullptr);
}
