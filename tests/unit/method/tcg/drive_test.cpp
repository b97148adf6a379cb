// SPDX-License-Identifier: Apache-2.0
// What the TCG techniques offer, refuse and do on drives that keep to the specifications.
#include "efface/method/drive/command_sets.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::test;
using fake::TcgDriveOptions;
using method::Phase;
using method::Start;
using SscKind = TcgDriveOptions::Ssc;

namespace {

TcgDriveOptions options(SscKind ssc, bool removal = false) {
    TcgDriveOptions made;
    made.ssc = ssc;
    made.removal_feature = removal;
    return made;
}

}  // namespace

TEST_CASE("a drive without TCG is asked for its discovery, and for nothing else") {
    TcgDriveOptions without;
    without.has_tcg = GENERATE(false, true);
    without.refuses_security = without.has_tcg;
    TcgBench bench(without);
    const auto survey = bench.commands().survey();
    CHECK(survey.error.empty());
    CHECK(survey.techniques.empty());
    CHECK(survey.facts == Json{{"ssc", nullptr}});
    CHECK(bench.commands().state().phase == Phase::idle);
    CHECK(bench.drive.sends() == 0);
}

TEST_CASE("a drive that does not answer is an error, not a drive without TCG") {
    TcgDriveOptions gone;
    gone.gone = true;
    TcgBench bench(gone);
    CHECK(contains(bench.commands().survey().error, "ENODEV"));
    CHECK(bench.commands().state().phase == Phase::unknown);
    CHECK(bench.make("tcg-revert")->state().phase == Phase::unknown);
}

TEST_CASE("a survey tells what discovery tells, and opens no session") {
    auto made = options(SscKind::opal2, true);
    made.sid = kTcgSid;
    made.ranges = {{8, 16}};
    TcgBench bench(made);
    const auto survey = bench.commands().survey();
    CHECK(bench.drive.sends() == 0);
    CHECK(survey.facts["ssc"] == "opal2");
    CHECK(survey.facts["lockingEnabled"] == true);
    CHECK(survey.facts["locked"] == true);
    CHECK(survey.facts["mbrEnabled"] == false);
    CHECK(survey.facts["blockSid"] == false);
    CHECK(survey.facts["sidChanged"] == true);
    CHECK(survey.facts["dataRemoval"]["processing"] == false);
    CHECK(survey.facts["dataRemoval"]["mechanisms"] ==
          Json{{{"name", "cryptographic erase"}, {"seconds", 2}}});
    CHECK(survey.facts["features"][1] == "Locking");
    REQUIRE(survey.pages.size() == 1);
    CHECK(survey.pages[0].name == "TCG Level 0 Discovery");
    REQUIRE(survey.techniques.size() == 4);
    const auto& psid = survey.techniques[0];
    CHECK(psid.name == "tcg-psid-revert");
    CHECK_FALSE(psid.objection);
    CHECK(psid.estimate == std::chrono::seconds{2});
    CHECK(psid.sends ==
          std::vector<std::string>{"StartSession (Admin SP, PSID)", "Revert (Admin SP)"});
    CHECK(psid.facts == Json{{"cryptographic", true},
                             {"wholeDrive", true},
                             {"method", "tcg-revert"},
                             {"lockingEnabledBefore", true},
                             {"ssc", "opal2"}});
    CHECK(survey.techniques[3].name == "tcg-genkey");
    CHECK(survey.techniques[3].facts["wholeDrive"] == false);
    CHECK(survey.techniques[3].facts["method"] == "tcg-genkey");
    CHECK(survey.techniques[2].facts["alwaysEncrypted"] == "not proven");
}

TEST_CASE("of a locked drive it is said before that nothing will be shown where it is locked") {
    const bool locked = GENERATE(false, true);
    TcgDriveOptions options;
    options.locked = locked;
    TcgBench bench(options);
    const auto risks = bench.commands().survey().residual_risks;
    CHECK(std::any_of(risks.begin(), risks.end(), [](const Reason& risk) {
              return risk.code == ReasonCode::drive_locked;
          }) == locked);
}

