// SPDX-License-Identifier: Apache-2.0
// Jobs that another version of the program began: delivered where only that is missing, else
// refused, and replaced when the target is erased again.
#include "journal/journal.hpp"

#include <filesystem>

#include "efface/base/file.hpp"
#include "efface/job/jobs.hpp"

#include "catch.hpp"
#include "fixture/run_fixture.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;
using method::Verdict;

namespace {

namespace fs = std::filesystem;

// What efface 0.1.0 left: tests/data/journal/README.
constexpr const char* kInterrupted = "4e7307f161d6aa709e24b6cee3621caf";
constexpr const char* kEnded = "c1cd189dc06769304f0b82851175aec0";
constexpr std::size_t kDocumentBytesMax = 1U << 20U;

std::string content_of(const fs::path& path) {
    return read_text_file(path, kDocumentBytesMax).value_or("");
}

/// nullopt: it was not refused.
template <typename Call>
std::optional<ReasonCode> refused(Call&& call) {
    try {
        call();
    } catch (const Error& error) {
        if (error.reason() == ReasonCode::other_journal_version) {
            CHECK(error.code() == ErrorCode::usage);
            CHECK_FALSE(error.hint().empty());
        }
        return error.reason();
    }
    return std::nullopt;
}

/// As if a program of this version had written the job; 1 is that without the field.
void set_version(const StateDirectory& state, const std::string& job, std::uint64_t version) {
    unsigned changed = 0;
    for (const auto& entry : fs::directory_iterator(state.jobs() / job)) {
        if (entry.path().extension() != ".json") {
            continue;
        }
        auto document = parse_json(content_of(entry.path()), "document");
        REQUIRE(document.at("journalVersion") == kJournalVersion);
        document.erase("journalVersion");
        document.erase("sha256");
        if (version != 1) {
            document["journalVersion"] = version;
            document = sealed(document, job);
        }
        write_file_durably(entry.path(), document.dump());
        ++changed;
    }
    CHECK(changed >= 2);
}

void stop_at_first_write(TargetFixture& fixture) {
    fixture.disk().set_hook([&](const fake::Operation& operation) {
        if (operation.kind == fake::Operation::Kind::write) {
            fixture.stop.request_stop();
        }
        return fake::Fault{};
    });
    CHECK(refused([&] { (void)fixture.run(); }) == ReasonCode::interrupted);
    fixture.stop = {};
    fixture.disk().set_hook({});
}

mandate::Order an_order(const std::string& id) {
    return mandate::parse_order(
        R"({"schema":"efface.order/1","id":")" + id +
        R"(","owner":"Tenant","targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
}

}  // namespace

TEST_CASE("journal: what the released program left is listed, and refused or left as it is",
          "[job][journal]") {
    TargetFixture fixture;
    fs::copy(fs::path(EFFACE_TEST_DATA) / "journal/1/jobs", fixture.state.jobs(),
             fs::copy_options::recursive);
    for (const char* job : {kInterrupted, kEnded}) {
        write_file_durably(fixture.state.jobs() / job / "lock", "");
    }
    const auto run_before = content_of(fixture.state.jobs() / kInterrupted / "run.json");
    REQUIRE_FALSE(run_before.empty());

    const auto jobs = list_jobs(fixture.state);
    REQUIRE(jobs.size() == 2);
    CHECK(jobs[0].id == kInterrupted);
    CHECK(jobs[0].subject == "/tmp/efface-journal/half.img");
    CHECK(jobs[0].reason == ReasonCode::other_journal_version);
    CHECK_FALSE(jobs[0].resumable());
    CHECK(to_json(jobs[0]).at("reason") == "other-journal-version");
    CHECK(jobs[1].id == kEnded);
    CHECK(jobs[1].verdict == "sanitized");
    CHECK(jobs[1].reason == std::nullopt);
    CHECK(to_json(jobs[1]).at("reason").is_null());

    CHECK(refused([&] { (void)fixture.resume(kInterrupted); }) ==
          ReasonCode::other_journal_version);
    CHECK(content_of(fixture.state.jobs() / kInterrupted / "run.json") == run_before);
    // It had ended well: all that is asked for is its certificate, which is not in the fixture.
    CHECK(refused([&] { (void)fixture.resume(kEnded); }) == ReasonCode::certificate_missing);
    CHECK((fixture.disk().media() == fixture.before));
}

TEST_CASE("journal: an order of another version is refused; a new one closes its job as lost",
          "[job][journal]") {
    TargetFixture fixture;
    fixture.order = an_order("ret-1");
    stop_at_first_write(fixture);
    set_version(fixture.state, fixture.open_job(), 1);
    const auto media = fixture.disk().media();
    CHECK(refused([&] { (void)fixture.run(); }) == ReasonCode::other_journal_version);
    CHECK((fixture.disk().media() == media));
    CHECK(fixture.log_entries("lost") == 0);
    fixture.order = an_order("ret-2");
    CHECK(fixture.run().verdict == Verdict::sanitized);
    CHECK(fixture.log_entries("lost") == 1);
    CHECK(fixture.verified_bundles() == 1);
    for (const auto& job : list_jobs(fixture.state)) {
        CHECK(job.reason == std::nullopt);
    }
}

