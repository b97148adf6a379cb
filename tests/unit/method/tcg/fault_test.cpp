// SPDX-License-Identifier: Apache-2.0
// TCG drives that fail, hang, lie or lose power, and what is said of them.
#include <random>

#include "efface/method/drive/command_sets.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::test;
using fake::TcgDriveOptions;
using method::Phase;
using method::Start;
using SscKind = TcgDriveOptions::Ssc;

TEST_CASE("what became of a Revert is said from the answer and the drive's state together") {
    struct Case {
        const char* what;
        void (*set)(TcgDriveOptions&);
        Start start;
        Phase phase;
        bool erased;
    };
    const std::vector<Case> cases{
        {"no fault", [](TcgDriveOptions&) {}, Start::accepted, Phase::succeeded, true},
        {"the answer is lost", [](TcgDriveOptions& o) { o.loses_answer = true; }, Start::unknown,
         Phase::succeeded, true},
        {"the answer is garbage", [](TcgDriveOptions& o) { o.answers_garbage = true; },
         Start::unknown, Phase::succeeded, true},
        {"the command is lost, the drive tells of removals",
         [](TcgDriveOptions& o) {
             o.loses_command = true;
             o.removal_feature = true;
         },
         Start::unknown, Phase::failed, false},
        {"the command is lost, the drive tells nothing of removals",
         [](TcgDriveOptions& o) { o.loses_command = true; }, Start::unknown, Phase::unknown, false},
        {"the session is closed", [](TcgDriveOptions& o) { o.closes_session = true; },
         Start::unknown, Phase::unknown, false},
        {"FAIL", [](TcgDriveOptions& o) { o.fails_with = 0x3f; }, Start::unknown, Phase::failed,
         false},
        {"TPER_MALFUNCTION", [](TcgDriveOptions& o) { o.fails_with = 0x0f; }, Start::unknown,
         Phase::failed, false},
        {"NOT_AUTHORIZED", [](TcgDriveOptions& o) { o.fails_with = 0x01; }, Start::refused,
         Phase::idle, false},
        {"SP_BUSY", [](TcgDriveOptions& o) { o.fails_with = 0x03; }, Start::refused, Phase::idle,
         false},
        {"it hangs", [](TcgDriveOptions& o) { o.hangs = true; }, Start::accepted, Phase::running,
         false},
        {"SUCCESS in another session, still active",
         [](TcgDriveOptions& o) {
             o.answers_for_another = true;
             o.stays_active = true;
         },
         Start::unknown, Phase::unknown, false},
        {"SUCCESS, but still active", [](TcgDriveOptions& o) { o.stays_active = true; },
         Start::accepted, Phase::failed, false},
    };
    for (const auto& one : cases) {
        for (const char* const technique : {"tcg-psid-revert", "tcg-revert"}) {
            INFO(one.what << ", " << technique);
            TcgDriveOptions options;
            one.set(options);
            TcgBench bench(options);
            const auto operation = bench.make(technique);
            const auto answer = operation->start();
            INFO(answer.detail);
            CHECK(answer.start == one.start);
            const auto state = operation->state();
            INFO(state.detail);
            CHECK(state.phase == one.phase);
            CHECK((bench.originals_left() == 0) == one.erased);
            // Another process says the same from the journal.
            CHECK(bench.make_after_crash(technique)->state().phase == one.phase);
            CHECK(bench.make_after_upgrade(technique)->state().phase == one.phase);
        }
    }
}

TEST_CASE("what was sent is journalled before it is sent") {
    TcgDriveOptions options;
    options.loses_answer = true;
    TcgBench bench(options);
    unsigned reverts_at_save = 99;
    bench.memory.save = [&] {
        if (bench.memory.kept["tcg"]["sent"] == true && reverts_at_save == 99) {
            reverts_at_save = static_cast<unsigned>(std::count(bench.drive.methods().begin(),
                                                               bench.drive.methods().end(),
                                                               std::uint64_t{0x0000000600000202}));
        }
    };
    (void)bench.make("tcg-psid-revert")->start();
    CHECK(reverts_at_save == 0);
}

