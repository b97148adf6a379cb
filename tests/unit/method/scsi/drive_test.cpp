// SPDX-License-Identifier: Apache-2.0
// The command set of SCSI disks on a model of one: what is sent, believed and kept.
#include "efface/method/drive/command_sets.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::method;
using fake::ScsiDriveOptions;
using test::changes;
using test::objection;
using test::ScsiBench;

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
