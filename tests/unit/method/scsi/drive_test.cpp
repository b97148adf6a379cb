// SPDX-License-Identifier: Apache-2.0
// The command set of SCSI disks on a model of one: what is asked, sent, believed and kept.
#include "fake/ata/drive.hpp"

#include <algorithm>

#include "efface/method/drive/command_sets.hpp"

#include "catch.hpp"
#include "fake/ata/sat_bridge.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::method;
using fake::ScsiDriveOptions;
using test::ScsiBench;

namespace {

const TechniqueFacts& technique(const DriveSurvey& survey, const std::string& name) {
    const auto found =
        std::find_if(survey.techniques.begin(), survey.techniques.end(),
                     [&](const TechniqueFacts& facts) { return facts.name == name; });
    REQUIRE(found != survey.techniques.end());
    return *found;
}

std::optional<ReasonCode> objection(const DriveSurvey& survey, const std::string& name) {
    const auto& objection = technique(survey, name).objection;
    return objection ? std::optional(objection->code) : std::nullopt;
}

/// CDBs of commands that change something, in hex.
std::vector<std::string> changes(fake::ScsiDrive& drive) {
    std::vector<std::string> sent;
    for (const auto& cdb : drive.received()) {
        const bool restores = cdb[0] == 0x9e && cdb[1] == 0x19;
        if (cdb[0] == 0x04 || cdb[0] == 0x48 || cdb[0] == 0x55 || cdb[0] == 0x93 || restores) {
            sent.push_back(to_hex(cdb));
        }
    }
    return sent;
}

}  // namespace

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

TEST_CASE("each technique sends its command, with IMMED 1, AUSE 0 and ZNR 0") {
    const std::vector<std::pair<const char*, const char*>> rows = {
        {"scsi-sanitize-block", "48820000000000000000"},
        {"scsi-sanitize-crypto", "48830000000000000000"},
        {"scsi-sanitize-overwrite", "48810000000000000800"},
        {"scsi-format-unit", "041000000000"},
    };
    for (const auto& [name, cdb] : rows) {
        ScsiBench bench;
        const auto operation = bench.make(name);
        REQUIRE(operation != nullptr);
        const auto answer = operation->start();
        INFO(name << ": " << answer.detail);
        CHECK(answer.start == Start::accepted);
        REQUIRE(answer.commands.size() == 1);
        CHECK(to_hex(answer.commands.front().bytes) == cdb);
        CHECK(answer.commands.front().answer == "good");
        CHECK(changes(bench.drive) == std::vector<std::string>{cdb});
        CHECK(bench.saves >= 2);  // before it was sent, and when it was answered
    }
}

TEST_CASE("success is accepted, seen to run, then over without a failure; the detail says so") {
    ScsiBench bench;
    const auto operation = bench.make("scsi-sanitize-block");
    CHECK(operation->state().phase == Phase::idle);
    CHECK(operation->start().start == Start::accepted);
    bench.clock.advance(std::chrono::milliseconds(2500));
    auto state = operation->state();
    CHECK(state.phase == Phase::running);
    CHECK(state.technique == "scsi-sanitize-block");
    REQUIRE(state.progress.has_value());
    CHECK(*state.progress == Approx(0.25).margin(0.001));
    CHECK(bench.commands->state().phase == Phase::running);
    bench.clock.advance(std::chrono::seconds(8));
    state = operation->state();
    CHECK(state.phase == Phase::succeeded);
    CHECK_THAT(state.detail, Catch::Contains("accepted, observed running, then ended"));
    CHECK_THAT(state.detail, Catch::Contains("last seen at 25 %"));
    CHECK_THAT(state.detail, Catch::Contains("SCSI keeps no record of success"));
    CHECK(state.pages.size() == 2);
    // Of the disk alone nothing is known.
    CHECK(bench.commands->state().phase == Phase::idle);
}

TEST_CASE("an erasure that is over before it was asked for is told as that") {
    ScsiBench bench;
    const auto operation = bench.make("scsi-sanitize-crypto");
    CHECK(operation->start().start == Start::accepted);
    bench.clock.advance(std::chrono::minutes(1));
    const auto state = operation->state();
    CHECK(state.phase == Phase::succeeded);
    CHECK_THAT(state.detail, Catch::Contains("before its state was first read"));
}