TEST_CASE("a process that dies while the command is under way leaves enough to know") {
    const bool done = GENERATE(false, true);
    TcgDriveOptions options;
    options.removal_feature = true;
    options.loses_command = !done;
    TcgBench bench(options);
    std::string journal_before_sending;
    bench.memory.save = [&] {
        if (bench.memory.kept["tcg"]["sent"] == true && journal_before_sending.empty()) {
            journal_before_sending = bench.memory.kept.dump();
        }
    };
    (void)bench.make("tcg-psid-revert")->start();
    bench.journal = journal_before_sending;
    const auto state = bench.make_after_crash("tcg-psid-revert")->state();
    CHECK(state.phase == (done ? Phase::succeeded : Phase::failed));
    CHECK(contains(state.detail, "the answer is lost"));
}

TEST_CASE("an answer that takes long is fetched later, also by another process") {
    TcgDriveOptions options;
    options.answer_after = std::chrono::minutes{5};
    TcgBench bench(options);
    const auto operation = bench.make("tcg-psid-revert");
    const auto begun = bench.clock.steady_now();
    CHECK(operation->start().start == Start::accepted);
    CHECK(bench.clock.steady_now() - begun < std::chrono::seconds{5});  // it does not wait for it
    CHECK(operation->state().phase == Phase::running);
    CHECK(bench.originals_left() == kTcgBlocks);
    // Beginning again would abort it.
    const auto sends = bench.drive.sends();
    CHECK(bench.make_after_crash("tcg-psid-revert")->start().start == Start::accepted);
    CHECK(bench.drive.sends() == sends);
    bench.clock.advance(std::chrono::minutes{5});
    const auto other = bench.make_after_crash("tcg-psid-revert");
    CHECK(other->state().phase == Phase::succeeded);
    CHECK(bench.originals_left() == 0);
    CHECK(contains(bench.journal, "SUCCESS"));
}

TEST_CASE("a power cycle while the drive works on it is never success, and it can be begun again") {
    TcgDriveOptions options;
    options.removal_feature = GENERATE(false, true);
    const bool in_answer = GENERATE(false, true);
    options.reverts_before_removal = GENERATE(false, true);
    if (in_answer) {
        options.answer_after = std::chrono::minutes{5};
    } else {
        options.removal_time = std::chrono::minutes{5};
    }
    const bool removes_in_background = options.removal_feature && !in_answer;
    TcgBench bench(options);
    const auto operation = bench.make("tcg-psid-revert");
    CHECK(operation->start().start == Start::accepted);
    if (in_answer || removes_in_background) {
        CHECK(operation->state().phase == Phase::running);
        bench.drive.power_cycle();
        const auto after = bench.make_after_crash("tcg-psid-revert");
        const auto state = after->state();
        INFO(state.detail);
        CHECK(state.phase == (options.removal_feature ? Phase::failed : Phase::unknown));
        CHECK(bench.originals_left() != 0);
        bench.drive.options().answer_after = {};
        bench.drive.options().removal_time = {};
        bench.drive.options().locking_active = true;
        CHECK(after->start().start == Start::accepted);
        CHECK(after->state().phase == Phase::succeeded);
    }
    CHECK(bench.originals_left() == 0);
}

TEST_CASE("an interrupted removal stays a failure when the Locking SP is inactive already") {
    TcgDriveOptions options;
    options.removal_feature = true;
    options.removal_time = std::chrono::minutes{1};
    options.reverts_before_removal = true;
    TcgBench bench(options);
    const auto operation = bench.make("tcg-psid-revert");
    CHECK(operation->start().start == Start::accepted);
    bench.drive.power_cycle();
    CHECK_FALSE(bench.drive.locking_active());
    const auto state = operation->state();
    CHECK(state.phase == Phase::failed);
    CHECK(contains(state.detail, "interrupted"));
    CHECK(bench.commands().state().phase == Phase::failed);
}

TEST_CASE("a wrong password is refused, each try is one, and the limit is said") {
    TcgBench bench;
    bench.psid = "WRONG0123456789WRONG0123456789XX";
    for (unsigned i = 0; i < 5; ++i) {
        const auto answer = bench.make("tcg-psid-revert")->start();
        CHECK(answer.start == Start::refused);
        CHECK(contains(answer.detail, "NOT_AUTHORIZED"));
    }
    const auto answer = bench.make("tcg-psid-revert")->start();
    CHECK(answer.start == Start::refused);
    CHECK(contains(answer.detail, "AUTHORITY_LOCKED_OUT"));
    CHECK(bench.originals_left() == kTcgBlocks);
    CHECK_FALSE(bench.drive.session_open());
    CHECK(bench.make("tcg-psid-revert")->state().phase == Phase::idle);
}

