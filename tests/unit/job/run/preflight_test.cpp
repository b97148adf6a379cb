// SPDX-License-Identifier: Apache-2.0
// What is wrong with the station × what runs: found before the first byte, by the plan, too.
#include "run/preflight.hpp"

#include <sys/stat.h>

#include "efface/base/file.hpp"
#include "efface/evidence/keys.hpp"

#include "catch.hpp"
#include "fixture/run_fixture.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;

namespace {

struct Wrong {
    const char* what;
    std::function<void(const StateDirectory& state, fake::FixedClock& clock)> make;
    int status;
    ReasonCode code;
};

void damage(const std::filesystem::path& path) {
    auto text = read_text_file(path, 1U << 20U).value_or("");
    REQUIRE_FALSE(text.empty());
    text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
    write_file_durably(path, text);
}

const std::vector<Wrong>& wrongs() {
    static const std::vector<Wrong> all = {
        {"no keys",
         [](const StateDirectory& state, fake::FixedClock&) {
             std::filesystem::remove_all(state.keys());
         },
         2, ReasonCode::no_keys},
        {"no log",
         [](const StateDirectory& state, fake::FixedClock&) {
             std::filesystem::remove_all(state.log());
         },
         2, ReasonCode::bad_usage},
        {"a checkpoint that the key did not sign",
         [](const StateDirectory& state, fake::FixedClock&) { damage(state.log() / "checkpoint"); },
         1, ReasonCode::log_damaged},
        {"no checkpoint",
         [](const StateDirectory& state, fake::FixedClock&) {
             std::filesystem::remove(state.log() / "checkpoint");
         },
         1, ReasonCode::log_damaged},
        {"a clock of 1990",
         [](const StateDirectory&, fake::FixedClock& clock) {
             clock.set(*from_rfc3339("1990-01-01T00:00:00Z"));
         },
         6, ReasonCode::station_certificate},
        {"a clock of 2100",
         [](const StateDirectory&, fake::FixedClock& clock) {
             clock.set(*from_rfc3339("2100-01-01T00:00:00Z"));
         },
         6, ReasonCode::station_certificate},
    };
    return all;
}

std::vector<ReasonCode> codes_of(const std::vector<Objection>& objections) {
    std::vector<ReasonCode> codes;
    for (const auto& objection : objections) {
        codes.push_back(objection.reason.code);
    }
    return codes;
}

}  // namespace

TEST_CASE("preflight: a station that could not certify erases nothing, and the plan says so",
          "[job][preflight]") {
    for (const auto& wrong : wrongs()) {
        CAPTURE(wrong.what);
        {
            TargetFixture fixture;
            wrong.make(fixture.state, fixture.clock);
            CHECK_THROWS_AS(fixture.run(), Error);
            CHECK(fixture.ended.exit_code() == wrong.status);
            CHECK(fixture.ended.error->reason() == wrong.code);
            CHECK_FALSE(fixture.ended.changed);
            CHECK_FALSE(fixture.ended.error->hint().empty());
            CHECK(fixture.authorizations == 0);
            CHECK((fixture.disk().media() == fixture.before));
            CHECK_THAT(codes_of(fixture.plan().objections), Catch::VectorContains(wrong.code));
        }
        RunFixture fixture;
        wrong.make(fixture.state, fixture.clock);
        CHECK_THROWS_AS(fixture.run(), Error);
        CHECK(fixture.ended.exit_code() == wrong.status);
        CHECK_FALSE(fixture.ended.changed);
        CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
        CHECK_THAT(codes_of(fixture.plan().objections()), Catch::VectorContains(wrong.code));
    }
}

TEST_CASE("preflight: a clock behind the log is refused", "[job][preflight]") {
    TargetFixture fixture;
    fixture.clock.advance(std::chrono::hours(48));
    REQUIRE(fixture.run().exit_code() == 0);
    fixture.clock.set(fixture.clock.now() - std::chrono::hours(2));
    CHECK_THROWS_AS(fixture.run(), Error);
    CHECK(fixture.ended.error->reason() == ReasonCode::clock_wrong);
    CHECK(fixture.ended.exit_code() == 6);
}

