// SPDX-License-Identifier: Apache-2.0
// What is refused before a drive could be harmed or a try counted, and what is left alone.
#include "efface/tcg/call.hpp"
#include "efface/tcg/packet.hpp"

#include "catch.hpp"
#include "process.hpp"

using namespace efface;
using namespace efface::test;
using fake::TcgDriveOptions;
using mandate::Authority;
using method::Phase;
using method::Start;
using SscKind = TcgDriveOptions::Ssc;

namespace {

constexpr std::uint64_t kRevert = 0x0000000600000202;

/// Sends StartSession for nobody, and dies.
void leave_session(TcgBench& bench) {
    const auto start = tcg::encode_start_session({77, tcg::kAdminSp, std::nullopt, {}});
    REQUIRE(
        bench.drive.send(1, 0x1004, tcg::encode_packet(0x1004, {}, start.view()).view()).accepted);
    Bytes answer(2048);
    REQUIRE(bench.drive.receive(1, 0x1004, answer).accepted);
    REQUIRE(bench.drive.session_open());
}

}  // namespace

TEST_CASE("a Revert that another program sent is left alone") {
    TcgDriveOptions options;
    options.answer_after = std::chrono::minutes{5};
    options.silent_while_working = GENERATE(false, true);
    TcgBench bench(options);
    Json of_another = Json::object();
    method::OperationMemory memory{.kept = of_another};
    (void)bench.commands().make("tcg-psid-revert", memory)->start();
    const auto tries = bench.drive.counts().tries;
    const char* const technique = GENERATE("tcg-psid-revert", "tcg-revert", "tcg-genkey");
    const auto answer = bench.make(technique)->start();
    CHECK(answer.start == Start::refused);
    CHECK(answer.why == ReasonCode::drive_erasing);
    CHECK(bench.drive.counts().resets == 0);
    CHECK(bench.drive.counts().ends_at_work == 0);
    CHECK(bench.drive.counts().tries == tries);
    bench.clock.advance(std::chrono::minutes{5});
    (void)bench.drive.session_open();
    Bytes block(2048);
    CHECK(bench.drive.receive(1, 0x1004, block).accepted);
    CHECK(bench.originals_left() == 0);  // it came to its end
}

TEST_CASE("a session that a dead program left is waited for, then reset, once") {
    TcgBench bench;
    leave_session(bench);
    const auto begun = bench.clock.steady_now();
    CHECK(bench.make("tcg-psid-revert")->start().start == Start::accepted);
    CHECK(bench.clock.steady_now() - begun >= std::chrono::seconds{20});
    CHECK(bench.drive.counts().resets == 1);
    CHECK(bench.drive.counts().tries.size() == 1);
    CHECK(bench.originals_left() == 0);
}

TEST_CASE("a drive that is busy for a while is waited for, and not reset") {
    TcgDriveOptions options;
    options.busy_for = std::chrono::seconds{12};
    options.ssc = GENERATE(SscKind::opal2, SscKind::enterprise);
    TcgBench bench(options);
    CHECK(bench.make("tcg-psid-revert")->start().start == Start::accepted);
    CHECK(bench.drive.counts().resets == 0);
    CHECK(bench.originals_left() == 0);
}

TEST_CASE("line ends and blanks around a credential are refused before anything is sent") {
    const std::string psid = TcgDriveOptions().psid;
    for (const std::string& wrong :
         {psid + "\r", psid + "\n", psid + " ", " " + psid, "\t" + psid, psid + "\r\n",
          psid.substr(0, 16) + "\n" + psid.substr(16), std::string("\n"), std::string(" ")}) {
        TcgBench bench;
        for (const char* technique : {"tcg-psid-revert", "tcg-revert", "tcg-genkey"}) {
            INFO(technique << " with " << to_hex(as_bytes(wrong)));
            bench.psid = bench.sid = bench.admin = wrong;
            CHECK(bench.objection(technique)->code == ReasonCode::drive_credential);
            const auto answer = bench.make(technique)->start();
            CHECK(answer.start == Start::refused);
            CHECK(answer.why == ReasonCode::drive_credential);
        }
        CHECK(bench.drive.sends() == 0);
        CHECK(bench.drive.counts().tries.empty());
    }
    // A hash may be any bytes.
    TcgDriveOptions hashed;
    hashed.sid = std::string("\x20\x91\x0d", 3) + std::string(28, '\xfe') + "\n";
    TcgBench bench(hashed);
    bench.sid = hashed.sid;
    CHECK(bench.make("tcg-revert")->start().start == Start::accepted);
    CHECK(bench.originals_left() == 0);
}

