// SPDX-License-Identifier: Apache-2.0
// Every form that an honest drive may choose × every technique × killed at every command and gone
// on with. Whatever happens: what runs is left alone, a process shows one credential once and to
// its own authority, and success means that no old block is left.
#include "catch.hpp"
#include "process.hpp"
#include "sample.hpp"

using namespace efface;
using namespace efface::test;
using fake::TcgDriveOptions;
using mandate::Authority;
using method::Phase;
using method::Start;
using SscKind = TcgDriveOptions::Ssc;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

struct Form {
    const char* name;
    void (*set)(TcgDriveOptions&);
};

const std::vector<Form>& forms() {
    using O = TcgDriveOptions;
    static const std::vector<Form> kForms{
        {"plain", [](O&) {}},
        {"numbers in the header of SyncSession", [](O& o) { o.numbers_in_sync_header = true; }},
        {"one empty answer first", [](O& o) { o.empty_answers = 1; }},
        {"three empty answers first", [](O& o) { o.empty_answers = 3; }},
        {"a minimum transfer", [](O& o) { o.minimum_transfer = 4096; }},
        {"a minimum transfer that is no whole block", [](O& o) { o.minimum_transfer = 20'001; }},
        {"credit subpackets", [](O& o) { o.credit_subpackets = true; }},
        {"Properties first", [](O& o) { o.needs_properties = true; }},
        {"nobody without a password", [](O& o) { o.refuses_anybody = true; }},
        {"no receive when nothing waits", [](O& o) { o.refuses_idle_receive = true; }},
        {"one refused send", [](O& o) { o.refused_sends = 1; }},
        {"busy at first", [](O& o) { o.busy_for = seconds{7}; }},
        {"an answer after 300 ms", [](O& o) { o.answer_after = milliseconds{300}; }},
        {"an answer after 5 s", [](O& o) { o.answer_after = seconds{5}; }},
        {"an answer after 5 minutes", [](O& o) { o.answer_after = seconds{300}; }},
        {"silent while it works",
         [](O& o) {
             o.silent_while_working = true;
             o.answer_after = milliseconds{400};
         }},
        {"silent for long",
         [](O& o) {
             o.silent_while_working = true;
             o.answer_after = seconds{40};
         }},
        {"a data removal that takes its time",
         [](O& o) {
             o.removal_feature = true;
             o.removal_time = seconds{90};
         }},
        {"a Revert before its data removal",
         [](O& o) {
             o.removal_feature = true;
             o.removal_time = seconds{20};
             o.reverts_before_removal = true;
         }},
        {"a slow Activate", [](O& o) { o.activate_after = seconds{30}; }},
        {"an Activate slower than anybody waits", [](O& o) { o.activate_after = seconds{200}; }},
        {"RevertSP is no function", [](O& o) { o.revert_sp_is_no_function = true; }},
        {"Enterprise that becomes inactive", [](O& o) { o.enterprise_becomes_inactive = true; }},
        {"no Block SID", [](O& o) { o.block_sid_feature = false; }},
        {"ranges",
         [](O& o) {
             o.ranges = {{4, 8}, {32, 2}};
         }},
    };
    return kForms;
}

/// Every technique on every class that has it, with the credential of its authority.
std::vector<TcgCase> techniques() {
    const TcgDriveOptions defaults;
    std::vector<TcgCase> all;
    const auto add = [&](SscKind ssc, const char* technique, std::string secret,
                         std::optional<Authority> authority) -> TcgCase& {
        all.push_back({technique, {}, std::move(secret), authority});
        all.back().options.ssc = ssc;
        return all.back();
    };
    for (const auto ssc : {SscKind::opal2, SscKind::opalite, SscKind::ruby, SscKind::enterprise}) {
        add(ssc, "tcg-psid-revert", defaults.psid, Authority::psid);
        add(ssc, "tcg-genkey", defaults.locking_admin, std::nullopt);
    }
    auto& pyrite = add(SscKind::pyrite2, "tcg-psid-revert", defaults.psid, Authority::psid);
    pyrite.options.removal_feature = true;
    pyrite.options.removal_mechanisms = 0x02;
    pyrite.options.active_mechanism = 1;
    add(SscKind::opal2, "tcg-revert", "", std::nullopt);
    add(SscKind::opal2, "tcg-revert", kTcgSid, Authority::sid).options.sid = kTcgSid;
    add(SscKind::ruby, "tcg-activate-revert", "", std::nullopt).options.locking_active = false;
    auto& owned = add(SscKind::opal2, "tcg-activate-revert", kTcgSid, Authority::sid);
    owned.options.sid = kTcgSid;
    owned.options.locking_active = false;
    return all;
}

std::uint64_t authority_of(const TcgCase& one) {
    namespace names = fake::tcg_names;
    if (one.technique == "tcg-psid-revert") {
        return names::kPsid;
    }
    if (one.technique != "tcg-genkey") {
        return names::kSid;
    }
    return one.options.ssc == SscKind::enterprise ? names::kEraseMaster : names::kAdmin1;
}

void check_manners(const TcgProcesses& run, const TcgCase& one) {
    const auto& counts = run.bench.drive.counts();
    CHECK(run.tries_of_a_process <= 1);
    CHECK(counts.resets_at_work == 0);
    CHECK(counts.ends_at_work == 0);
    if (!one.options.silent_while_working) {
        CHECK(counts.sends_at_work == 0);
    }
    for (const auto& [authority, tries] : counts.tries) {
        CHECK(authority == authority_of(one));
        CHECK(tries <= run.processes);
    }
}

bool reverts(const TcgCase& one) {
    return one.technique != "tcg-genkey";
}

/// What only somebody without a password could have read is needed.
bool cannot_know(const TcgCase& one) {
    return one.options.refuses_anybody &&
           (one.options.ssc == SscKind::pyrite2 || (one.secret.empty() && reverts(one)));
}

/// One command is waited for as long as a process waits; then the rest is not sent.
bool takes_too_long(const TcgCase& one) {
    return (one.technique == "tcg-activate-revert" && one.options.activate_after > seconds{120}) ||
           (!reverts(one) && one.options.answer_after > seconds{60} &&
            (one.options.ssc == SscKind::enterprise || !one.options.ranges.empty()));
}

/// What became of it, by the drive's state and by what is on the medium.
void check_end(const TcgProcesses& run, const TcgCase& one) {
    const bool success = !run.job.refused && run.end.phase == Phase::succeeded;
    const bool erased = run.bench.originals_left() == 0;
    INFO(run.answer.detail << "; " << run.end.detail);
    if (success) {
        CHECK(erased);
        CHECK(run.was_sent(reverts(one) ? "Revert" : ""));
        CHECK(run.was_sent("StartSession"));
    }
    if (cannot_know(one)) {
        CHECK(run.job.refused);
        CHECK(run.bench.drive.counts().tries.empty());
        return;
    }
    if (takes_too_long(one)) {
        CHECK_FALSE(success);  // named, and started again by another job
        CHECK_FALSE(run.job.refused);
        return;
    }
    if (one.options.silent_while_working) {
        CHECK((success || !run.job.refused));
        return;
    }
    // An answer that only a dead process saw leaves no sign on an Enterprise drive that stays
    // active, where the drive was still at work when the next process came.
    const bool lasts =
        one.options.answer_after > seconds{2} || one.options.removal_time > milliseconds{0};
    const bool no_sign = lasts && run.processes > 1 && reverts(one) &&
                         one.options.ssc == SscKind::enterprise && run.job.started &&
                         run.end.phase == Phase::unknown;
    CHECK((success || no_sign));
    if (reverts(one) && one.options.ssc != SscKind::enterprise) {
        const auto& done = run.bench.drive.counts().carried_out;
        const auto reverted = done.find(0x0000000600000202);
        CHECK((reverted != done.end() && reverted->second == 1));
    }
}

}  // namespace

TEST_CASE("in whatever form an honest drive answers, it is erased, and handled with care") {
    for (const auto& form : forms()) {
        for (auto one : techniques()) {
            form.set(one.options);
            INFO(form.name << ", " << one.technique << ", class "
                           << static_cast<int>(one.options.ssc));
            TcgProcesses run(one);
            CHECK(run.run());
            check_manners(run, one);
            check_end(run, one);
            CHECK(run.bench.drive.counts().resets == 0);
        }
    }
}

TEST_CASE("killed at any command, it goes on without disturbing what runs") {
    constexpr unsigned kSeveral = 40;
    constexpr unsigned kCommandsMax = 4'000;
    std::uint64_t row = 0;
    unsigned killed = 0;
    for (const auto& form : forms()) {
        for (auto one : techniques()) {
            form.set(one.options);
            for (unsigned command = 1; command < kCommandsMax; ++command) {
                bool ended = false;
                for (const bool before : {true, false}) {
                    if (!has_its_turn(++row, kSeveral) && command > 1) {
                        continue;
                    }
                    TcgProcesses run(one);
                    run.wire.kill_at(command, before);
                    ended = run.run();
                    if (ended) {
                        break;
                    }
                    ++killed;
                    INFO(form.name << ", " << one.technique << ", class "
                                   << static_cast<int>(one.options.ssc) << ", killed "
                                   << (before ? "before" : "after") << " command " << command);
                    run.bench.clock.advance(milliseconds{command % 3 * 700});
                    run.wire.kill_at(0, false);
                    CHECK(run.run());
                    check_manners(run, one);
                    check_end(run, one);
                }
                // Waiting is the same command over and over: some of it is enough.
                if (ended || command > 150) {
                    break;
                }
            }
        }
    }
    CHECK(killed > 200);
}

TEST_CASE("killed twice, it still shows one credential a process and disturbs nothing") {
    constexpr unsigned kSeveral = 60;
    constexpr std::array kFirst{4U, 9U, 14U, 17U, 21U, 26U, 33U};
    constexpr std::array kSecond{3U, 5U, 8U, 11U, 15U, 20U, 24U, 29U};
    std::uint64_t row = 0;
    for (const auto& form : forms()) {
        for (auto one : techniques()) {
            form.set(one.options);
            for (const unsigned first : kFirst) {
                for (const unsigned second : kSecond) {
                    if (!has_its_turn(++row, kSeveral)) {
                        continue;
                    }
                    INFO(form.name << ", " << one.technique << ", class "
                                   << static_cast<int>(one.options.ssc) << ", killed after "
                                   << first << ", then " << second);
                    TcgProcesses run(one);
                    run.wire.kill_at(first, false);
                    (void)run.run();
                    run.wire.kill_at(run.wire.commands() + second, row % 2 == 0);
                    (void)run.run();
                    run.wire.kill_at(0, false);
                    CHECK(run.run());
                    check_manners(run, one);
                    const bool success = !run.job.refused && run.end.phase == Phase::succeeded;
                    CHECK((!success || run.bench.originals_left() == 0));
                    const auto& done = run.bench.drive.counts().carried_out;
                    const auto reverted = done.find(0x0000000600000202);
                    CHECK((one.options.ssc == SscKind::enterprise || reverted == done.end() ||
                           reverted->second == 1));
                }
            }
        }
    }
}

TEST_CASE("a wrong credential costs one try a process, whenever it dies, and nothing is erased") {
    constexpr unsigned kCommandsMax = 60;
    for (auto one : techniques()) {
        if (one.secret.empty()) {
            continue;
        }
        one.secret = "WRONG0123456789WRONG0123456789XX";
        for (unsigned command = 1; command < kCommandsMax; ++command) {
            for (const bool before : {true, false}) {
                INFO(one.technique << ", class " << static_cast<int>(one.options.ssc) << ", "
                                   << command);
                TcgProcesses run(one);
                run.wire.kill_at(command, before);
                (void)run.run();
                run.wire.kill_at(0, false);
                CHECK(run.run());
                check_manners(run, one);
                CHECK(run.job.refused);
                CHECK(run.answer.why == ReasonCode::drive_credential);
                CHECK(run.bench.originals_left() == kTcgBlocks);
            }
        }
    }
}

TEST_CASE("a try whose answer is still there is not made again") {
    for (auto one : techniques()) {
        if (one.secret.empty()) {
            continue;
        }
        for (const bool right : {true, false}) {
            one.secret = right ? one.secret : "WRONG0123456789WRONG0123456789XX";
            INFO(one.technique << ", right " << right);
            // The command that carries it is the first after which the drive has counted a try.
            unsigned command = 1;
            for (;; ++command) {
                TcgProcesses run(one);
                run.wire.kill_at(command, false);
                REQUIRE_FALSE(run.run());
                if (!run.bench.drive.counts().tries.empty()) {
                    break;
                }
            }
            TcgProcesses run(one);
            run.wire.kill_at(command, false);
            CHECK_FALSE(run.run());
            run.wire.kill_at(0, false);
            CHECK(run.run());
            CHECK(run.bench.drive.counts().tries.at(authority_of(one)) == (right ? 2 : 1));
            CHECK(run.job.refused == !right);
        }
    }
}

TEST_CASE("tries whose answers nobody sees end the job") {
    const TcgDriveOptions defaults;
    TcgProcesses run({"tcg-psid-revert", {}, defaults.psid, Authority::psid});
    run.job.notes =
        Json::parse(R"({"tcg":{"try":{"hostSession":7,"answer":"none"},"unansweredTries":1}})");
    CHECK(run.run());
    CHECK(run.job.refused);
    CHECK(run.answer.why == ReasonCode::drive_credential);
    CHECK(run.bench.drive.counts().tries.empty());
}
