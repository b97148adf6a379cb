// SPDX-License-Identifier: Apache-2.0
#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::method;
using namespace std::chrono_literals;

TEST_CASE("An ATA drive is surveyed with identity, techniques and facts", "[ata]") {
    AtaBench bench({.normal_time_word = 30, .enhanced_time_word = 1});
    const auto survey = bench.set->survey();
    CHECK(survey.error.empty());
    CHECK(survey.model == "EFFACE RIG SSD");
    CHECK(survey.serial == "RIGATA0001");
    CHECK(survey.wwn == "5001405aabbccdd1");
    CHECK(survey.firmware == "1.0");
    REQUIRE(survey.techniques.size() == 5);
    for (const auto& technique : survey.techniques) {
        CHECK_FALSE(technique.objection);
        CHECK(technique.facts.at("wholeDrive") == true);
    }
    CHECK(survey.techniques[0].name == "ata-sanitize-block");
    CHECK(survey.techniques[1].facts.at("cryptographic") == true);
    CHECK(survey.techniques[3].facts.at("cryptographic") == true);  // two minutes
    CHECK(survey.techniques[3].estimate == 120s);
    CHECK(survey.techniques[4].estimate == 3600s);
    CHECK(survey.techniques[4].facts.at("cryptographic") == false);
    CHECK_FALSE(survey.techniques[0].estimate);
    CHECK(survey.facts.at("flash") == true);
    CHECK(survey.facts.at("securityState") == "disabled");
    CHECK(survey.facts.at("registersReadable") == true);
    CHECK(survey.facts.at("accessibleMaxLba") == 2047);
    CHECK(survey.facts.at("sanitize").at("state") == "idle");
    CHECK(survey.hidden_areas.empty());
    CHECK_FALSE(survey.pages.empty());
}

TEST_CASE("A survey changes nothing on an ATA drive and does not wake it", "[ata]") {
    AtaBench bench({.overlay = true, .overlay_blocks = 100, .standby = true});
    const auto survey = bench.set->survey();
    CHECK(survey.facts.at("powerMode") == "standby");
    CHECK(bench.drive.commands_of(0xb1) == 0);
    CHECK(bench.drive.commands_of(0x2f) == 0);
    CHECK(bench.drive.commands_of(0xf1) == 0);
    // The overlay is asked for when there is something to do.
    REQUIRE(survey.hidden_areas.size() == 1);
    CHECK(survey.hidden_areas[0].kind == "dco");
    CHECK(survey.hidden_areas[0].can_be_opened);
}

TEST_CASE("A rotating ATA drive says so, and one that does not tell is not called flash", "[ata]") {
    CHECK(AtaBench({.rotation = 7200}).set->survey().facts.at("rotationRpm") == 7200);
    CHECK(AtaBench({.rotation = 7200}).set->survey().facts.at("flash") == false);
    CHECK_FALSE(AtaBench({.rotation = 0}).set->survey().facts.contains("flash"));
}

TEST_CASE("An ATA drive that does not answer is told as such", "[ata]") {
    AtaBench bench({.hangs_while_sanitizing = true});
    auto operation = bench.set->make("ata-sanitize-block", bench.memory);
    (void)operation->start();
    const auto survey = bench.set->survey();
    CHECK(contains(survey.error, "IDENTIFY DEVICE"));
    CHECK(survey.model.empty());
    CHECK(operation->state().phase == Phase::unknown);
    CHECK(bench.set->state().phase == Phase::unknown);
    CHECK(contains(AtaBench({.identify_corrupt = true}).set->survey().error, "checksum"));
}

TEST_CASE("Every SANITIZE operation erases the whole ATA drive and reports progress", "[ata]") {
    for (const char* technique :
         {"ata-sanitize-block", "ata-sanitize-crypto", "ata-sanitize-overwrite"}) {
        CAPTURE(technique);
        AtaBench bench({.spare_blocks = 4});
        bench.drive.media().write(0, Bytes(512, 0x11));  // its old content goes to a spare place
        REQUIRE(bench.secret_left());
        auto operation = bench.set->make(technique, bench.memory);
        CHECK(operation->technique() == technique);
        const auto started = operation->start();
        CHECK(started.start == Start::accepted);
        REQUIRE(started.commands.size() == 1);
        CHECK(started.commands[0].bytes.back() == 0xb4);
        bench.clock.advance(500ms);
        auto state = operation->state();
        CHECK(state.phase == Phase::running);
        CHECK(state.progress == Approx(0.25));
        CHECK(bench.secret_left());
        bench.clock.advance(2s);
        state = operation->state();
        CHECK(state.phase == Phase::succeeded);
        CHECK(state.technique == technique);
        CHECK_FALSE(state.pages.empty());
        CHECK_FALSE(bench.secret_left());
        std::vector<SentCommand> commands;
        CHECK_FALSE(operation->clean_up(commands));
        CHECK(commands.empty());
    }
}