TEST_CASE("a later process finds out how a sanitize ended from the journal and the disk") {
    ScsiBench bench;
    CHECK(bench.make("scsi-sanitize-block")->start().start == Start::accepted);
    bench.drive.power_cycle();
    bench.clock.advance(std::chrono::minutes(1));
    CHECK(bench.make("scsi-sanitize-block")->state().phase == Phase::succeeded);
    // Without the journal the same disk proves nothing.
    bench.memory.kept = Json::object();
    CHECK(bench.make("scsi-sanitize-block")->state().phase == Phase::idle);
}

TEST_CASE("a later process does not believe in a format that nobody watched") {
    ScsiBench bench;
    CHECK(bench.make("scsi-format-unit")->start().start == Start::accepted);
    bench.clock.advance(std::chrono::minutes(1));
    const auto state = bench.make("scsi-format-unit")->state();
    CHECK(state.phase == Phase::unknown);
    CHECK_THAT(state.detail, Catch::Contains("does not survive"));
    CHECK_FALSE(state.pages.empty());
}

TEST_CASE("a later process does not send again what runs already") {
    ScsiBench bench;
    CHECK(bench.make("scsi-sanitize-block")->start().start == Start::accepted);
    const auto again = bench.make("scsi-sanitize-block")->start();
    CHECK(again.start == Start::accepted);
    CHECK_THAT(again.detail, Catch::Contains("it is already running"));
    CHECK(changes(bench.drive).size() == 1);
}

TEST_CASE("a journal of release 0.2 has what WRITE SAME keeps under another name") {
    ScsiBench bench;
    CHECK(bench.make("scsi-write-same")->start().start == Start::accepted);
    const Json notes = bench.memory.kept.at("scsiWriteSame");
    const bool sanitize = GENERATE(false, true);
    bench.memory.kept = {{"scsi", notes}};
    bench.memory.kept["scsi"]["technique"] = sanitize ? "scsi-sanitize-block" : "scsi-write-same";
    const auto state = bench.make("scsi-write-same")->state();
    CHECK(state.phase == (sanitize ? Phase::idle : Phase::succeeded));
}

TEST_CASE("what was sent without an answer is not taken for accepted") {
    ScsiBench bench;
    const auto operation = bench.make("scsi-sanitize-block");
    bool cut = false;
    bench.memory.save = [&] {
        if (!cut) {
            bench.drive.hang();
        }
        cut = true;
    };
    CHECK(operation->start().start == Start::unknown);
    CHECK(operation->state().phase == Phase::unknown);
    bench.drive.resume();
    const auto state = bench.make("scsi-sanitize-block")->state();
    CHECK(state.phase == Phase::idle);
    CHECK_THAT(state.detail, Catch::Contains("its answer is unknown"));
}

TEST_CASE("a failed sanitize is explained, and sanitizing again is the way out") {
    ScsiDriveOptions options;
    options.fails = true;
    ScsiBench bench(options);
    CHECK(bench.make("scsi-sanitize-block")->start().start == Start::accepted);
    bench.clock.advance(std::chrono::minutes(1));
    const auto failed = bench.commands->state();
    CHECK(failed.phase == Phase::failed);
    CHECK_THAT(failed.detail, Catch::Contains("3/31/03") && Catch::Contains("restricted"));
    const auto survey = bench.commands->survey();
    CHECK(survey.error.empty());
    CHECK(survey.facts.at("failedSanitize") == true);
    CHECK(objection(survey, "scsi-format-unit") == ReasonCode::drive_failed);
    CHECK_FALSE(objection(survey, "scsi-sanitize-block"));
    bench.drive.options().fails = false;
    const auto operation = bench.make("scsi-sanitize-block");
    CHECK(operation->start().start == Start::accepted);
    bench.clock.advance(std::chrono::minutes(1));
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK_FALSE(bench.old_data_remains());
}

TEST_CASE("a refusal changes nothing and says what is next") {
    ScsiDriveOptions options;
    options.sanitize_refused = true;
    ScsiBench bench(options);
    const auto operation = bench.make("scsi-sanitize-block");
    const auto answer = operation->start();
    CHECK(answer.start == Start::refused);
    CHECK_THAT(answer.detail, Catch::Contains("5/24/00") && Catch::Contains("another technique"));
    CHECK(operation->state().phase == Phase::idle);
    CHECK(bench.memory.kept.empty());
}

