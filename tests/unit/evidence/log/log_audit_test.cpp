// SPDX-License-Identifier: Apache-2.0
// What the audit of a log in a folder finds.
#include "catch.hpp"
#include "example_log.hpp"
#include "temporary_folder.hpp"

using namespace efface;
using namespace efface::evidence;
namespace fs = std::filesystem;

TEST_CASE("the audit names announced runs without outcome and outcomes without announced run") {
    const TemporaryFolder folder;
    Log log = make_example(folder / "log");
    (void)log.append({{"type", "run-intent"}, {"runId", "run-C"}});
    LogAudit audit = audit_log(folder / "log", verifier_key());
    CHECK(audit.entries == 6);
    CHECK(audit.problems.empty());
    CHECK(audit.open_intents == std::vector<std::uint64_t>{5});
    (void)log.append({{"type", "run-outcome"}, {"intent", 3}});
    audit = audit_log(folder / "log", verifier_key());
    CHECK(audit.problems == std::vector<std::string>{"entry 6 closes a run that is not open"});
}

TEST_CASE("a lost run is closed by an outcome with a reason and without certificate") {
    const TemporaryFolder folder;
    Log log = make_example(folder / "log");
    for (const Json& extra : {Json{{"reason", "its job was replaced"}}, Json::object(),
                              Json{{"reason", "x"}, {"certificate", {{"sha256", "00"}}}}}) {
        const auto intent = log.append({{"type", "run-intent"}, {"runId", "run-C"}});
        Json entry = {{"type", "run-outcome"}, {"intent", intent.index}, {"status", kLostRun}};
        entry.update(extra);
        (void)log.append(entry);
    }
    const LogAudit audit = audit_log(folder / "log", verifier_key());
    CHECK(audit.open_intents.empty());
    CHECK(audit.lost_runs == std::vector<std::uint64_t>{6, 8, 10});
    CHECK(audit.problems ==
          std::vector<std::string>{"entry 8 declares a run lost without a reason",
                                   "entry 10 declares a run lost that has a certificate"});
}

TEST_CASE("an entry behind the checkpoint is not seen read-only and counted by the audit") {
    const TemporaryFolder folder;
    {
        Log log = make_example(folder / "log");
        const std::string old_checkpoint = log.checkpoint();
        (void)log.append({{"type", "note"}});
        write_file_durably(folder / "log" / "checkpoint", old_checkpoint);
    }
    CHECK(Log::open_read_only(folder / "log", verifier_key()).size() == 5);
    const LogAudit before = audit_log(folder / "log", verifier_key());
    CHECK(before.problems.empty());
    CHECK(before.entries == 5);
    CHECK(before.unsigned_lines == 1);
    const std::string all = content(folder / "log" / "entries.jsonl");
    const Log log = Log::open(folder / "log", example_signer());
    CHECK(log.size() == 5);
    REQUIRE(log.set_aside());
    CHECK(content(folder / "log" / "entries.jsonl") + content(folder / "log" / *log.set_aside()) ==
          all);
    const LogAudit after = audit_log(folder / "log", verifier_key());
    CHECK(after.problems.empty());
    CHECK(after.entries == 5);
    CHECK(after.unsigned_lines == 0);
    CHECK(after.set_aside == std::vector<std::string>{*log.set_aside()});
}

TEST_CASE("nothing behind the checkpoint is looked at, and a flood of it is a problem") {
    const TemporaryFolder folder;
    (void)make_example(folder / "log");
    const fs::path entries = folder / "log" / "entries.jsonl";
    const std::string good = content(entries);
    const auto audit_with = [&](const std::string& tail) {
        write_file_durably(entries, good + tail);
        return audit_log(folder / "log", verifier_key());
    };
    for (const char* tail : {"x", "x\n", "{\"type\":\"run-outcome\",\"intent\":1}\n", "\n"}) {
        CHECK(audit_with(tail).problems.empty());
        CHECK(audit_with(tail).unsigned_lines == 1);
    }
    CHECK(audit_with("a\nb\nc").unsigned_lines == 3);
    CHECK(audit_with(std::string(100'000, 'a') + "\nb\n").unsigned_lines == 2);
    CHECK(audit_with(std::string((std::size_t{16} << 20U) + 100'000, 'a')).problems.size() == 1);
}

TEST_CASE("a copy of entries and checkpoint is audited, and what is missing beside others is not") {
    const TemporaryFolder folder;
    {
        Log log = make_example(folder / "log");
        for (int i = 0; i < 300; ++i) {  // more than a block, so that hashes and offsets are used
            (void)log.append({{"type", "note"}});
        }
    }
    fs::create_directory(folder / "copy");
    for (const char* name : {"entries.jsonl", "checkpoint"}) {
        fs::copy(folder / "log" / name, folder / "copy" / name);
    }
    const LogAudit audit = audit_log(folder / "copy", verifier_key());
    CHECK(audit.problems.empty());
    CHECK(audit.entries == 305);
    CHECK_FALSE(
        audit_log(folder / "copy", example_signer("other").verifier_key()).problems.empty());
    for (const char* name : {"hashes", "offsets", "origin"}) {
        fs::rename(folder / "log" / name, folder / "aside");
        CHECK_FALSE(audit_log(folder / "log", verifier_key()).problems.empty());
        fs::rename(folder / "aside", folder / "log" / name);
    }
    CHECK(audit_log(folder / "log", verifier_key()).problems.empty());
}
