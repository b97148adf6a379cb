// SPDX-License-Identifier: Apache-2.0
// A run that ended in the log before its journal said so: killed in between, it is not gone on
// with.
#include <algorithm>
#include <filesystem>

#include "efface/base/file.hpp"
#include "efface/evidence/log.hpp"
#include "efface/job/jobs.hpp"

#include "catch.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;
using method::Verdict;
namespace fs = std::filesystem;

namespace {

/// What the jobs were like at a moment, put back later: as if the process had been killed then.
class KeptJobs {
  public:
    explicit KeptJobs(const TargetFixture& fixture)
        : jobs_(fixture.state.jobs()), kept_(fixture.scratch.path() / "kept") {}
    void keep() {
        fs::remove_all(kept_);
        fs::copy(jobs_, kept_, fs::copy_options::recursive);
    }
    /// Other jobs stay as they are.
    void put_back() {
        for (const auto& job : fs::directory_iterator(kept_)) {
            fs::remove_all(jobs_ / job.path().filename());
            fs::copy(job.path(), jobs_ / job.path().filename(), fs::copy_options::recursive);
        }
    }
    /// The only one.
    [[nodiscard]] std::string id() const {
        return fs::directory_iterator(kept_)->path().filename().string();
    }

  private:
    fs::path jobs_;
    fs::path kept_;
};

constexpr std::size_t kLogFileBytesMax = std::size_t{1} << 20U;

void interrupt(TargetFixture& fixture) {
    fixture.disk().set_hook([&](const fake::Operation& operation) {
        if (operation.kind == fake::Operation::Kind::write) {
            fixture.stop.request_stop();
        }
        return fake::Fault{};
    });
    CHECK_THROWS_AS(fixture.run(), Error);
    fixture.stop = {};
    fixture.disk().set_hook({});
}

template <typename Call>
ErrorCode code_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.code();
    }
    FAIL_CHECK("it went through");
    return {};
}

void check_log(const TargetFixture& fixture) {
    const auto audit = evidence::audit_log(fixture.state.log(), fixture.keys().log_verifier_key());
    CHECK(audit.problems.empty());
    CHECK(audit.open_intents.empty());
}

JobEntry job_of(const TargetFixture& fixture, const std::string& id) {
    const auto jobs = list_jobs(fixture.state);
    const auto found =
        std::find_if(jobs.begin(), jobs.end(), [&](const JobEntry& job) { return job.id == id; });
    return found == jobs.end() ? JobEntry{} : *found;
}

ReasonCode reason_of_resuming(TargetFixture& fixture, const std::string& job_id) {
    try {
        (void)fixture.resume(job_id);
    } catch (const Error& error) {
        return error.reason();
    }
    FAIL_CHECK("it was not refused");
    return {};
}

}  // namespace

TEST_CASE("a refusal that is in the log only is one", "[job][target]") {
    TargetFixture fixture;
    const bool ordered = GENERATE(false, true);
    if (ordered) {
        fixture.order =
            mandate::parse_order(R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",)"
                                 R"("targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
    }
    KeptJobs jobs(fixture);
    fixture.host.before_uses = [&] {
        if (fixture.log_entries("run-intent") > 0) {
            jobs.keep();
            fixture.host.at("/dev/a").uses = {{ReasonCode::opened, "process 17"}};
        }
    };
    CHECK_THROWS_AS(fixture.run(), Error);
    REQUIRE(fixture.log_entries("run-refused") == 1);
    fixture.host.before_uses = nullptr;
    fixture.host.at("/dev/a").uses.clear();
    jobs.put_back();
    REQUIRE(job_of(fixture, jobs.id()).phase == "running");
    // Nothing had been changed by it: it is tried again, as another run.
    const auto again = ordered ? fixture.run() : fixture.resume(jobs.id());
    CHECK(again.job_id == jobs.id());
    CHECK(again.verdict == Verdict::sanitized);
    CHECK(fixture.log_entries("run-intent") == 2);
    CHECK(fixture.log_entries("run-refused") == 1);
    CHECK(fixture.log_entries("run-outcome") == 1);
    check_log(fixture);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("a damaged log refuses a run, and keeps one from going on", "[job][target]") {
    TargetFixture fixture;
    (void)evidence::Log::open(fixture.state.log(), fixture.keys().log_signer())
        .append({{"type", "log-created"}});
    const bool begun = GENERATE(false, true);
    const bool ordered = GENERATE(false, true);
    if (ordered) {
        fixture.order =
            mandate::parse_order(R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",)"
                                 R"("targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
    }
    if (begun) {
        interrupt(fixture);
    }
    const Bytes before = fixture.disk().media();
    const auto file = fixture.state.log() / GENERATE("entries.jsonl", "checkpoint", "origin");
    const auto good = read_text_file(file, kLogFileBytesMax).value();
    for (const std::string& damaged : {std::string("x") + good, std::string()}) {
        write_file_durably(file, damaged);
        if (damaged.empty()) {
            fs::remove(file);
        }
        CHECK(code_of([&] { (void)fixture.run(); }) == ErrorCode::internal);
        CHECK(fixture.ended.changed == (begun && ordered));  // what was typed has no job yet
        if (begun) {
            CHECK(code_of([&] { (void)fixture.resume(fixture.open_job()); }) ==
                  ErrorCode::internal);
            CHECK(fixture.ended.changed);
        }
        CHECK((fixture.disk().media() == before));
    }
    write_file_durably(file, good);
    CHECK(fixture.run().verdict == Verdict::sanitized);
    CHECK(fixture.log_entries("run-intent") == 1);
    check_log(fixture);
}

TEST_CASE("a run that the log alone calls lost is lost", "[job][target]") {
    TargetFixture fixture;
    interrupt(fixture);
    KeptJobs jobs(fixture);
    jobs.keep();
    fixture.choice.policy = "overwrite-zero";
    CHECK(fixture.run().verdict == Verdict::sanitized);
    REQUIRE(fixture.log_entries("lost") == 1);
    jobs.put_back();
    CHECK(reason_of_resuming(fixture, jobs.id()) == ReasonCode::job_ended);
    CHECK(job_of(fixture, jobs.id()).verdict == evidence::kLostRun);
    check_log(fixture);
    CHECK(fixture.verified_bundles() == 1);
}