TEST_CASE("each technique says why it cannot be used, and what can") {
    struct Case {
        const char* what;
        const char* technique;
        std::function<void(TcgDriveOptions&, TcgBench*)> set;
        std::optional<ReasonCode> objection;
    };
    const auto none = [](TcgDriveOptions&, TcgBench*) {};
    const auto inactive = [](TcgDriveOptions& made, TcgBench*) { made.locking_active = false; };
    const auto enterprise = [](TcgDriveOptions& made, TcgBench*) {
        made.ssc = SscKind::enterprise;
    };
    const auto pyrite = [](TcgDriveOptions& made, TcgBench*) { made.ssc = SscKind::pyrite2; };
    const auto pyrite_removal = [](TcgDriveOptions& made, TcgBench*) {
        made.ssc = SscKind::pyrite2;
        made.removal_feature = true;
        made.removal_mechanisms = 0x02;
    };
    const auto pyrite_unmap = [](TcgDriveOptions& made, TcgBench*) {
        made.ssc = SscKind::pyrite2;
        made.removal_feature = true;
        made.removal_mechanisms = 0x18;
    };
    const auto owned = [](TcgDriveOptions& made, TcgBench*) { made.sid = kTcgSid; };
    const auto blocked = [](TcgDriveOptions& made, TcgBench*) { made.sid_blocked = true; };
    const auto plain = [](TcgDriveOptions& made, TcgBench*) { made.media_encryption = false; };
    const auto no_passwords = [](TcgDriveOptions&, TcgBench* bench) {
        if (bench != nullptr) {
            bench->psid = bench->sid = bench->admin = "";
        }
    };
    const auto long_psid = [](TcgDriveOptions&, TcgBench* bench) {
        if (bench != nullptr) {
            bench->psid = std::string(257, 'P');
        }
    };
    const std::vector<Case> cases{
        {"active", "tcg-revert", none, std::nullopt},
        {"active", "tcg-psid-revert", none, std::nullopt},
        {"active", "tcg-genkey", none, std::nullopt},
        {"active", "tcg-activate-revert", none, ReasonCode::drive_ineffective},
        {"inactive", "tcg-revert", inactive, ReasonCode::drive_ineffective},
        {"inactive", "tcg-psid-revert", inactive, ReasonCode::drive_ineffective},
        {"inactive", "tcg-genkey", inactive, ReasonCode::drive_ineffective},
        {"inactive", "tcg-activate-revert", inactive, std::nullopt},
        {"enterprise", "tcg-psid-revert", enterprise, std::nullopt},
        {"enterprise", "tcg-genkey", enterprise, std::nullopt},
        {"enterprise", "tcg-revert", enterprise, ReasonCode::drive_lacks_technique},
        {"enterprise", "tcg-activate-revert", enterprise, ReasonCode::drive_lacks_technique},
        {"pyrite", "tcg-revert", pyrite, ReasonCode::drive_ineffective},
        {"pyrite", "tcg-psid-revert", pyrite, ReasonCode::drive_ineffective},
        {"pyrite", "tcg-genkey", pyrite_removal, ReasonCode::drive_ineffective},
        {"pyrite with block erase", "tcg-psid-revert", pyrite_removal, std::nullopt},
        {"pyrite with unmap alone", "tcg-psid-revert", pyrite_unmap, ReasonCode::drive_ineffective},
        {"owned", "tcg-revert", owned, ReasonCode::drive_credential},
        {"owned", "tcg-psid-revert", owned, std::nullopt},
        {"blocked", "tcg-revert", blocked, ReasonCode::drive_frozen},
        {"blocked", "tcg-psid-revert", blocked, std::nullopt},
        {"not encrypting", "tcg-psid-revert", plain, ReasonCode::drive_ineffective},
        {"no passwords", "tcg-psid-revert", no_passwords, ReasonCode::drive_credential},
        {"no passwords", "tcg-genkey", no_passwords, ReasonCode::drive_credential},
        {"no passwords", "tcg-revert", no_passwords, std::nullopt},  // the MSID
        {"too long", "tcg-psid-revert", long_psid, ReasonCode::drive_credential},
    };
    for (const auto& one : cases) {
        INFO(one.what << ", " << one.technique);
        TcgDriveOptions made;
        one.set(made, nullptr);
        TcgBench bench(made);
        one.set(made, &bench);
        const auto objection = bench.objection(one.technique);
        CHECK((objection ? std::optional(objection->code) : std::nullopt) == one.objection);
        // What is objected to is not begun either, by a caller that did not ask.
        if (one.objection) {
            const auto answer = bench.make(one.technique)->start();
            CHECK(answer.start == Start::refused);
            CHECK(answer.why == one.objection);
            CHECK(bench.drive.methods().empty());
            CHECK(bench.originals_left() == kTcgBlocks);
        }
    }
}