TEST_CASE("a PSID of an unusual form is named, and never blocked") {
    const auto named = [](TcgBench& bench) {
        const auto risks = bench.commands().survey().residual_risks;
        return std::any_of(risks.begin(), risks.end(), [](const Reason& risk) {
            return risk.code == ReasonCode::drive_credential;
        });
    };
    TcgBench usual;
    CHECK_FALSE(named(usual));
    for (const char* psid : {"psid0123456789psid0123456789psid", "PSID0123456789PSID01234567",
                             "PSID-0123-4567-89PS-ID01-2345-6789", "P"}) {
        INFO(psid);
        TcgDriveOptions options;
        options.psid = psid;
        TcgBench bench(options);
        CHECK(named(bench));
        CHECK(bench.make("tcg-psid-revert")->start().start == Start::accepted);
        CHECK(bench.originals_left() == 0);
    }
}

TEST_CASE("a credential is shown in the name of no other authority") {
    struct Case {
        const char* technique;
        SscKind ssc;
        Authority needs;
    };
    constexpr std::array kAuthorities{Authority::psid, Authority::sid, Authority::admin,
                                      Authority::erase_master};
    for (const auto& one : {Case{"tcg-psid-revert", SscKind::opal2, Authority::psid},
                            Case{"tcg-psid-revert", SscKind::enterprise, Authority::psid},
                            Case{"tcg-revert", SscKind::opal2, Authority::sid},
                            Case{"tcg-genkey", SscKind::opal2, Authority::admin},
                            Case{"tcg-genkey", SscKind::enterprise, Authority::erase_master}}) {
        for (const auto whose : kAuthorities) {
            INFO(one.technique << " with the credential of " << to_string(whose));
            TcgDriveOptions options;
            options.ssc = one.ssc;
            options.sid = kTcgSid;
            TcgBench bench(options);
            auto& set = bench.use("SOMETHING", whose);
            const auto answer = set.make(one.technique, bench.memory)->start();
            CHECK(answer.start == Start::refused);
            CHECK(answer.why == ReasonCode::drive_credential);
            CHECK(bench.drive.wrong_passwords() == (whose == one.needs ? 1 : 0));
            CHECK(bench.originals_left() == kTcgBlocks);
        }
    }
}

TEST_CASE("the MSID is not tried where discovery says that SID began with another PIN") {
    TcgDriveOptions options;
    options.block_sid_feature = GENERATE(false, true);
    options.initial_sid_pin = 0xff;
    TcgBench bench(options);
    // Block SID knows how it is now: the MSID is SID's, after a Revert.
    CHECK(bench.objection("tcg-revert").has_value() == !options.block_sid_feature);
    const auto answer = bench.make("tcg-revert")->start();
    CHECK((answer.start == Start::accepted) == options.block_sid_feature);
    CHECK(bench.drive.counts().tries.size() == (options.block_sid_feature ? 1 : 0));
}