TEST_CASE("a wrong password of an Enterprise drive is an answer of false") {
    TcgDriveOptions options;
    options.ssc = SscKind::enterprise;
    TcgBench bench(options);
    bench.psid = bench.admin = "WRONG";
    const char* const technique = GENERATE("tcg-psid-revert", "tcg-genkey");
    const auto answer = bench.make(technique)->start();
    CHECK(answer.start == Start::refused);
    CHECK(contains(answer.detail, "NOT_AUTHORIZED"));
    CHECK(bench.drive.methods().back() == 0x000000060000000c);  // nothing after Authenticate
    CHECK_FALSE(bench.drive.session_open());
    CHECK(bench.originals_left() == kTcgBlocks);
}

TEST_CASE("a drive that knows no PSID refuses it") {
    TcgDriveOptions options;
    options.psid = "";
    TcgBench bench(options);
    bench.psid = "PSID0123456789PSID0123456789PSID";
    const auto answer = bench.make("tcg-psid-revert")->start();
    CHECK(answer.start == Start::refused);
    CHECK(contains(answer.detail, "INVALID_PARAMETER"));
}

TEST_CASE("the MSID is not SID's password: one try, and it is refused") {
    TcgDriveOptions options;
    options.sid = kTcgSid;
    options.block_sid_feature = false;  // so that only the try tells
    TcgBench bench(options);
    CHECK_FALSE(bench.objection("tcg-revert"));
    const auto answer = bench.make("tcg-revert")->start();
    CHECK(answer.start == Start::refused);
    CHECK(bench.originals_left() == kTcgBlocks);
}

TEST_CASE("an activation that is not followed by a Revert is a problem that is named") {
    TcgDriveOptions options;
    options.locking_active = false;
    options.fails_with = 0x3f;
    TcgBench bench(options);
    const auto operation = bench.make("tcg-activate-revert");
    CHECK(operation->start().start == Start::unknown);
    CHECK(operation->state().phase == Phase::failed);
    CHECK(bench.drive.locking_active());
    std::vector<method::SentCommand> commands;
    const auto problem = bench.make_after_crash("tcg-activate-revert")->clean_up(commands);
    REQUIRE(problem);
    CHECK(contains(*problem, "could not be reverted"));

    // Beginning again goes on with the Revert.
    bench.drive.options().fails_with = 0;
    const auto again = bench.make_after_crash("tcg-activate-revert");
    CHECK(again->start().start == Start::accepted);
    CHECK(again->state().phase == Phase::succeeded);
    CHECK(bench.originals_left() == 0);
    CHECK_FALSE(again->clean_up(commands));
}

TEST_CASE("a key whose change was not answered with SUCCESS is no success of the whole") {
    struct Case {
        const char* what;
        void (*set)(TcgDriveOptions&);
        Start start;
        Phase phase;
    };
    const std::vector<Case> cases{
        {"lost answer", [](TcgDriveOptions& o) { o.loses_answer = true; }, Start::unknown,
         Phase::unknown},
        {"lost command", [](TcgDriveOptions& o) { o.loses_command = true; }, Start::unknown,
         Phase::unknown},
        {"answer of another session", [](TcgDriveOptions& o) { o.answers_for_another = true; },
         Start::unknown, Phase::unknown},
        {"closed", [](TcgDriveOptions& o) { o.closes_session = true; }, Start::unknown,
         Phase::unknown},
        {"hang", [](TcgDriveOptions& o) { o.hangs = true; }, Start::unknown, Phase::running},
        {"FAIL", [](TcgDriveOptions& o) { o.fails_with = 0x3f; }, Start::unknown, Phase::failed},
        {"NOT_AUTHORIZED", [](TcgDriveOptions& o) { o.fails_with = 0x01; }, Start::refused,
         Phase::idle},
    };
    for (const auto& one : cases) {
        for (const auto ssc : {SscKind::opal2, SscKind::enterprise}) {
            INFO(one.what);
            TcgDriveOptions options;
            options.ssc = ssc;
            options.ranges = {{0, 8}};
            one.set(options);
            TcgBench bench(options);
            const auto operation = bench.make("tcg-genkey");
            CHECK(operation->start().start == one.start);
            CHECK(operation->state().phase == one.phase);
            CHECK(bench.make_after_crash("tcg-genkey")->state().phase == one.phase);
            CHECK(bench.make_after_upgrade("tcg-genkey")->state().phase == one.phase);
        }
    }
}

