// SPDX-License-Identifier: Apache-2.0
// The folder of a job put back from a copy: of every phase and ending × what the job did after the
// copy was made × what is asked for. What the log knows is never done again, and the plan says the
// same as the run.
#include <array>

#include "efface/base/file.hpp"

#include "catch.hpp"
#include "fixture/killed.hpp"
#include "fixture/run_fixture.hpp"
#include "fixture/target_fixture.hpp"
#include "sample.hpp"

using namespace efface;
using namespace efface::job;

namespace {

namespace fs = std::filesystem;

/// When the copy is made: at an event of the first run, or at its end.
struct Copied {
    const char* event;  ///< nullptr: at the end
    bool fails;         ///< the first run ends without success, where it comes to its end
};
constexpr std::array kCopied = {
    Copied{"started", false}, Copied{"verified", false}, Copied{"result", false},
    Copied{"started", true},  Copied{"verified", true},  Copied{"result", true},
    Copied{nullptr, true},
};

/// What the first run and those after it had done when the folder was put back.
enum class After {
    nothing,  ///< killed when the copy was made
    refused,  ///< the next one, or cut short again by the guard
    failed,
    success,
};
constexpr std::array kAfter = {After::nothing, After::refused, After::failed, After::success};

enum class Asked { erase, resume };

mandate::Order copied_order() {
    return mandate::parse_order(
        R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",
            "targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
}

struct CopiedTarget : TargetFixture {
    static constexpr bool kCanBeResumed = true;
    CopiedTarget() { order = copied_order(); }
    void fail(bool fails) {
        disk().set_hook([fails](const fake::Operation& operation) {
            return fails && operation.kind == fake::Operation::Kind::flush
                       ? fake::Fault{.kind = fake::Fault::Kind::fail, .error = EIO}
                       : fake::Fault{};
        });
    }
    void bring_back() { disk().media() = before; }
    bool is_untouched() { return disk().media() == before; }
    void go_on(Asked asked, const std::string& job) {
        if (asked == Asked::resume) {
            (void)resume(job);
        } else {
            (void)run();
        }
    }
    std::vector<Objection> objections() { return plan().objections; }
    std::size_t intents() const { return log_entries("run-intent"); }
};

struct CopiedProject : RunFixture {
    static constexpr bool kCanBeResumed = false;
    void fail(bool fails) {
        library_answer = library_answer ? library_answer : host.library.load_after_destroy;
        host.library.load_after_destroy = fails ? std::nullopt : library_answer;
    }
    void bring_back() {
        host.at("/dev/a").disk->media() = before_a;
        host.at("/dev/b").disk->media() = before_b;
    }
    bool is_untouched() {
        return host.at("/dev/a").disk->media() == before_a &&
               host.at("/dev/b").disk->media() == before_b;
    }
    void go_on(Asked /*asked*/, const std::string& /*job*/) { (void)run(); }
    std::vector<Objection> objections() { return plan().objections(); }
    std::size_t intents() const {
        std::size_t count = 0;
        const auto log = log_text();
        for (auto at = log.find("\"run-intent\""); at != std::string::npos;
             at = log.find("\"run-intent\"", at + 1)) {
            ++count;
        }
        return count;
    }
    decltype(fake::ScriptedLuksLibrary::load_after_destroy) library_answer;
};

/// Runs to its end, or to where it is killed or refused.
template <typename Fixture>
void copied_attempt(Fixture& fixture) {
    try {
        (void)fixture.run();
    } catch (const Killed&) {
    } catch (const Error&) {
    }
}

template <typename Fixture>
void set_in_use(Fixture& fixture, bool used) {
    fixture.host.before_uses = nullptr;
    fixture.host.at("/dev/a").uses.clear();
    if (used) {
        const auto announced = fixture.intents();
        fixture.host.before_uses = [&fixture, announced] {
            if (fixture.intents() > announced) {
                fixture.host.at("/dev/a").uses = {{ReasonCode::opened, "process 17"}};
            }
        };
    }
}

/// Makes the copy, and what came after it. Whether the copy is older than the log.
template <typename Fixture>
bool make_story(Fixture& fixture, const Copied& copied, After after, const fs::path& copy) {
    std::size_t known = 0;
    const auto keep = [&] {
        fs::copy(fixture.state.jobs(), copy, fs::copy_options::recursive);
        known = fixture.scratch_log_size();
    };
    fixture.on_event = [&](const Json& event) {
        if (copied.event != nullptr && event.at("event") == copied.event && !fs::exists(copy)) {
            keep();
            if (after != After::success || copied.fails) {
                throw Killed();
            }
        }
    };
    fixture.fail(copied.fails);
    copied_attempt(fixture);
    fixture.on_event = nullptr;
    if (copied.event == nullptr) {
        keep();
    }
    if (after == After::refused) {
        set_in_use(fixture, true);
        copied_attempt(fixture);
        set_in_use(fixture, false);
    }
    for (int i = 0; (after == After::failed || after == After::success) && i < 2; ++i) {
        // The first may only deliver what was known when it was killed.
        fixture.fail(after == After::failed);
        copied_attempt(fixture);
    }
    fixture.fail(false);
    return fixture.scratch_log_size() > known;
}

/// What a refusal is called; nullopt: none.
template <typename Call>
std::optional<ReasonCode> refusal_of(Call&& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.reason();
    }
    return std::nullopt;
}

template <typename Base>
struct Counting : Base {
    [[nodiscard]] std::size_t scratch_log_size() const {
        return read_text_file(this->state.log() / "entries.jsonl", 1U << 20U).value().size();
    }
    [[nodiscard]] bool log_has_success() const {
        const auto text = read_text_file(this->state.log() / "entries.jsonl", 1U << 20U).value();
        return text.find("\"status\":\"sanitized") != std::string::npos;
    }
};

}  // namespace

