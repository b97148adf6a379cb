// SPDX-License-Identifier: Apache-2.0
// Edited journals of jobs that were interrupted in each phase: targets that are overwritten, of
// each kind, and projects. Drives that erase themselves: ../drive/edit_test.cpp; memory:
// tests/system/run/journal_test.py.
#include "fixture/journal_edits.hpp"
#include "fixture/killed.hpp"
#include "fixture/run_fixture.hpp"
#include "fixture/target_fixture.hpp"
#include "sample.hpp"

using namespace efface;
using namespace efface::job;

namespace {

using edits::Counts;
using edits::edit_all;
using edits::Seen;
using edits::seen_of;

/// Interrupts by the n-th event of this name (by a throw, as a kill would).
template <typename Fixture>
void kill_at(Fixture& fixture, const std::string& event, std::size_t nth) {
    std::size_t count = 0;
    fixture.on_event = [&, nth](const Json& seen) {
        if (seen.at("event") == event && ++count == nth) {
            throw Killed();
        }
    };
    try {
        (void)fixture.run();
    } catch (const Killed&) {
    } catch (const Error&) {
    }
    fixture.on_event = nullptr;
}

}  // namespace

namespace efface::job {

static edits::Seen go_on(TargetFixture& fixture, const std::string& job) {
    const auto before = fixture.disk().media();
    (void)list_jobs(fixture.state);
    try {
        (void)fixture.resume(job);
    } catch (const Error&) {
    }
    return edits::seen_of(fixture.ended, fixture.disk().media() == before,
                          fixture.old_content_remains(), look_at_bundles(fixture.state));
}

static edits::Seen go_on(RunFixture& fixture, const std::string& /*job*/) {
    const auto media = [&] {
        return std::pair(fixture.host.at("/dev/a").disk->media(),
                         fixture.host.at("/dev/b").disk->media());
    };
    const auto before = media();
    (void)list_jobs(fixture.state);
    try {
        (void)fixture.run();
    } catch (const Error&) {
    }
    return edits::seen_of(fixture.ended, media() == before,
                          fixture.old_metadata_remains("/dev/a", fixture.before_a) ||
                              fixture.old_metadata_remains("/dev/b", fixture.before_b),
                          look_at_bundles(fixture.state));
}

}  // namespace efface::job

namespace {

void become(TargetFixture& fixture, inventory::Kind kind) {
    auto& identity = fixture.host.at("/dev/a").identity;
    identity.kind = kind;
    if (kind == inventory::Kind::disk) {
        return;
    }
    identity.serial.clear();
    identity.wwid.clear();
    if (kind == inventory::Kind::file) {
        identity.transport = "file";
        identity.inode = 7;
        identity.birth_time = "1763111222.000000001";
    } else {
        identity.transport = "loop";
        identity.backing_file = "/srv/image";
        identity.backing = {259, 2, 9, "1763111222.000000001", 0};
    }
}

/// Where a run is interrupted: event, and which of that name.
constexpr std::array kTargetStops = {std::pair{"accepted", 1U}, std::pair{"started", 1U},
                                     std::pair{"progress", 2U}, std::pair{"verified", 1U},
                                     std::pair{"result", 1U},   std::pair{"evidence", 1U}};

}  // namespace

TEST_CASE("journal: a job whose journal was edited is refused as damaged, or ends as it should",
          "[job][edited]") {
    std::size_t turn = test::day();
    unsigned refused = 0;
    for (const auto kind : {inventory::Kind::disk, inventory::Kind::loop, inventory::Kind::file}) {
        for (const auto& [event, nth] : kTargetStops) {
            CAPTURE(inventory::to_string(kind), event);
            TargetFixture fixture;
            become(fixture, kind);
            kill_at(fixture, event, nth);
            const auto counts = edit_all(fixture, turn++);
            CHECK((counts.cases > 0 || list_jobs(fixture.state).empty()));
            refused += counts.refused;
        }
    }
    CHECK(refused > 0);
}

TEST_CASE("journal: a project whose journal was edited is refused as damaged, or ends as it should",
          "[job][edited]") {
    std::size_t turn = test::day();
    for (const auto* event : {"started", "verified", "result", "evidence"}) {
        CAPTURE(event);
        RunFixture fixture;
        kill_at(fixture, event, 1);
        const auto counts = edit_all(fixture, turn++);
        CHECK(counts.cases > 0);
    }
}