TEST_CASE("Enterprise: Revert of the Admin SP where RevertSP is no function, once") {
    TcgDriveOptions options;
    options.ssc = SscKind::enterprise;
    options.revert_sp_is_no_function = true;
    TcgBench bench(options);
    const auto operation = bench.make("tcg-psid-revert");
    const auto answer = operation->start();
    CHECK(answer.start == Start::accepted);
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK(bench.originals_left() == 0);
    REQUIRE(answer.commands.size() == 3);
    CHECK(answer.commands[1].answer == "INVALID_FUNCTION");
    CHECK(answer.commands[2].name == "Revert (Admin SP)");
    CHECK(to_hex(answer.commands[2].bytes) == "00000205000000010000000600000202");

    TcgDriveOptions neither;
    neither.ssc = SscKind::enterprise;
    neither.fails_with = 0x0b;
    TcgBench other(neither);
    const auto refused = other.make("tcg-psid-revert")->start();
    CHECK(refused.start == Start::refused);
    CHECK(refused.commands.back().answer == "NOT_AUTHORIZED");
    const auto& sent = other.drive.methods();
    CHECK(std::count(sent.begin(), sent.end(), kRevert) == 1);
    CHECK(other.originals_left() == kTcgBlocks);
}

TEST_CASE("statuses of early drives say that nothing was begun") {
    TcgDriveOptions options;
    options.fails_with = GENERATE(std::uint8_t{0x0b}, std::uint8_t{0x0d});
    TcgBench bench(options);
    const auto answer = bench.make("tcg-psid-revert")->start();
    CHECK(answer.start == Start::refused);
    CHECK(contains(answer.detail,
                   options.fails_with == 0x0b ? "INVALID_FUNCTION" : "INVALID_REFERENCE"));
    CHECK(bench.make("tcg-psid-revert")->state().phase == Phase::idle);
}

TEST_CASE("Enterprise is not always active, and tells by that what became of a Revert") {
    TcgDriveOptions inactive;
    inactive.ssc = SscKind::enterprise;
    inactive.enterprise_is_inactive = true;
    TcgBench bench(inactive);
    for (const char* technique : {"tcg-psid-revert", "tcg-genkey"}) {
        CHECK(bench.objection(technique)->code == ReasonCode::drive_ineffective);
    }
    TcgDriveOptions becomes;
    becomes.ssc = SscKind::enterprise;
    becomes.enterprise_becomes_inactive = true;
    becomes.loses_answer = true;
    TcgBench lost(becomes);
    const auto operation = lost.make("tcg-psid-revert");
    CHECK(operation->start().start == Start::unknown);
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK(lost.originals_left() == 0);
}

TEST_CASE("an unreadable discovery is no drive without TCG") {
    using Locking = TcgDriveOptions::Locking;
    TcgDriveOptions options;
    options.locking_descriptor = GENERATE(Locking::repeated, Locking::cut);
    TcgBench bench(options);
    const auto survey = bench.commands().survey();
    CHECK(survey.error.empty());  // other command sets may have what it needs
    CHECK(survey.pages.size() == 1);
    REQUIRE(survey.techniques.size() == 4);
    for (const auto& technique : survey.techniques) {
        CHECK(technique.objection->code == ReasonCode::drive_state_unknown);
    }
    CHECK(bench.commands().state().phase == Phase::unknown);
    CHECK(bench.make("tcg-psid-revert")->start().start == Start::refused);
    CHECK(bench.make("tcg-psid-revert")->state().phase == Phase::unknown);
    CHECK(bench.drive.sends() == 0);
}

TEST_CASE("an Activate that nobody waits for any longer is not cut off") {
    TcgDriveOptions options;
    options.locking_active = false;
    options.activate_after = std::chrono::minutes{10};
    TcgBench bench(options);
    const auto operation = bench.make("tcg-activate-revert");
    CHECK(operation->start().start == Start::unknown);
    CHECK(operation->state().phase == Phase::running);
    CHECK(bench.drive.counts().ends_at_work == 0);
    bench.clock.advance(std::chrono::minutes{10});
    CHECK(operation->state().phase == Phase::failed);
    std::vector<method::SentCommand> commands;
    CHECK(operation->clean_up(commands));
    CHECK(bench.drive.locking_active());
    // Started again, it goes on with the Revert.
    const auto again = bench.make_after_crash("tcg-activate-revert");
    CHECK(again->start().start == Start::accepted);
    CHECK(again->state().phase == Phase::succeeded);
    CHECK(bench.originals_left() == 0);
    CHECK(bench.drive.counts().sends_at_work == 0);
}