TEST_CASE("a lost answer of an Enterprise drive leaves no sign: nobody knows") {
    TcgDriveOptions options;
    options.ssc = SscKind::enterprise;
    options.loses_answer = true;
    TcgBench bench(options);
    const auto operation = bench.make("tcg-psid-revert");
    CHECK(operation->start().start == Start::unknown);
    CHECK(operation->state().phase == Phase::unknown);
}

TEST_CASE("a drive that says all the right things and keeps the data still holds it") {
    TcgDriveOptions options;
    options.keeps_data = true;
    options.removal_feature = GENERATE(false, true);
    TcgBench bench(options);
    const auto operation = bench.make("tcg-psid-revert");
    CHECK(operation->start().start == Start::accepted);
    // Its word is all that there is here: the canaries of erase_drive() find the blocks.
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK(operation->promise().repeated.empty());
    CHECK(bench.originals_left() == kTcgBlocks);
}

TEST_CASE("success on a drive that does not lie means that no old block is left") {
    constexpr unsigned kRuns = 400;
    constexpr std::array kTechniques{"tcg-psid-revert", "tcg-revert", "tcg-activate-revert"};
    unsigned succeeded = 0;
    for (unsigned seed = 0; seed < kRuns; ++seed) {
        std::mt19937 random(seed);
        const auto chance = [&](unsigned one_in) { return random() % one_in == 0; };
        TcgDriveOptions options;
        options.ssc = static_cast<SscKind>(random() % 5);
        options.locking_active = !chance(3);
        options.removal_feature = chance(2);
        options.removal_mechanisms = static_cast<std::uint8_t>(random() & 0x3fU);
        options.active_mechanism = random() % 7;
        options.reverts_before_removal = chance(2);
        options.sid_blocked = chance(8);
        if (chance(2)) {
            options.removal_time = std::chrono::seconds{random() % 100};
        }
        if (chance(3)) {
            options.answer_after = std::chrono::seconds{random() % 30};
        }
        options.loses_answer = chance(5);
        options.loses_command = chance(10);
        options.closes_session = chance(10);
        options.answers_garbage = chance(10);
        options.hangs = chance(20);
        options.fails_with = static_cast<std::uint8_t>(chance(10) ? random() % 0x40 : 0);
        options.ranges = {{random() % 32, random() % 32}};
        TcgBench bench(options);
        const char* const technique = kTechniques.at(random() % kTechniques.size());
        auto operation = bench.make(technique);
        (void)operation->start();
        for (unsigned step = 0; step < 12; ++step) {
            if (chance(8)) {
                bench.drive.power_cycle();
            }
            if (chance(4)) {
                operation = bench.make_after_crash(technique);
            }
            if (chance(10)) {
                (void)operation->start();
            }
            bench.clock.advance(std::chrono::seconds{random() % 40});
            const auto state = operation->state();
            if (state.phase == Phase::succeeded) {
                ++succeeded;
                INFO("seed " << seed << ", " << technique << ": " << state.detail);
                REQUIRE(bench.originals_left() == 0);
                break;
            }
        }
    }
    CHECK(succeeded > kRuns / 10);  // else this would show nothing
}

TEST_CASE("a journal that does not say that the Locking SP was active proves nothing") {
    TcgDriveOptions options;
    options.locking_active = false;
    TcgBench bench(options);
    const char* const kept =
        GENERATE(R"({"sent":true,"answer":"SUCCESS"})",
                 R"({"sent":true,"answer":"none","lockingEnabledBefore":false})",
                 R"({"sent":true,"answer":"none","lockingEnabledBefore":"yes"})",
                 R"({"sent":true,"answer":"running","hostSession":-1})");
    bench.journal = kept;
    const auto state = bench.make_after_crash("tcg-psid-revert")->state();
    CHECK((state.phase == Phase::unknown || state.phase == Phase::running));
}