TEST_CASE("Only OVERWRITE EXT and the normal SECURITY erase promise what is read after", "[ata]") {
    AtaBench bench;
    bench.memory.pattern = {0x5c, 0xa1, 0xa1, 0x5c};
    const auto content = [&](const char* technique) {
        return to_hex(bench.set->make(technique, bench.memory)->promise().repeated);
    };
    CHECK(content("ata-sanitize-overwrite") == "5ca1a15c");
    CHECK(content("ata-security-normal") == "00");
    CHECK(content("ata-sanitize-block").empty());
    CHECK(content("ata-sanitize-crypto").empty());
    CHECK(content("ata-security-enhanced").empty());
    CHECK(bench.set->make("nvme-sanitize-block", bench.memory) == nullptr);
}

TEST_CASE("The record of a SANITIZE command is its task file", "[ata]") {
    AtaBench bench;
    bench.memory.pattern = {0x5c, 0xa1, 0xa1, 0x5c};
    const auto started = bench.set->make("ata-sanitize-overwrite", bench.memory)->start();
    REQUIRE(started.commands.size() == 1);
    // FEATURE 0014h, COUNT 1, LBA 4F57_5CA1_A15Ch, DEVICE 40h, COMMAND B4h.
    CHECK(to_hex(started.commands[0].bytes) ==
          "140001005ca1"
          "a15c574f40b4");
    CHECK(started.commands[0].answer == "accepted");
}

TEST_CASE("SANITIZE goes on over resets and power cycles, and its success is kept", "[ata]") {
    AtaBench bench;
    (void)bench.set->make("ata-sanitize-block", bench.memory)->start();
    bench.drive.power_cycle();
    bench.drive.reset();
    bench.new_process();
    auto operation = bench.set->make("ata-sanitize-block", bench.memory);
    CHECK(operation->state().phase == Phase::running);
    bench.clock.advance(3s);
    bench.drive.power_cycle();
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK_FALSE(bench.secret_left());
}

TEST_CASE("A SANITIZE that somebody else began is found", "[ata]") {
    AtaBench bench;
    (void)bench.set->make("ata-sanitize-crypto", bench.memory)->start();
    bench.journal = Json::object();
    bench.new_process();
    CHECK(bench.set->state().phase == Phase::running);
    CHECK(bench.set->state().technique.empty());
    CHECK_FALSE(bench.objection("ata-sanitize-block"));
    const auto again = bench.set->make("ata-sanitize-block", bench.memory)->start();
    CHECK(again.start == Start::refused);
    CHECK(bench.objection("ata-security-enhanced") == ReasonCode::drive_erasing);
    bench.clock.advance(3s);
    CHECK(bench.set->state().phase == Phase::succeeded);
}

TEST_CASE("A failed SANITIZE is failed, and another one may follow", "[ata]") {
    AtaBench bench({.sanitize_fails = true});
    auto operation = bench.set->make("ata-sanitize-block", bench.memory);
    CHECK(operation->start().start == Start::accepted);
    bench.clock.advance(3s);
    const auto state = operation->state();
    CHECK(state.phase == Phase::failed);
    CHECK(contains(state.detail, "SD3"));
    CHECK(bench.objection("ata-security-enhanced") == ReasonCode::drive_failed);
    CHECK_FALSE(bench.set->survey().residual_risks.empty());
    bench.drive.options.sanitize_fails = false;
    CHECK(operation->start().start == Start::accepted);
    bench.clock.advance(3s);
    CHECK(operation->state().phase == Phase::succeeded);
}

TEST_CASE("Progress that vanishes without the success bit is not success", "[ata]") {
    AtaBench bench({.sanitize_forgotten = true});
    auto operation = bench.set->make("ata-sanitize-block", bench.memory);
    (void)operation->start();
    bench.clock.advance(3s);
    CHECK(operation->state().phase == Phase::idle);
}

TEST_CASE("Progress that stands still stays running", "[ata]") {
    AtaBench bench({.progress_stuck = true});
    auto operation = bench.set->make("ata-sanitize-block", bench.memory);
    (void)operation->start();
    bench.clock.advance(24h);
    const auto state = operation->state();
    CHECK(state.phase == Phase::running);
    CHECK(state.progress == Approx(0.5));
}

TEST_CASE("The success bit of an earlier SANITIZE is not that of one whose answer was lost",
          "[ata]") {
    AtaBench bench;
    auto operation = bench.set->make("ata-sanitize-block", bench.memory);
    (void)operation->start();
    bench.clock.advance(3s);
    REQUIRE(operation->state().phase == Phase::succeeded);
    bench.drive.media().fill(0, 2048, bench.secret);
    bench.new_process();
    bench.transport->crash_before = 4;  // the command itself
    operation = bench.set->make("ata-sanitize-block", bench.memory);
    CHECK_THROWS_AS(operation->start(), Crash);
    bench.new_process();
    operation = bench.set->make("ata-sanitize-block", bench.memory);
    CHECK(operation->state().phase == Phase::unknown);
    CHECK(bench.secret_left());
}

