// SPDX-License-Identifier: Apache-2.0
// What a session keeps of its station is what is there.
#include "efface/job/session_cache.hpp"

#include "catch.hpp"
#include "fixture/station_state.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;

TEST_CASE("cache: what is known of the log is what its journals say now", "[job][session]") {
    TargetFixture fixture;
    const auto key = fixture.keys().log_verifier_key();
    KnownLogs cached;
    std::uint64_t before = 0;
    for (int i = 0; i < 3; ++i) {
        CHECK(fixture.run().exit_code() == 0);
        const auto known = cached.look(fixture.state, key);
        CHECK(known.size == known_log(fixture.state, key).size);
        CHECK(known.size > before);
        before = known.size;
    }
    for (const auto& job : std::filesystem::directory_iterator(fixture.state.jobs())) {
        std::filesystem::resize_file(job.path() / "run.json", 10);
        CHECK(cached.look(fixture.state, key).size == known_log(fixture.state, key).size);
    }
    std::filesystem::remove_all(fixture.state.certificates());
    CHECK(cached.look(fixture.state, key).size == 0);
    CHECK(cached.look(fixture.state, "another+00000000+AAAA").size == 0);
}

TEST_CASE("cache: keys are opened again when any of their files is another", "[job][session]") {
    for (const char* name : {"issuer.json", "root.key", "root.pem", "station.key", "station.pem",
                             "log.key", "log.vkey"}) {
        CAPTURE(name);
        TargetFixture fixture;
        OpenKeys keys;
        (void)keys.open(fixture.state.keys());
        CHECK(keys.is_good(fixture.clock.now(), [] { return true; }));
        CHECK(keys.is_good(fixture.clock.now(), [] { return false; }));
        (void)keys.open(fixture.state.keys());
        CHECK(keys.is_good(fixture.clock.now(), [] { return false; }));  // it is not asked
        const auto file = fixture.state.keys() / name;
        std::filesystem::copy_file(file, file.string() + ".new");
        std::filesystem::permissions(file.string() + ".new", std::filesystem::perms::owner_read);
        std::filesystem::rename(file.string() + ".new", file);
        (void)keys.open(fixture.state.keys());
        CHECK_FALSE(keys.is_good(fixture.clock.now(), [] { return false; }));
        if (std::string(name).ends_with("station.key")) {
            std::filesystem::remove(file);
            CHECK_THROWS_AS(keys.open(fixture.state.keys()), Error);
        }
    }
}

TEST_CASE("cache: keys that were good at two times are good between them, and for a while after",
          "[job][session]") {
    OpenKeys keys;
    const WallTime noon{std::chrono::hours(12)};
    const auto good = [&](std::chrono::hours after, bool trial) {
        return keys.is_good(noon + after, [trial] { return trial; });
    };
    using std::chrono::hours;
    CHECK_FALSE(good(hours(0), false));
    CHECK(good(hours(0), true));
    CHECK(good(hours(5), true));
    CHECK(good(hours(3), false));        // not asked
    CHECK_FALSE(good(hours(6), false));  // asked, and bad
    CHECK_FALSE(good(hours(3), false));
}
