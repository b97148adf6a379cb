// SPDX-License-Identifier: Apache-2.0
// What the log tells of runs: to who adds one (DeviceRuns), and to who verifies (WholeLog).
#include "efface/evidence/log_runs.hpp"

#include "efface/base/file.hpp"
#include "efface/evidence/device_key.hpp"

#include "catch.hpp"
#include "temporary_folder.hpp"

using namespace efface;
using namespace efface::evidence;
namespace fs = std::filesystem;

namespace {

NoteSigner signer() {
    return NoteSigner("example.org/log/runs", SecretBytes(32));
}

Json disk(const std::string& serial) {
    return {{"kind", "disk"}, {"serial", serial}, {"wwid", ""}, {"sizeBytes", 4096}};
}

std::uint64_t announce(Log& log, const Json& identity, const std::string& run, bool keyed = true) {
    Json entry = {{"type", "run-intent"},
                  {"runId", run},
                  {"jobId", std::string(32, 'a')},
                  {"at", "2026-11-21T09:00:00Z"},
                  {"device", sha256_hex(canonical_json(identity))},
                  {"technique", "overwrite-zero"},
                  {"attempt", 1}};
    if (keyed) {
        entry["deviceKeys"] = device_keys(identity);
    }
    return log.append(entry).index;
}

void end(Log& log, std::uint64_t intent, const std::string& run, const std::string& status) {
    log.append({{"type", "run-outcome"},
                {"runId", run},
                {"intent", intent},
                {"status", status},
                {"at", "2026-11-21T10:00:00Z"}});
}

/// Two drives in turn, an old entry without keys, one refused and one open run.
Log make_log(const fs::path& folder) {
    Log::create(folder, signer());
    Log log = Log::open(folder, signer());
    log.append({{"type", "log-created"}});
    const auto a = announce(log, disk("A"), "run-1", false);
    const auto b = announce(log, disk("B"), "run-2");
    end(log, b, "run-2", "sanitized");
    end(log, a, "run-1", "not-sanitized");
    Json grown = disk("A");
    grown["sizeBytes"] = 8192;
    end(log, announce(log, grown, "run-3"), "run-3", "indeterminate");
    const auto refused = announce(log, disk("A"), "run-4");
    log.append({{"type", "run-refused"}, {"runId", "run-4"}, {"intent", refused}});
    // A text that looks like what is searched for is none of it.
    end(log, announce(log, disk(R"(C","type":"run-intent","deviceKeys":["x)"), "run-5"), "run-5",
        "sanitized");
    announce(log, disk("A"), "run-6");
    return log;
}

std::string told(const LoggedRun& run) {
    return run.intent.run_id + " " + (run.refused ? "refused" : run.end ? run.status : "open");
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("the runs on a device are found by its keys, and before there were any by its digest") {
    const TemporaryFolder folder;
    const Log log = make_log(folder / "log");
    DeviceRuns runs(disk("A"));
    runs.read(log);
    Lines lines;
    for (const auto& run : runs.runs()) {
        lines.push_back(told(run));
    }
    CHECK(lines ==
          Lines{"run-1 not-sanitized", "run-3 indeterminate", "run-4 refused", "run-6 open"});
    CHECK(runs.runs()[0].intent.index == 1);
    CHECK(runs.runs()[0].end == 4);
    DeviceRuns grown(Json{{"kind", "disk"}, {"serial", "A"}, {"wwid", ""}, {"sizeBytes", 8192}});
    grown.read(log);
    CHECK(grown.runs().size() == 3);  // all but the old entry of another size
    DeviceRuns stranger(disk("D"));
    stranger.read(log);
    CHECK(stranger.runs().empty());
}

TEST_CASE("reading goes on where it ended") {
    const TemporaryFolder folder;
    Log log = make_log(folder / "log");
    DeviceRuns runs(disk("A"));
    runs.read(log);
    runs.read(log);
    CHECK(runs.runs().size() == 4);
    end(log, runs.runs()[3].intent.index, "run-6", "sanitized");
    announce(log, disk("A"), "run-7");
    runs.read(log);
    REQUIRE(runs.runs().size() == 5);
    CHECK(told(runs.runs()[3]) == "run-6 sanitized");
    CHECK(told(runs.runs()[4]) == "run-7 open");
}

TEST_CASE("one reading finds the runs on a device and those of a job, wherever they were") {
    const TemporaryFolder folder;
    const Log log = make_log(folder / "log");
    const std::string job(32, 'a');
    for (const char* serial : {"A", "D"}) {
        DeviceRuns runs(disk(serial), job);
        runs.read(log);
        runs.read(log);
        Lines lines;
        for (const auto& run : runs.runs_of_job()) {
            lines.push_back(told(run));
        }
        CHECK(lines == Lines{"run-1 not-sanitized", "run-2 sanitized", "run-3 indeterminate",
                             "run-4 refused", "run-5 sanitized", "run-6 open"});
        CHECK(runs.runs().size() == (serial[0] == 'A' ? 4U : 0U));
        CHECK(runs_of_job(log, job).size() == lines.size());
    }
    // None, and one whose id is a part of another's.
    for (const std::string& other : {std::string(), std::string(31, 'a')}) {
        DeviceRuns runs(disk("A"), other);
        runs.read(log);
        CHECK(runs.runs_of_job().empty());
    }
}

TEST_CASE("who verifies finds the same runs, and the tree at every size") {
    const TemporaryFolder folder;
    const Log log = make_log(folder / "log");
    for (const bool copied : {false, true}) {
        if (copied) {
            for (const char* name : {"hashes", "offsets", "origin"}) {
                fs::remove(folder / "log" / name);
            }
        }
        const WholeLog whole(folder / "log", signer().verifier_key());
        CHECK(whole.audit().problems.empty());
        REQUIRE(whole.size() == log.size());
        for (const char* serial : {"A", "B", "D"}) {
            DeviceRuns runs(disk(serial));
            runs.read(log);
            const auto found = whole.runs_on(DeviceName(disk(serial)));
            REQUIRE(found.size() == runs.runs().size());
            for (std::size_t i = 0; i < found.size(); ++i) {
                CHECK(told(*found[i]) == told(runs.runs()[i]));
                CHECK(whole.run_of(found[i]->intent.index) == found[i]);
            }
        }
        CHECK(whole.run_of(0) == nullptr);
        for (std::uint64_t i = 0; i < log.size(); ++i) {
            CHECK(whole.root_at(i) == log.root_at(i));
            CHECK(whole.leaf(i) == leaf_hash(as_bytes(log.entry(i))));
        }
    }
}

TEST_CASE("entries that say nothing of their run, or close another one, are problems") {
    const std::vector<Json> odd = {
        {{"type", "run-intent"}, {"runId", "x"}},
        {{"type", "run-intent"}, {"device", "x"}},
        {{"type", "run-intent"}, {"runId", "x"}, {"device", "x"}, {"attempt", "1"}},
        {{"type", "run-intent"}, {"runId", "x"}, {"device", "x"}, {"deviceKeys", Json::array()}},
        {{"type", "run-intent"}, {"runId", "x"}, {"device", "x"}, {"deviceKeys", {1}}},
        {{"type", "run-intent"}, {"runId", "x"}, {"device", "x"}, {"manifest", "x"}},
        {{"type", "run-outcome"}, {"runId", "run-7"}, {"intent", 12}, {"status", "sanitized"}},
        {{"type", "run-outcome"}, {"runId", "run-6"}, {"intent", 12}},
        {{"type", "run-outcome"}, {"runId", "run-6"}, {"status", "sanitized"}}};
    for (const Json& entry : odd) {
        INFO(entry.dump());
        const TemporaryFolder folder;
        Log log = make_log(folder / "log");
        REQUIRE(log.size() == 12);
        log.append({{"type", "note"}});
        announce(log, disk("A"), "run-6");
        (void)log.append(entry);
        const WholeLog whole(folder / "log", signer().verifier_key());
        CHECK_FALSE(whole.audit().problems.empty());
    }
}

TEST_CASE("a consistency proof is what a witness is sent, and nothing else is read as one") {
    const fs::path example = fs::path(EFFACE_TEST_DATA) / "evidence" / "log";
    const std::string key = *read_text_file(example / "log.vkey", 4096);
    const Log log = Log::open_read_only(example, key.substr(0, key.find('\n')));
    const ConsistencyProof proof{3, log.prove_consistency(3), log.checkpoint()};
    // The hashes were made with Python after RFC 9162 section 2.1.4.1.
    const std::string text =
        "old 3\n"
        "z/x1IevGPveOi/4ed7YLJn+4Z6JgFCztjCmqGGgdvFU=\n"
        "IebVJDFmhFNTwf68ec7YubZ6EDYvg1uwdTweX97hrg4=\n"
        "nD9khgJs8jjmY2Qj74kkqyV1cLc7iiZu4FqmdQZyePU=\n"
        "6NeAvs5YIgLLbjUAaamHxqBU+CguVSKP8rRoRZ7IA8g=\n"
        "\n" +
        *read_text_file(example / "checkpoint", 4096);
    CHECK(consistency_proof_text(proof) == text);
    const auto read = parse_consistency_proof(text);
    REQUIRE(read);
    CHECK(consistency_proof_text(*read) == text);
    const auto changed = [&](const std::string& from, const std::string& to) {
        std::string other = text;
        other.replace(other.find(from), from.size(), to);
        return other;
    };
    for (const std::string& other :
         {std::string(), std::string("old 3\n"), changed("old 3", "old 03"),
          changed("old 3", "old -3"), changed("old 3", "Old 3"), changed("old 3", "old  3"),
          changed("old 3", "old 18446744073709551616"), changed("8g=\n\n", "8g=\n"),
          changed("8g=\n\n", "8g\n\n"), changed("z/x1", "z/x"),
          text.substr(0, text.find("\n\n") + 2)}) {
        INFO(other);
        const auto found = parse_consistency_proof(other);
        CHECK((!found || consistency_proof_text(*found) != other));
    }
}