TEMPLATE_TEST_CASE("copied journal: what the log knows is not done again, and plan and run agree",
                   "[job][again]", Counting<CopiedTarget>, Counting<CopiedProject>) {
    constexpr unsigned kTurns = 3;  // one story in so many a day
    std::uint64_t row = 0;
    unsigned refused = 0;
    for (const auto& copied : kCopied) {
        for (const auto after : kAfter) {
            for (const auto asked : {Asked::erase, Asked::resume}) {
                if (asked == Asked::resume && !TestType::kCanBeResumed) {
                    continue;
                }
                if (!test::has_its_turn(row++, kTurns)) {
                    continue;
                }
                CAPTURE(copied.event == nullptr ? "end" : copied.event, copied.fails,
                        static_cast<int>(after), static_cast<int>(asked));
                TestType fixture;
                const auto copy = fixture.scratch.path() / "copy";
                const bool older = make_story(fixture, copied, after, copy);
                REQUIRE(fs::exists(copy));
                fs::remove_all(fixture.state.jobs());
                fs::rename(copy, fixture.state.jobs());
                const auto job =
                    fs::directory_iterator(fixture.state.jobs())->path().filename().string();
                const bool success = fixture.log_has_success();
                if (success) {
                    fixture.bring_back();
                }
                std::vector<Objection> objections;
                auto planned = refusal_of([&] { objections = fixture.objections(); });
                if (!planned && !objections.empty()) {
                    planned = objections.front().reason.code;
                }
                const auto entries = fixture.scratch_log_size();
                const auto ran = refusal_of([&] { fixture.go_on(asked, job); });
                if (success) {
                    CHECK(fixture.is_untouched());
                    CHECK(fixture.scratch_log_size() == entries);
                    if (asked == Asked::erase) {  // else its certificate may be asked for
                        CHECK(ran.has_value());
                    }
                }
                if (older && ran == ReasonCode::journal_damaged) {
                    ++refused;
                    CHECK(fixture.scratch_log_size() == entries);
                    CHECK_FALSE(fixture.ended.verdict);
                }
                if (!older && !success) {
                    CHECK(ran == std::nullopt);
                }
                if (asked == Asked::erase) {
                    CHECK(planned == ran);
                }
            }
        }
    }
    CHECK(refused >= kCopied.size() / kTurns);
}

TEST_CASE("copied journal: what another job has erased since is not erased by a job that failed",
          "[job][again]") {
    for (const bool fails : {false, true}) {
        CAPTURE(fails);
        TargetFixture fixture;
        const auto flush_fails = [&](bool failing) {
            fixture.disk().set_hook([failing](const fake::Operation& operation) {
                return failing && operation.kind == fake::Operation::Kind::flush
                           ? fake::Fault{.kind = fake::Fault::Kind::fail, .error = EIO}
                           : fake::Fault{};
            });
        };
        flush_fails(true);
        const auto first = fixture.run();
        REQUIRE(first.exit_code() == 3);
        flush_fails(fails);
        const auto second = fixture.run();
        REQUIRE(second.job_id != first.job_id);
        REQUIRE(second.exit_code() == (fails ? 3 : 0));
        flush_fails(false);
        fixture.disk().media() = fixture.before;
        if (fails) {  // nobody has erased it
            CHECK(fixture.resume(first.job_id).exit_code() == 0);
            continue;
        }
        CHECK_THROWS_AS(fixture.resume(first.job_id), Error);
        CHECK(fixture.ended.error->reason() == ReasonCode::job_ended);
        CHECK(fixture.ended.exit_code() == 2);
        CHECK((fixture.disk().media() == fixture.before));
    }
}