TEST_CASE("Registers that do not come through are said at once, and are never success", "[ata]") {
    AtaBench bench;
    auto operation = bench.set->make("ata-sanitize-block", bench.memory);
    (void)operation->start();
    bench.clock.advance(3s);
    bench.drive.options.registers_lost = true;
    CHECK(operation->state().phase == Phase::unknown);
    const auto survey = bench.set->survey();
    CHECK(survey.facts.at("registersReadable") == false);
    for (const auto& technique : survey.techniques) {
        REQUIRE(technique.objection);
        CHECK(technique.objection->code == ReasonCode::drive_path);
    }
    CHECK(bench.set->make("ata-security-normal", bench.memory)->start().start == Start::refused);
    CHECK(bench.drive.commands_of(0xf1) == 0);
}

TEST_CASE("What an ATA drive does not support is objected to", "[ata]") {
    AtaBench none({.sanitize = false,
                   .crypto_scramble = false,
                   .block_erase = false,
                   .overwrite = false,
                   .security = false});
    CHECK(none.objection("ata-sanitize-block") == ReasonCode::drive_lacks_technique);
    CHECK(none.objection("ata-security-normal") == ReasonCode::drive_lacks_technique);
    CHECK(none.set->state().phase == Phase::idle);
    AtaBench some({.block_erase = false, .enhanced_erase = false});
    CHECK(some.objection("ata-sanitize-block") == ReasonCode::drive_lacks_technique);
    CHECK_FALSE(some.objection("ata-sanitize-crypto"));
    CHECK(some.objection("ata-security-enhanced") == ReasonCode::drive_lacks_technique);
    CHECK_FALSE(some.objection("ata-security-normal"));
}

TEST_CASE("A frozen drive is objected to with the way to thaw it", "[ata]") {
    AtaBench bench({.frozen_at_power_on = true});
    CHECK(bench.objection("ata-security-enhanced") == ReasonCode::drive_frozen);
    CHECK_FALSE(bench.objection("ata-sanitize-block"));
    CHECK(bench.set->survey().facts.at("securityState") == "frozen");
    bench.drive.options.frozen_at_power_on = false;
    bench.drive.reset();
    CHECK_FALSE(bench.objection("ata-security-enhanced"));

    device::AtaCommand freeze;
    freeze.command = 0xb4;
    freeze.extended = true;
    freeze.features = 0x0020;
    freeze.lba = 0x46724c6b;
    REQUIRE(bench.drive.submit(freeze).accepted);
    CHECK(bench.objection("ata-sanitize-crypto") == ReasonCode::drive_frozen);
    CHECK_FALSE(bench.objection("ata-security-enhanced"));
    bench.drive.power_cycle();
    CHECK_FALSE(bench.objection("ata-sanitize-crypto"));
}

TEST_CASE("Nothing of an ATA drive is ever frozen by us", "[ata]") {
    AtaBench bench;
    (void)bench.set->survey();
    auto sanitize = bench.set->make("ata-sanitize-block", bench.memory);
    (void)sanitize->start();
    bench.clock.advance(3s);
    auto security = bench.set->make("ata-security-enhanced", bench.memory);
    (void)security->start();
    std::vector<SentCommand> commands;
    (void)security->clean_up(commands);
    (void)bench.set->open_hidden_areas(bench.memory);
    CHECK(bench.drive.commands_of(0xf5) == 0);
    CHECK(bench.set->survey().facts.at("sanitize").at("antifreezeLock") == false);
}

TEST_CASE("A drive that is locked or has somebody's password is left alone", "[ata]") {
    AtaBench bench;
    bench.drive.set_password_of_somebody();
    CHECK(bench.objection("ata-security-enhanced") == ReasonCode::drive_locked);
    CHECK_FALSE(bench.objection("ata-sanitize-block"));
    bench.drive.power_cycle();
    CHECK(bench.objection("ata-security-enhanced") == ReasonCode::drive_locked);
    CHECK(bench.objection("ata-sanitize-block") == ReasonCode::drive_locked);
    CHECK(bench.set->make("ata-security-normal", bench.memory)->start().start == Start::refused);
    std::vector<SentCommand> commands;
    CHECK_FALSE(bench.set->make("ata-security-normal", bench.memory)->clean_up(commands));
    CHECK(commands.empty());
    CHECK(bench.drive.password_set());
    CHECK(bench.journal.empty());
}

TEST_CASE("Blocks of an ATA drive are read by command, with the drive's own reason", "[ata]") {
    AtaBench bench;
    Bytes into(512 * 200);
    CHECK(bench.set->read_status("sda", 512, into).readable);
    CHECK(ByteView(into).back() == 0x77);
    const auto beyond = bench.set->read_status("sda", 512 * 2048, MutableByteView(into).first(512));
    CHECK_FALSE(beyond.readable);
    CHECK_FALSE(beyond.expected);
    CHECK(contains(beyond.status, "IDNF"));
    CHECK_FALSE(bench.set->read_status("sdb", 0, into).readable);
}
