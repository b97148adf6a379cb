// SPDX-License-Identifier: Apache-2.0
// The clock is set back between two processes of one job: no record in which time runs backwards,
// and no order in force because of it.
#include <array>

#include "efface/base/file.hpp"
#include "efface/mandate/order.hpp"

#include "catch.hpp"
#include "fixture/killed.hpp"
#include "fixture/run_fixture.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;

namespace {

using std::chrono::hours;

const WallTime kBegin = from_rfc3339("2026-03-01T00:00:00Z").value();
/// Between the announcement and where the first process ends.
constexpr hours kWorked{10};

/// Where the second process has its clock.
struct Back {
    const char* what;
    std::chrono::seconds from_announcement;
    bool behind_log;  ///< more than preflight lets pass
};
constexpr std::array kBacks = {
    Back{"as it was", kWorked, false},
    Back{"an hour back", kWorked - hours(1), false},
    Back{"to the announcement", hours(0), false},
    Back{"a little before the announcement", -std::chrono::minutes(5), false},
    Back{"an hour before the announcement", -hours(1), true},
    Back{"a year back", -hours(24 * 365), true},
};

constexpr std::array kEnds = {"started", "verified"};

struct OldTarget : TargetFixture {
    void order_until(const std::string& dates) {
        order =
            mandate::parse_order(R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",)" +
                                 dates + R"("targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
    }
    std::vector<Bytes> contents() { return {disk().media()}; }
    std::vector<std::string> paths() const { return {"/dev/a"}; }
};

struct OldProject : RunFixture {
    void order_until(const std::string& dates) {
        manifest_text.insert(manifest_text.find("\"project\""), dates);
    }
    std::vector<Bytes> contents() {
        return {host.at("/dev/a").disk->media(), host.at("/dev/b").disk->media()};
    }
    std::vector<std::string> paths() const { return {"/dev/a", "/dev/b"}; }
};

/// Every date of the log and of the evidence in the order in which they were written.
void check_forward(const std::string& lines) {
    std::string before;
    for (std::size_t at = 0; at < lines.size();) {
        const auto end = lines.find('\n', at);
        const auto entry = parse_json(lines.substr(at, end - at), "line");
        const auto now = entry.value("at", "");
        CHECK(before <= now);
        before = now;
        at = end + 1;
    }
    CHECK_FALSE(before.empty());
}

/// Dates below "startedAt" and "completedAt": each part ends after it began, and not after the run.
void check_dates(const Json& value, const std::string& begin, const std::string& end) {
    if (value.is_object()) {
        for (const auto& [key, below] : value.items()) {
            if ((key == "startedAt" || key == "completedAt") && below.is_string()) {
                CHECK(begin <= below.get<std::string>());
                CHECK(below.get<std::string>() <= end);
            }
            check_dates(below, begin, end);
        }
        if (value.contains("startedAt") && value.contains("completedAt")) {
            CHECK(value.at("startedAt") <= value.at("completedAt"));
        }
    } else if (value.is_array()) {
        for (const auto& below : value) {
            check_dates(below, begin, end);
        }
    }
}

template <typename Fixture>
void check_record(Fixture& fixture) {
    constexpr std::size_t kBytesMax = std::size_t{16} << 20U;
    const auto text = read_text_file(fixture.ended.bundle / "certificate.json", kBytesMax).value();
    const auto predicate = parse_json(text, "certificate").at("predicate");
    const auto intent = predicate.at("sanitization").at("startedAt").template get<std::string>();
    check_dates(predicate.at("sanitization"), intent, predicate.at("issuedAt"));
    check_forward(
        read_text_file(fixture.ended.bundle / "evidence/observations.jsonl", kBytesMax).value());
    check_forward(read_text_file(fixture.state.log() / "entries.jsonl", kBytesMax).value());
}

/// Announced at kBegin, at work ten hours later, and killed at the first write or at this event.
template <typename Fixture>
void work_and_die(Fixture& fixture, const std::string& end) {
    fixture.clock.set(kBegin);
    for (const auto& path : fixture.paths()) {
        fixture.host.at(path).disk->set_hook([&](const fake::Operation& operation) {
            if (operation.kind == fake::Operation::Kind::write && end == "started") {
                throw Killed();
            }
            return fake::Fault{};
        });
    }
    fixture.on_event = [&](const Json& event) {
        if (event.at("event") == "started") {
            fixture.clock.set(kBegin + kWorked);
        } else if (event.at("event") == end) {
            throw Killed();
        }
    };
    CHECK_THROWS_AS(fixture.run(), Killed);
    fixture.on_event = nullptr;
    for (const auto& path : fixture.paths()) {
        fixture.host.at(path).disk->set_hook({});
    }
}

}  // namespace

TEMPLATE_TEST_CASE("clock: set back between two processes, no date of a record runs backwards",
                   "[job][clock]", OldTarget, OldProject) {
    for (const auto* end : kEnds) {
        for (const auto& back : kBacks) {
            CAPTURE(end, back.what);
            TestType fixture;
            fixture.order_until("");
            work_and_die(fixture, end);
            fixture.clock.set(kBegin + back.from_announcement);
            if (back.behind_log) {
                const auto before = fixture.contents();
                CHECK_THROWS_AS(fixture.run(), Error);
                CHECK(fixture.ended.error->reason() != ReasonCode::no_longer_in_force);
                CHECK(fixture.ended.exit_code() == 6);
                CHECK((fixture.contents() == before));
                fixture.clock.set(kBegin + kWorked);
            }
            CHECK(fixture.run().exit_code() == 0);
            check_record(fixture);
            CHECK(fixture.verified_bundles() == 1);
        }
    }
}

TEMPLATE_TEST_CASE("clock: set back, an order that was out of force stays so", "[job][clock]",
                   OldTarget, OldProject) {
    for (const auto& back : kBacks) {
        CAPTURE(back.what);
        TestType fixture;
        fixture.order_until(R"("not_after":"2026-03-01T09:30:00Z",)");
        work_and_die(fixture, "started");
        fixture.clock.set(kBegin + kWorked);
        CHECK_THROWS_AS(fixture.run(), Error);  // and the job knows it
        CHECK(fixture.ended.error->reason() == ReasonCode::no_longer_in_force);
        fixture.clock.set(kBegin + back.from_announcement);
        const auto before = fixture.contents();
        CHECK_THROWS_AS(fixture.run(), Error);
        CHECK(fixture.ended.exit_code() == 6);  // behind the log preflight says that it is wrong
        CHECK((back.behind_log || fixture.ended.error->reason() == ReasonCode::no_longer_in_force));
        CHECK((fixture.contents() == before));
    }
}