TEST_CASE("an erasure that someone else began is not started over, but can be watched") {
    ScsiBench bench;
    device::ScsiCommand other;
    other.cdb = {0x48, 0x83, 0, 0, 0, 0, 0, 0, 0, 0};
    REQUIRE(bench.drive.submit(other).good());
    const auto operation = bench.make("scsi-sanitize-block");
    const auto answer = operation->start();
    CHECK(answer.start == Start::refused);
    CHECK(answer.why == ReasonCode::drive_erasing);
    auto state = operation->state();
    CHECK(state.phase == Phase::running);
    CHECK(state.technique.empty());
    bench.clock.advance(std::chrono::minutes(1));
    state = operation->state();
    CHECK(state.phase == Phase::succeeded);
    CHECK(state.technique.empty());
    CHECK_THAT(state.detail, Catch::Contains("someone else"));
    // A format that runs is another matter than the sanitize that was asked for.
    other.cdb = {0x04, 0x10, 0, 0, 0, 0};
    const Bytes list{0, 2, 0, 0};
    other.write_from = list;
    REQUIRE(bench.drive.submit(other).good());
    CHECK(bench.make("scsi-sanitize-block")->state().phase == Phase::unknown);
    CHECK(bench.commands->state().technique == "scsi-format-unit");
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

TEST_CASE("a read by command says whether its failure is right after this erasure") {
    struct Row {
        const char* technique;
        std::uint8_t field;
        const char* status;
        bool readable;
        bool expected;
    };
    for (const auto& row :
         {Row{"scsi-sanitize-block", 3, "3/11/15 write after sanitize required", false, true},
          Row{"scsi-sanitize-block", 2, "3/11/00 unrecovered read error", false, true},
          Row{"scsi-sanitize-block", 1, "good", true, false},
          Row{"scsi-sanitize-overwrite", 3, "good", true, false}}) {
        ScsiDriveOptions options;
        options.after_block_erase = row.field;
        ScsiBench bench(options);
        CHECK(bench.make(row.technique)->start().start == Start::accepted);
        bench.clock.advance(std::chrono::minutes(1));
        Bytes block(4096);
        const auto status = bench.commands->read_status("disk", 8192, block);
        INFO(row.technique << " " << int(row.field));
        CHECK(status.readable == row.readable);
        CHECK(status.expected == row.expected);
        CHECK(status.status == row.status);
    }
    ScsiBench bench;
    Bytes block(512);
    CHECK_FALSE(bench.commands->read_status("another", 0, block).readable);
    CHECK(bench.commands->read_status("disk", 0, block).readable);
    CHECK(block == test::old_block());
    // Under way, and without anything of an erasure in its answer.
    CHECK(bench.make("scsi-sanitize-block")->start().start == Start::accepted);
    CHECK_FALSE(bench.commands->read_status("disk", 0, block).expected);
}

TEST_CASE("a medium error that the page does not promise is not expected") {
    ScsiDriveOptions options;
    options.after_block_erase = 2;
    ScsiBench bench(options);
    CHECK(bench.make("scsi-sanitize-block")->start().start == Start::accepted);
    bench.clock.advance(std::chrono::minutes(1));
    // The technique that the reader has in mind leaves blocks readable.
    (void)bench.make("scsi-sanitize-overwrite");
    Bytes block(512);
    const auto status = bench.commands->read_status("disk", 0, block);
    CHECK_FALSE(status.readable);
    CHECK_FALSE(status.expected);
}

TEST_CASE("WRITE SAME begins anew after a reset and in another process") {
    ScsiDriveOptions options;
    options.write_same_blocks_max = 1024;
    ScsiBench bench(options);
    CHECK(bench.make("scsi-write-same")->start().start == Start::accepted);
    const auto operation = bench.make("scsi-write-same");
    bench.drive.bus_reset();
    const auto state = operation->state();
    CHECK(state.phase == Phase::succeeded);
    CHECK_FALSE(bench.old_data_remains());
    const auto sent = changes(bench.drive);
    CHECK(sent.size() == 9);  // one by the first process, eight by the second
    CHECK(sent[1] == "93000000000000000000000004000000");
    CHECK(sent.back() == "93000000000000001c00000004000000");
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