TEST_CASE("each technique erases a drive that is in use") {
    struct Case {
        SscKind ssc;
        const char* technique;
        bool active;
        std::vector<std::uint64_t> methods;
    };
    constexpr std::uint64_t kProperties = 0xff01;
    constexpr std::uint64_t kStart = 0xff02;
    constexpr std::uint64_t kGet = 0x0000000600000016;
    constexpr std::uint64_t kRevert = 0x0000000600000202;
    const auto one = GENERATE_COPY(
        Case{SscKind::opal2, "tcg-psid-revert", true, {kProperties, kStart, kStart, kRevert}},
        Case{SscKind::ruby, "tcg-psid-revert", true, {kProperties, kStart, kStart, kRevert}},
        Case{SscKind::opalite, "tcg-revert", true, {kProperties, kStart, kGet, kStart, kRevert}},
        Case{SscKind::opal2, "tcg-revert", true, {kProperties, kStart, kGet, kStart, kRevert}},
        Case{SscKind::opal2,
             "tcg-activate-revert",
             false,
             {kProperties, kStart, kGet, kStart, 0x0000000600000203, kRevert}},
        Case{SscKind::enterprise,
             "tcg-psid-revert",
             true,
             {kProperties, kStart, 0x000000060000000c, 0x0000000600000011}});
    INFO(one.technique);
    auto made = options(one.ssc);
    made.locking_active = one.active;
    made.ranges = {{4, 8}, {32, 2}};
    TcgBench bench(made);
    CHECK(bench.originals_left() == kTcgBlocks);
    const auto operation = bench.make(one.technique);
    REQUIRE(operation);
    CHECK(operation->state().phase == Phase::idle);
    const auto answer = operation->start();
    INFO(answer.detail);
    CHECK(answer.start == Start::accepted);
    CHECK(bench.drive.methods() == one.methods);
    const auto state = operation->state();
    CHECK(state.phase == Phase::succeeded);
    CHECK(state.technique == one.technique);
    CHECK(state.pages.size() == 1);
    CHECK(bench.originals_left() == 0);
    std::vector<method::SentCommand> commands;
    CHECK_FALSE(operation->clean_up(commands));
    CHECK(commands.empty());
    CHECK_FALSE(bench.drive.session_open());
    CHECK(bench.make_after_crash(one.technique)->state().phase == Phase::succeeded);
}

TEST_CASE("GenKey changes the key of every range in use, and of no other") {
    auto made = options(SscKind::opal2);
    made.ranges = {{4, 8}, {32, 2}};
    TcgBench bench(made);
    const auto operation = bench.make("tcg-genkey");
    const auto answer = operation->start();
    INFO(answer.detail);
    CHECK(answer.start == Start::accepted);
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK(bench.drive.key_changed(0));
    CHECK(bench.drive.key_changed(1));
    CHECK(bench.drive.key_changed(2));
    CHECK_FALSE(bench.drive.key_changed(3));
    CHECK(bench.drive.locking_active());
    CHECK_FALSE(bench.drive.session_open());
    REQUIRE(answer.commands.size() == 4);
    CHECK(answer.commands[1].name == "GenKey (range 0)");
    CHECK(to_hex(answer.commands[1].bytes) == "00000806000000010000000600000010");
    CHECK(answer.commands[3].name == "GenKey (range 2)");
    CHECK(bench.memory.kept["tcg"]["keys"].size() == 3);
    CHECK(bench.originals_left() == 0);
}

TEST_CASE("an Enterprise drive erases each of its bands") {
    auto made = options(SscKind::enterprise);
    made.ranges = {{0, 16}};
    TcgBench bench(made);
    const auto operation = bench.make("tcg-genkey");
    const auto answer = operation->start();
    INFO(answer.detail);
    CHECK(answer.start == Start::accepted);
    CHECK(operation->state().phase == Phase::succeeded);
    for (std::size_t band = 0; band <= 4; ++band) {
        CHECK(bench.drive.key_changed(band));
    }
    CHECK(bench.originals_left() == 0);
    CHECK(answer.commands.back().name == "Erase (band 4)");
    CHECK(to_hex(answer.commands.back().bytes) == "00000802000000050000000600000803");
}

TEST_CASE("SID's own password is used where it was changed") {
    auto made = options(SscKind::opal2);
    made.sid = kTcgSid;
    TcgBench bench(made);
    bench.sid = kTcgSid;
    CHECK_FALSE(bench.objection("tcg-revert"));
    CHECK(bench.make("tcg-revert")->start().start == Start::accepted);
    CHECK(bench.originals_left() == 0);
}

