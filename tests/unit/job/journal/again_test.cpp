// SPDX-License-Identifier: Apache-2.0
// An order or project given again: whatever is there now × what is answered.
#include <sys/stat.h>

#include "efface/base/file.hpp"
#include "efface/mandate/order.hpp"

#include "catch.hpp"
#include "fixture/run_fixture.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;

namespace {

/// What became of the storage since the job that ended well.
struct Change {
    const char* what;
    std::function<void(fake::FakeHost& host, const std::string& path, const Bytes& before)> make;
    ReasonCode answer;
};

const std::vector<Change>& changes() {
    static const std::vector<Change> all = {
        {"what stood there before is back",
         [](fake::FakeHost& host, const std::string& path, const Bytes& before) {
             host.at(path).disk->media() = before;
         },
         ReasonCode::written_since},
        {"one byte at the beginning differs",
         [](fake::FakeHost& host, const std::string& path, const Bytes&) {
             host.at(path).disk->media()[5] ^= 1U;
         },
         ReasonCode::written_since},
        {"another disk of the same size",
         [](fake::FakeHost& host, const std::string& path, const Bytes& before) {
             host.at(path).disk->media() = before;
             host.at(path).identity.serial = "ANOTHER-1";
         },
         ReasonCode::other_identity},
        {"nothing stands there",
         [](fake::FakeHost& host, const std::string& path, const Bytes&) { host.remove(path); },
         ReasonCode::target_absent},
    };
    return all;
}

mandate::Order order_of_a() {
    return mandate::parse_order(
        R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",
            "targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
}

template <typename Fixture>
void check_refused(Fixture& fixture, const Change& change, const RunResult& first) {
    CAPTURE(change.what);
    const auto times = fixture.authorizations;
    CHECK_THROWS_AS(fixture.run(), Error);
    const auto& again = fixture.ended;
    REQUIRE(again.error);
    CHECK(again.exit_code() == 7);
    CHECK(again.error->reason() == change.answer);
    CHECK_FALSE(again.changed);
    CHECK(again.job_id == first.job_id);
    CHECK(fixture.authorizations == times);
    CHECK(fixture.verified_bundles() == 1);
}

}  // namespace

TEST_CASE("again: an order is answered from its certificate only while its target is as left",
          "[job][again]") {
    for (const auto& change : changes()) {
        TargetFixture fixture;
        fixture.order = order_of_a();
        const auto first = fixture.run();
        REQUIRE(first.exit_code() == 0);
        REQUIRE_FALSE(first.completed_at.empty());
        fixture.clock.advance(std::chrono::hours(24));
        const auto second = fixture.run();
        CHECK(second.done_before);
        CHECK(second.completed_at == first.completed_at);
        change.make(fixture.host, "/dev/a", fixture.before);
        check_refused(fixture, change, first);
    }
}

TEST_CASE("again: a project is answered from its certificate only while every place is as left",
          "[job][again]") {
    for (const auto& change : changes()) {
        for (const auto* path : {"/dev/a", "/dev/b"}) {
            CAPTURE(path);
            RunFixture fixture;
            const auto first = fixture.run();
            REQUIRE(first.exit_code() == 0);
            CHECK(fixture.run().done_before);
            change.make(fixture.host, path,
                        path == std::string("/dev/a") ? fixture.before_a : fixture.before_b);
            check_refused(fixture, change, first);
        }
    }
}

TEST_CASE("again: a drive that has another name now is found and answered", "[job][again]") {
    TargetFixture fixture;
    fixture.order = order_of_a();
    const auto first = fixture.run();
    fixture.host.rename("/dev/a", "/dev/z");
    const auto again = fixture.run();
    CHECK(again.done_before);
    CHECK(again.certificate_sha256 == first.certificate_sha256);
}

TEST_CASE("again: the log remembers an order whose job folder is gone", "[job][again]") {
    TargetFixture fixture;
    fixture.order = order_of_a();
    const auto first = fixture.run();
    std::filesystem::remove_all(fixture.state.jobs());
    fixture.disk().media() = fixture.before;
    CHECK_THROWS_AS(fixture.run(), Error);
    REQUIRE(fixture.ended.error);
    CHECK(fixture.ended.error->reason() == ReasonCode::order_carried_out);
    CHECK(fixture.ended.exit_code() == 6);
    CHECK_FALSE(fixture.ended.changed);
    CHECK((fixture.disk().media() == fixture.before));
    CHECK(std::string(fixture.ended.error->what()).find(first.run_id) != std::string::npos);
}

TEST_CASE("again: the log remembers a project whose job folder is gone", "[job][again]") {
    RunFixture fixture;
    (void)fixture.run();
    std::filesystem::remove_all(fixture.state.jobs());
    fixture.host.at("/dev/a").disk->media() = fixture.before_a;
    fixture.host.at("/dev/b").disk->media() = fixture.before_b;
    CHECK_THROWS_AS(fixture.run(), Error);
    REQUIRE(fixture.ended.error);
    CHECK(fixture.ended.error->reason() == ReasonCode::order_carried_out);
    CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
}

TEST_CASE("again: a failed target may be tried again by the same order", "[job][again]") {
    TargetFixture fixture;
    fixture.order = order_of_a();
    bool failing = true;
    fixture.disk().set_hook([&](const fake::Operation& operation) {
        return failing && operation.kind == fake::Operation::Kind::flush
                   ? fake::Fault{.kind = fake::Fault::Kind::fail, .error = EIO}
                   : fake::Fault{};
    });
    const auto first = fixture.run();
    REQUIRE(first.exit_code() == 3);
    failing = false;
    fixture.on_event = [&](const Json& event) {
        if (event.at("event") == "started") {  // of how the first ended, the second knows nothing
            const auto kept = read_text_file(fixture.state.jobs() / first.job_id / "target.json",
                                             std::size_t{1} << 20U);
            CHECK(parse_json(kept.value(), "target.json").at("outcome").is_null());
        }
    };
    const auto second = fixture.run();
    CHECK(second.exit_code() == 0);
    CHECK(second.job_id == first.job_id);
    CHECK_FALSE(fixture.old_content_remains());
    CHECK(fixture.verified_bundles() == 2);
}

TEST_CASE("again: what lacked its evidence is delivered, and answered only while it is as left",
          "[job][again]") {
    for (const bool typed : {false, true}) {
        for (const bool restored : {false, true}) {
            CAPTURE(typed, restored);
            TargetFixture fixture;
            if (!typed) {
                fixture.order = order_of_a();
            }
            const auto away = fixture.scratch.path() / "away";
            fixture.on_event = [&](const Json& event) {
                if (event.at("event") == "verified") {
                    std::filesystem::rename(fixture.state.log(), away);
                }
            };
            CHECK_THROWS_AS(fixture.run(), Error);
            REQUIRE(fixture.ended.exit_code() == 5);
            fixture.on_event = {};
            std::filesystem::rename(away, fixture.state.log());
            if (restored) {
                fixture.disk().media() = fixture.before;
                CHECK_THROWS_AS(fixture.run(), Error);
                CHECK(fixture.ended.exit_code() == 7);
                CHECK(fixture.ended.error->reason() == ReasonCode::written_since);
                CHECK_FALSE(fixture.ended.verdict);
                CHECK((fixture.disk().media() == fixture.before));
            } else {
                CHECK(fixture.run().exit_code() == 0);
            }
            CHECK(fixture.verified_bundles() == 1);
        }
    }
}

TEST_CASE("again: what the log has of an order holds whatever stands at its target",
          "[job][again]") {
    for (const bool another : {false, true}) {
        CAPTURE(another);
        TargetFixture fixture;
        fixture.order = mandate::parse_order(
            R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",
                "targets":[{"target":"/dev/a","size_bytes":)" +
            std::to_string(TargetFixture::kDiskBytes) + "}]}");
        REQUIRE(fixture.run().exit_code() == 0);
        std::filesystem::remove_all(fixture.state.jobs());
        fixture.disk().media() = fixture.before;
        if (another) {
            fixture.host.at("/dev/a").identity.serial = "ANOTHER-1";
        }
        REQUIRE(fixture.plan().objections.size() == 1);
        CHECK(fixture.plan().objections.front().reason.code == ReasonCode::order_carried_out);
        CHECK_THROWS_AS(fixture.run(), Error);
        CHECK(fixture.ended.error->reason() == ReasonCode::order_carried_out);
        CHECK((fixture.disk().media() == fixture.before));
    }
}

TEST_CASE("again: a job folder put back from a copy does not erase again", "[job][again]") {
    for (const auto* kept : {"started", "verified", "result"}) {
        for (const bool resumed : {false, true}) {
            CAPTURE(kept, resumed);
            TargetFixture fixture;
            fixture.order = order_of_a();
            const auto copy = fixture.scratch.path() / "copy";
            fixture.on_event = [&](const Json& event) {
                if (event.at("event") == kept) {
                    std::filesystem::copy(fixture.state.jobs(), copy,
                                          std::filesystem::copy_options::recursive);
                }
            };
            const auto first = fixture.run();
            REQUIRE(first.exit_code() == 0);
            fixture.on_event = {};
            std::filesystem::remove_all(fixture.state.jobs());
            std::filesystem::rename(copy, fixture.state.jobs());
            fixture.disk().media() = fixture.before;
            const auto entries = fixture.log_entries("run-");
            if (kept == std::string("result")) {  // only its last lines are missing
                CHECK_THROWS_AS(fixture.run(), Error);
                CHECK(fixture.ended.exit_code() == 7);
            } else {
                if (resumed) {
                    CHECK_THROWS_AS(fixture.resume(first.job_id), Error);
                } else {
                    CHECK_THROWS_AS(fixture.run(), Error);
                }
                // As the journal has it that is there now.
                CHECK(fixture.ended.changed == (kept == std::string("verified")));
                CHECK(fixture.ended.error->reason() == ReasonCode::journal_damaged);
            }
            CHECK((fixture.disk().media() == fixture.before));
            CHECK(fixture.log_entries("run-") == entries);
            CHECK(fixture.verified_bundles() == 1);
        }
    }
}

TEST_CASE("again: a journal of another job is none of this one", "[job][again]") {
    for (const auto* document : {"run.json", "target.json"}) {
        CAPTURE(document);
        TargetFixture fixture;
        fixture.host.add("/dev/b", fixture.before);
        const auto done = fixture.run();
        fixture.target = "/dev/b";
        fixture.disk().set_hook([&](const fake::Operation& operation) {
            if (operation.kind == fake::Operation::Kind::write) {
                fixture.stop.request_stop();
            }
            return fake::Fault{};
        });
        CHECK_THROWS_AS(fixture.run(), Error);
        fixture.stop = {};
        const auto open = fixture.open_job();
        REQUIRE_FALSE(open.empty());
        const auto before = fixture.disk().media();
        std::filesystem::copy(fixture.state.jobs() / done.job_id / document,
                              fixture.state.jobs() / open / document,
                              std::filesystem::copy_options::overwrite_existing);
        CHECK_THROWS_AS(fixture.resume(open), Error);
        CHECK(fixture.ended.error->reason() == ReasonCode::journal_damaged);
        CHECK((fixture.disk().media() == before));
    }
}
