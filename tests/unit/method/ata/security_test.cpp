// SPDX-License-Identifier: Apache-2.0
#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::method;
using namespace std::chrono_literals;

namespace {

std::optional<std::string> clean(Operation& operation) {
    std::vector<SentCommand> commands;
    return operation.clean_up(commands);
}

/// Start, look, clean up, as erase_drive() does; the phase that was seen.
Phase carry_out(AtaBench& bench, std::string_view technique) {
    const auto operation = bench.set->make(technique, bench.memory);
    const auto started = operation->start();
    const auto phase = started.start == Start::refused ? Phase::idle : operation->state().phase;
    (void)clean(*operation);
    return phase;
}

}  // namespace

TEST_CASE("SECURITY ERASE UNIT erases and leaves no password", "[ata]") {
    for (const char* technique : {"ata-security-enhanced", "ata-security-normal"}) {
        CAPTURE(technique);
        AtaBench bench;
        const auto operation = bench.set->make(technique, bench.memory);
        CHECK(operation->state().phase == Phase::idle);
        const auto started = operation->start();
        CHECK(started.start == Start::finished);
        REQUIRE(started.commands.size() == 3);
        CHECK(started.commands[0].bytes.back() == 0xf1);
        CHECK(started.commands[1].bytes.back() == 0xf3);
        CHECK(started.commands[2].bytes.back() == 0xf4);
        CHECK(operation->state().phase == Phase::succeeded);
        CHECK_FALSE(bench.drive.password_set());
        CHECK_FALSE(bench.secret_left());
        CHECK_FALSE(clean(*operation));
        CHECK(operation->state().phase == Phase::succeeded);
        CHECK_FALSE(bench.journal.at("security").contains("password"));
    }
}

TEST_CASE("Only the enhanced SECURITY erase reaches retired sectors", "[ata]") {
    for (const bool enhanced : {true, false}) {
        AtaBench bench;
        bench.drive.media().retire(7);
        CHECK(carry_out(bench, enhanced ? "ata-security-enhanced" : "ata-security-normal") ==
              Phase::succeeded);
        CHECK(bench.drive.media().retired_holds(bench.secret) == !enhanced);
    }
}

TEST_CASE("The temporary password is durable before the drive has it, and nowhere else", "[ata]") {
    AtaBench bench({.erase_refused = true});
    unsigned set_before_journal = 0;
    bench.memory.save = [&] {
        bench.journal = bench.memory.kept;
        set_before_journal +=
            bench.drive.commands_of(0xf1) > 0 && !bench.journal.at("security").contains("password");
    };
    const auto operation = bench.set->make("ata-security-enhanced", bench.memory);
    const auto started = operation->start();
    CHECK(set_before_journal == 0);
    const auto password = bench.journal.at("security").at("password").get<std::string>();
    CHECK(password.size() == 32);
    for (const auto& command : started.commands) {
        CHECK_FALSE(contains(command.name + command.answer, password.c_str()));
        CHECK(command.bytes.size() == 12);
    }
    CHECK_FALSE(contains(started.detail, password.c_str()));
    CHECK_FALSE(contains(operation->state().detail, password.c_str()));
}

TEST_CASE("An erase that is refused after the password was set fails, and the password goes",
          "[ata]") {
    AtaBench bench({.erase_refused = true});
    const auto operation = bench.set->make("ata-security-normal", bench.memory);
    CHECK(operation->start().start == Start::finished);
    CHECK(operation->state().phase == Phase::failed);
    CHECK(bench.drive.password_set());
    CHECK_FALSE(clean(*operation));
    CHECK_FALSE(bench.drive.password_set());
    CHECK(operation->state().phase == Phase::failed);  // also now that security is off
    CHECK(bench.secret_left());
}

TEST_CASE("An erase that succeeds while security stays enabled is not done", "[ata]") {
    AtaBench bench({.erases_nothing = true, .stays_enabled = true});
    const auto operation = bench.set->make("ata-security-normal", bench.memory);
    CHECK(operation->start().start == Start::finished);
    const auto state = operation->state();
    CHECK(state.phase == Phase::failed);
    CHECK(contains(state.detail, "still enabled"));
    CHECK_FALSE(clean(*operation));
    CHECK_FALSE(bench.drive.password_set());
    CHECK(operation->state().phase == Phase::failed);
}

TEST_CASE("SECURITY ERASE PREPARE that is refused leaves the drive as it was", "[ata]") {
    AtaBench bench({.prepare_refused = true});
    const auto operation = bench.set->make("ata-security-normal", bench.memory);
    const auto started = operation->start();
    CHECK(started.start == Start::refused);
    CHECK(bench.drive.commands_of(0xf4) == 0);
    CHECK_FALSE(clean(*operation));
    CHECK_FALSE(bench.drive.password_set());
    CHECK(operation->state().phase == Phase::idle);
}

TEST_CASE("Power that is lost in the erase leaves a failed erase and an unlocked drive", "[ata]") {
    AtaBench bench({.power_lost_in_erase = true});
    const auto operation = bench.set->make("ata-security-enhanced", bench.memory);
    CHECK(operation->start().start == Start::unknown);
    CHECK(bench.drive.locked());
    CHECK(operation->state().phase == Phase::failed);
    CHECK_FALSE(clean(*operation));
    CHECK_FALSE(bench.drive.locked());
    CHECK_FALSE(bench.drive.password_set());
    bench.drive.options.power_lost_in_erase = false;
    CHECK(carry_out(bench, "ata-security-enhanced") == Phase::succeeded);
    CHECK_FALSE(bench.secret_left());
}