TEST_CASE("preflight: what the machine cannot give is named", "[job][preflight]") {
    TargetFixture fixture;
    Events sink({}, fixture.clock);
    const RunContext context{fixture.state, fixture.host, fixture.clock, fixture.random, sink};
    constexpr std::uint64_t kMuch = std::uint64_t{1} << 60U;
    CHECK(codes_of(look_before(context, {}).objections).empty());
    CHECK(codes_of(look_before(context, {.descriptors = kMuch}).objections) ==
          std::vector{ReasonCode::too_few_descriptors});
    CHECK(codes_of(look_before(context, {.memory_bytes = kMuch}).objections) ==
          std::vector{ReasonCode::no_memory});
    CHECK(codes_of(look_before(context, {.state_bytes = kMuch}).objections) ==
          std::vector{ReasonCode::no_space});
}

TEST_CASE("ending: evidence that cannot be delivered is 5 beside a success, 3 beside a failure",
          "[job][preflight]") {
    for (const bool failing : {false, true}) {
        for (const auto* event : {"started", "verified"}) {
            CAPTURE(failing, event);
            TargetFixture fixture;
            if (failing) {
                fixture.disk().set_hook([](const fake::Operation& operation) {
                    return operation.kind == fake::Operation::Kind::flush
                               ? fake::Fault{.kind = fake::Fault::Kind::fail, .error = EIO}
                               : fake::Fault{};
                });
            }
            const auto log = fixture.state.log();
            const auto away = fixture.scratch.path() / "away";
            fixture.on_event = [&](const Json& seen) {
                if (seen.at("event") == event) {
                    std::filesystem::rename(log, away);
                }
            };
            CHECK_THROWS_AS(fixture.run(), Error);
            CHECK(fixture.ended.exit_code() == (failing ? 3 : 5));
            CHECK(fixture.ended.verdict ==
                  (failing ? method::Verdict::not_sanitized : method::Verdict::sanitized));
            CHECK(fixture.ended.changed);
            CHECK(fixture.ended.bundle.empty());
            std::filesystem::rename(away, log);
            fixture.on_event = {};
            const auto job = fixture.open_job();
            REQUIRE_FALSE(job.empty());
            const auto mended = fixture.resume(job);  // nothing is erased twice
            CHECK(mended.exit_code() == (failing ? 3 : 0));
            CHECK(fixture.verified_bundles() == 1);
        }
    }
}

TEST_CASE("ending: a verdict that the journal cannot take is a verdict", "[job][preflight]") {
    for (const bool failing : {false, true}) {
        CAPTURE(failing);
        TargetFixture fixture;
        if (failing) {
            fixture.disk().set_hook([](const fake::Operation& operation) {
                return operation.kind == fake::Operation::Kind::flush
                           ? fake::Fault{.kind = fake::Fault::Kind::fail, .error = EIO}
                           : fake::Fault{};
            });
        }
        fixture.on_event = [&](const Json& seen) {
            if (seen.at("event") == "verified") {  // a folder: no file takes its name
                const auto journal =
                    fixture.state.jobs() / seen.at("job_id").get<std::string>() / "run.json";
                std::filesystem::remove(journal);
                std::filesystem::create_directories(journal / "in-the-way");
            }
        };
        CHECK_THROWS_AS(fixture.run(), Error);
        CHECK(fixture.ended.exit_code() == (failing ? 3 : 5));
        CHECK(fixture.ended.verdict ==
              (failing ? method::Verdict::not_sanitized : method::Verdict::sanitized));
    }
}

TEST_CASE("ending: a clock that is set back in a run makes no record that runs backwards",
          "[job][preflight]") {
    TargetFixture fixture;
    fixture.on_event = [&](const Json& seen) {
        if (seen.at("event") == "started") {
            fixture.clock.advance(std::chrono::hours(1));
        } else if (seen.at("event") == "progress" || seen.at("event") == "verified") {
            fixture.clock.set(fixture.clock.now() - std::chrono::hours(3));
        }
    };
    fixture.clock.advance(std::chrono::hours(48));
    CHECK(fixture.run().exit_code() == 0);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("ending: a project whose place cannot be read is not said to be not-sanitized",
          "[job][preflight]") {
    RunFixture fixture;
    fixture.host.at("/dev/a").disk->set_hook([](const fake::Operation&) {
        return fake::Fault{.kind = fake::Fault::Kind::fail, .error = EIO};
    });
    CHECK_THROWS_AS(fixture.run(), Error);
    CHECK(fixture.ended.exit_code() == 1);
    CHECK_FALSE(fixture.ended.verdict);
    CHECK_FALSE(fixture.ended.changed);
}