TEST_CASE("journal: erased again by hand, the job of another version is closed as lost",
          "[job][journal]") {
    TargetFixture fixture;
    stop_at_first_write(fixture);
    const auto before = fixture.open_job();
    set_version(fixture.state, before, 1);
    const auto result = fixture.run();
    CHECK(result.job_id != before);
    CHECK(result.verdict == Verdict::sanitized);
    CHECK_FALSE(fixture.old_content_remains());
    CHECK(fixture.log_entries("lost") == 1);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("journal: nothing is begun over the job of a later version", "[job][journal]") {
    TargetFixture fixture;
    stop_at_first_write(fixture);
    const auto job = fixture.open_job();
    set_version(fixture.state, job, kJournalVersion + 1);
    const auto media = fixture.disk().media();
    CHECK(refused([&] { (void)fixture.run(); }) == ReasonCode::other_journal_version);
    CHECK(refused([&] { (void)fixture.resume(job); }) == ReasonCode::other_journal_version);
    CHECK((fixture.disk().media() == media));
    const auto jobs = list_jobs(fixture.state);
    REQUIRE(jobs.size() == 1);
    CHECK(jobs[0].reason == ReasonCode::other_journal_version);
}

TEST_CASE("journal: the staged evidence of another version is still delivered", "[job][journal]") {
    TargetFixture fixture;
    fixture.order = an_order("ret-1");
    const auto first = fixture.run();
    set_version(fixture.state, first.job_id, 1);
    const auto path = fixture.state.jobs() / first.job_id / "run.json";
    auto run = parse_json(content_of(path), "run.json");
    run["phase"] = "publishing";  // killed after the rename
    write_file_durably(path, run.dump());
    const auto again = fixture.run();
    CHECK(again.certificate_sha256 == first.certificate_sha256);
    CHECK(again.verdict == Verdict::sanitized);
    const auto answered = fixture.run();
    CHECK_FALSE(answered.changed);
    CHECK(answered.certificate_sha256 == first.certificate_sha256);
    CHECK(fixture.verified_bundles() == 1);
    CHECK(fixture.authorizations == 1);
}

TEST_CASE("journal: a project of another version is refused, or answered when it had ended",
          "[job][journal]") {
    RunFixture fixture;
    SECTION("interrupted") {
        fixture.on_event = [&](const Json& event) {
            if (event.at("event") == "verified") {
                fixture.stop.request_stop();
            }
        };
        CHECK(refused([&] { (void)fixture.run(); }) == ReasonCode::interrupted);
        fixture.stop = {};
        set_version(fixture.state, job_id_of(mandate::parse_manifest(fixture.manifest_text)), 1);
        CHECK(refused([&] { (void)fixture.run(); }) == ReasonCode::other_journal_version);
        CHECK((fixture.host.at("/dev/b").disk->media() == fixture.before_b));
    }
    SECTION("ended") {
        const auto first = fixture.run();
        set_version(fixture.state, first.job_id, 1);
        const auto again = fixture.run();
        CHECK_FALSE(again.changed);
        CHECK(again.certificate_sha256 == first.certificate_sha256);
    }
}

TEST_CASE("journal: a damaged job is listed with its reason and is not gone on with",
          "[job][journal]") {
    TargetFixture fixture;
    stop_at_first_write(fixture);
    const auto job = fixture.open_job();
    write_file_durably(fixture.state.jobs() / job / "target.json", R"({"journalVersion":2})");
    const auto jobs = list_jobs(fixture.state);
    REQUIRE(jobs.size() == 1);
    CHECK(jobs[0].reason == ReasonCode::journal_damaged);
    CHECK(refused([&] { (void)fixture.resume(job); }) == ReasonCode::journal_damaged);
}

TEST_CASE("journal: a job that is forgotten is closed as lost in the log, and blocks nobody",
          "[job][journal]") {
    for (const bool damaged : {false, true}) {
        CAPTURE(damaged);
        TargetFixture fixture;
        stop_at_first_write(fixture);
        const auto job = fixture.open_job();
        if (damaged) {
            write_file_durably(fixture.state.jobs() / job / "run.json", std::string_view("{"));
        }
        const auto forgotten = forget_job(fixture.state, fixture.clock, job);
        CHECK(forgotten.was_open);
        CHECK(list_jobs(fixture.state).empty());
        CHECK(fixture.log_entries("lost") == 1);
        const auto audit =
            evidence::audit_log(fixture.state.log(), fixture.keys().log_verifier_key());
        CHECK(audit.problems.empty());
        CHECK(audit.open_intents.empty());
        CHECK(refused([&] { forget_job(fixture.state, fixture.clock, job); }) ==
              ReasonCode::job_unknown);
        CHECK(fixture.run().verdict == method::Verdict::sanitized);
    }
}

TEST_CASE("journal: a damaged job never blocks another run on the same storage", "[job][journal]") {
    for (const auto* document : {"run.json", "target.json"}) {
        for (const auto* content : {"", "{", "[]", R"({"journalVersion":2})", "null"}) {
            CAPTURE(document, content);
            TargetFixture fixture;
            stop_at_first_write(fixture);
            const auto job = fixture.open_job();
            write_file_durably(fixture.state.jobs() / job / document, std::string_view(content));
            CHECK(fixture.run().verdict == method::Verdict::sanitized);
            CHECK_FALSE(fixture.old_content_remains());
            CHECK(fixture.log_entries("lost") == 1);
            CHECK(fixture.verified_bundles() == 1);
        }
    }
}
