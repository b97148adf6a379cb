// SPDX-License-Identifier: Apache-2.0
// A drive that refuses the command itself.
#include "catch.hpp"
#include "job.hpp"

using namespace efface;
using namespace efface::method;

TEST_CASE("a refusal is kept, not sent for again, and says whether anything was begun") {
    Job job(lie(&DriveLies::refuses));
    unsigned sent = 0;
    job.drive.on_command = [&](const std::string& what) { sent += what == "start" ? 1U : 0U; };
    bool killed = false;
    job.on_save = [&] {
        if (!killed && job.saved.at("refusal").is_object()) {
            killed = true;
            throw Killed{};
        }
    };
    const auto outcome = job.run_killed();
    CHECK(outcome.verdict == Verdict::not_sanitized);
    REQUIRE(killed);
    CHECK(sent == 1);
    CHECK(outcome.record.at("refusal").at("begun") == "");
    CHECK_FALSE(outcome.record.at("refusal").at("detail").get<std::string>().empty());

    // An earlier process sent it and died: that it is refused now does not say it was before.
    Job unanswered;
    unanswered.drive.on_command = [&](const std::string& what) {
        if (what == "start" && !unanswered.drive.lies.refuses) {
            unanswered.drive.lies.refuses = true;
            throw Killed{};
        }
    };
    const auto later = unanswered.run_killed();
    CHECK(later.verdict == Verdict::not_sanitized);
    CHECK_FALSE(later.record.at("refusal").at("begun").get<std::string>().empty());
}