TEST_CASE("An answer that was lost is judged by what the drive is", "[ata]") {
    AtaBench lost({.erase_answer_lost = true});
    CHECK(carry_out(lost, "ata-security-enhanced") == Phase::succeeded);
    CHECK_FALSE(lost.secret_left());
    AtaBench unheard({.password_answer_lost = true});
    CHECK(carry_out(unheard, "ata-security-enhanced") == Phase::succeeded);
    CHECK_FALSE(unheard.drive.password_set());
}

TEST_CASE("A drive is given twelve hours, or twice what it says that it needs", "[ata]") {
    // 1 (2 minutes) is a lie here: the model loses power when it is given up on.
    CHECK(carry_out(*std::make_unique<AtaBench>(
                        fake::AtaDriveOptions{.normal_time_word = 1, .erase_time = 11h}),
                    "ata-security-normal") == Phase::succeeded);
    CHECK(carry_out(*std::make_unique<AtaBench>(
                        fake::AtaDriveOptions{.normal_time_word = 1, .erase_time = 13h}),
                    "ata-security-normal") == Phase::failed);
    // 600 x 2 minutes = 20 hours.
    CHECK(carry_out(*std::make_unique<AtaBench>(
                        fake::AtaDriveOptions{.normal_time_word = 0x8258, .erase_time = 39h}),
                    "ata-security-normal") == Phase::succeeded);
}

TEST_CASE("A password that cannot be taken back is a problem with a next step", "[ata]") {
    AtaBench bench({.erase_refused = true, .disable_refused = true});
    const auto operation = bench.set->make("ata-security-normal", bench.memory);
    (void)operation->start();
    const auto problem = clean(*operation);
    REQUIRE(problem);
    CHECK(contains(*problem, "resume"));
    CHECK(bench.journal.at("security").contains("password"));
    bench.drive.options.disable_refused = false;
    bench.drive.options.unlock_refused = true;
    bench.drive.power_cycle();
    CHECK(clean(*operation));
    CHECK(bench.journal.at("security").contains("password"));
    bench.drive.options.unlock_refused = false;
    CHECK_FALSE(clean(*operation));
    CHECK_FALSE(bench.drive.password_set());
    CHECK_FALSE(bench.journal.at("security").contains("password"));
}

TEST_CASE("A host that freezes the drive before the password is back is told so", "[ata]") {
    AtaBench bench({.erase_refused = true});
    const auto operation = bench.set->make("ata-security-normal", bench.memory);
    (void)operation->start();
    bench.drive.options.frozen_at_power_on = true;
    bench.drive.power_cycle();
    bench.new_process();
    const auto again = bench.set->make("ata-security-normal", bench.memory);
    CHECK(again->start().start == Start::refused);
    const auto problem = clean(*again);
    REQUIRE(problem);
    CHECK(contains(*problem, "frozen"));
    bench.drive.options = fake::AtaDriveOptions{};
    bench.drive.power_cycle();
    CHECK(again->start().start == Start::finished);
    CHECK(again->state().phase == Phase::succeeded);
    CHECK_FALSE(clean(*again));
    CHECK_FALSE(bench.drive.password_set());
}

// Every command is a place to crash at: before the drive has it, and before we have its answer.
TEST_CASE("No crash leaves a password on the drive once the job is resumed", "[ata]") {
    for (const bool power_lost : {false, true}) {
        for (const bool after : {false, true}) {
            bool ended = false;
            for (unsigned n = 1; !ended; ++n) {
                REQUIRE(n < 40);
                CAPTURE(power_lost, after, n);
                AtaBench bench;
                (after ? bench.transport->crash_after : bench.transport->crash_before) = n;
                try {
                    (void)carry_out(bench, "ata-security-enhanced");
                    ended = true;
                } catch (const Crash&) {
                }
                if (power_lost) {
                    bench.drive.power_cycle();
                }
                bench.new_process();
                CHECK(carry_out(bench, "ata-security-enhanced") == Phase::succeeded);
                CHECK_FALSE(bench.drive.password_set());
                CHECK_FALSE(bench.drive.locked());
                CHECK_FALSE(bench.secret_left());
                CHECK_FALSE(bench.journal.at("security").contains("password"));
            }
        }
    }
}

TEST_CASE("No crash leaves a password on a drive that refuses to erase", "[ata]") {
    bool ended = false;
    for (unsigned n = 1; !ended; ++n) {
        REQUIRE(n < 40);
        CAPTURE(n);
        AtaBench bench({.erase_refused = true});
        bench.transport->crash_after = n;
        try {
            (void)carry_out(bench, "ata-security-normal");
            ended = true;
        } catch (const Crash&) {
        }
        bench.drive.power_cycle();
        bench.new_process();
        const auto operation = bench.set->make("ata-security-normal", bench.memory);
        // What a process does that finds the journal and only cleans up.
        CHECK_FALSE(clean(*operation));
        CHECK(operation->state().phase != Phase::succeeded);
        CHECK_FALSE(bench.drive.password_set());
    }
}

TEST_CASE("A crash between the end of the erase and its journal is resumed as done", "[ata]") {
    AtaBench bench;
    bench.transport->crash_after = 7;
    CHECK_THROWS_AS(carry_out(bench, "ata-security-enhanced"), Crash);
    REQUIRE(bench.drive.commands_of(0xf4) == 1);
    bench.new_process();
    const auto operation = bench.set->make("ata-security-enhanced", bench.memory);
    CHECK(operation->start().start == Start::finished);
    CHECK(bench.drive.commands_of(0xf4) == 1);  // not once more
    CHECK(operation->state().phase == Phase::succeeded);
}
