// SPDX-License-Identifier: Apache-2.0
// The program is held to the rules of verifiers: what it would sign and could not prove is lowered,
// signed all the same, and verifies.
#include "efface/base/file.hpp"

#include "catch.hpp"
#include "fixture/killed.hpp"
#include "fixture/target_fixture.hpp"
#include "journal/journal.hpp"

using namespace efface;
using namespace efface::job;

namespace {

constexpr std::size_t kJournalBytes = std::size_t{4} << 20U;

/// Runs until the target is erased, changes what its job has kept of that, and goes on.
RunResult run_with(TargetFixture& fixture, const std::function<void(Json& outcome)>& change) {
    fixture.on_event = [](const Json& event) {
        if (event.at("event") == "verified") {
            throw Killed();
        }
    };
    CHECK_THROWS_AS(fixture.run(), Killed);
    fixture.on_event = nullptr;
    const std::string job = fixture.open_job();
    const auto path = fixture.state.jobs() / job / "target.json";
    Json document = parse_json(read_text_file(path, kJournalBytes).value(), "target.json",
                               {.bytes_max = kJournalBytes});
    REQUIRE(document.at("done") == true);
    change(document["outcome"]);
    write_file_durably(path, sealed(document, job).dump(), 0600);
    return fixture.resume(job);
}

bool is_lowered(const std::vector<Reason>& reasons) {
    return std::any_of(reasons.begin(), reasons.end(), [](const Reason& reason) {
        return reason.code == ReasonCode::claim_lowered;
    });
}

}  // namespace

TEST_CASE("judged before signed: what bears its verdict is signed as it is", "[job][judge]") {
    TargetFixture fixture;
    const auto result = run_with(fixture, [](Json& /*outcome*/) {});
    CHECK(result.verdict == method::Verdict::sanitized);
    CHECK_FALSE(is_lowered(result.reasons));
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("judged before signed: a level that was not reached is lowered", "[job][judge]") {
    TargetFixture fixture;
    const auto result = run_with(fixture, [](Json& outcome) { outcome["level"] = "purge"; });
    CHECK(result.verdict == method::Verdict::sanitized);
    CHECK(result.level == method::Level::clear);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("judged before signed: what was not read back is no success", "[job][judge]") {
    TargetFixture fixture;
    std::vector<std::string> events;
    const auto result = run_with(fixture, [&](Json& outcome) {
        outcome["record"]["verification"]["bytesCompared"] = 0U;
        fixture.on_event = [&](const Json& event) { events.push_back(event.at("event")); };
    });
    CHECK(result.verdict == method::Verdict::indeterminate);
    CHECK(result.level == method::Level::none);
    CHECK(is_lowered(result.reasons));
    CHECK(std::count(events.begin(), events.end(), "lowered") == 1);
    CHECK(fixture.verified_bundles() == 1);
}