TEST_CASE("a Pyrite drive erases by the mechanism that is active, if that removes data") {
    auto made = options(SscKind::pyrite2, true);
    made.removal_mechanisms = 0x0a;  // block erase and unmap
    made.active_mechanism = 1;
    TcgBench good(made);
    CHECK(good.make("tcg-psid-revert")->start().start == Start::accepted);
    CHECK(good.originals_left() == 0);
    const auto survey = good.commands().survey();
    CHECK(survey.techniques[0].facts["cryptographic"] == false);

    made.active_mechanism = GENERATE(3U, 4U, 77U);
    TcgBench bad(made);
    const auto answer = bad.make("tcg-psid-revert")->start();
    CHECK(answer.start == Start::refused);
    CHECK(contains(answer.detail, "removes nothing"));
    CHECK(bad.originals_left() == kTcgBlocks);
}

TEST_CASE("a data removal that goes on in the background is waited for") {
    auto made = options(SscKind::opal2, true);
    made.removal_time = std::chrono::seconds{90};
    made.reverts_before_removal = GENERATE(false, true);
    TcgBench bench(made);
    const auto operation = bench.make("tcg-psid-revert");
    CHECK(operation->start().start == Start::accepted);
    CHECK(operation->state().phase == Phase::running);
    CHECK(bench.commands().state().phase == Phase::running);
    CHECK(bench.originals_left() == kTcgBlocks);
    bench.clock.advance(std::chrono::seconds{89});
    CHECK(bench.make_after_crash("tcg-psid-revert")->state().phase == Phase::running);
    // A second start only says that it runs.
    const auto sends = bench.drive.sends();
    CHECK(bench.make("tcg-psid-revert")->start().start == Start::accepted);
    CHECK(bench.drive.sends() == sends);
    bench.clock.advance(std::chrono::seconds{1});
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK(bench.originals_left() == 0);
    CHECK(bench.commands().state().phase == Phase::idle);
}

TEST_CASE("a removal that somebody else began is seen, and is not ours to claim") {
    auto made = options(SscKind::opal2, true);
    made.removal_time = std::chrono::seconds{10};
    TcgBench bench(made);
    CHECK(bench.make("tcg-psid-revert")->start().start == Start::accepted);
    Json kept = Json::object();
    method::OperationMemory other{.kept = kept};
    const auto operation = bench.commands().make("tcg-psid-revert", other);
    CHECK(operation->state().phase == Phase::running);
    const auto answer = operation->start();
    CHECK(answer.start == Start::refused);
    CHECK(contains(answer.detail, "a data removal is running"));
    bench.clock.advance(std::chrono::seconds{10});
    CHECK(operation->state().phase == Phase::idle);
}

TEST_CASE("passwords are in nothing that is kept, sent for the record or said") {
    const char* const technique =
        GENERATE("tcg-psid-revert", "tcg-revert", "tcg-genkey", "tcg-activate-revert");
    for (const bool right : {true, false}) {
        auto made = options(SscKind::opal2, true);
        made.sid = kTcgSid;
        made.locking_active = std::string(technique) != "tcg-activate-revert";
        TcgBench bench(made);
        bench.sid = right ? kTcgSid : "WRONG-WRONG-WRONG";
        bench.psid = right ? bench.psid : "WRONG-WRONG-WRONG";
        bench.admin = right ? bench.admin : "WRONG-WRONG-WRONG";
        const auto operation = bench.make(technique);
        const auto answer = operation->start();
        CHECK((answer.start == Start::refused) == !right);
        const auto state = operation->state();
        std::string all = bench.journal + answer.detail + state.detail;
        for (const auto& sent : answer.commands) {
            all += sent.name + sent.answer + std::string(as_text(sent.bytes));
        }
        for (const auto& page : state.pages) {
            all += page.name + std::string(as_text(page.bytes));
        }
        const auto survey = bench.commands().survey();
        all += survey.facts.dump();
        for (const auto& facts : survey.techniques) {
            all += facts.facts.dump() + (facts.objection ? facts.objection->text : "");
        }
        for (const std::string& secret :
             {bench.psid, bench.sid, bench.admin, bench.drive.options().msid}) {
            CHECK_FALSE(contains(all, secret));
        }
    }
}

TEST_CASE("a technique of another set is none of this one") {
    TcgBench bench;
    CHECK(bench.commands().name() == "tcg");
    CHECK(bench.make("nvme-sanitize-block") == nullptr);
    Bytes block(512);
    CHECK_FALSE(bench.commands().read_status("sda", 0, block).readable);
    CHECK(bench.commands().open_hidden_areas(bench.memory).opened.empty());
}
