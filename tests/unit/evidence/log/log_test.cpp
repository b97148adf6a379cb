// SPDX-License-Identifier: Apache-2.0
// The log in a folder.
#include "efface/evidence/log.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "catch.hpp"
#include "example_log.hpp"
#include "temporary_folder.hpp"

using namespace efface;
using namespace efface::evidence;
namespace fs = std::filesystem;

TEST_CASE("a log is byte by byte what an independent program makes of the same entries") {
    const TemporaryFolder folder;
    const Log log = make_example(folder / "log");
    for (const char* file : {"entries.jsonl", "checkpoint", "origin", "hashes", "offsets"}) {
        CHECK(content(folder / "log" / file) == content(example_folder() / file));
    }
    CHECK(log.checkpoint() == content(example_folder() / "checkpoint"));
    CHECK(tlog_proof_text(log.prove(2)) == content(example_folder() / "entry-2.tlog-proof"));
}

TEST_CASE("appending returns the line as stored, its number and its leaf hash") {
    const TemporaryFolder folder;
    Log::create(folder / "log", example_signer());
    Log log = Log::open(folder / "log", example_signer());
    const Log::Appended appended = log.append(example_entries()[0]);
    CHECK(appended.index == 0);
    CHECK(appended.line + '\n' == content(folder / "log" / "entries.jsonl"));
    // printf '\0' | cat - line | sha256sum
    CHECK(appended.leaf_hash_hex ==
          "f80c237c281154a377b8931cb72208578c56e0cace2ecc03accb4a3e55ca3f4b");
    CHECK(log.size() == 1);
}

TEST_CASE("a log made elsewhere opens read-only with the public key and nothing is written") {
    const TemporaryFolder folder;
    const fs::path copy = folder / "copy";
    fs::copy(example_folder(), copy);
    const Log log = Log::open_read_only(copy, verifier_key());
    CHECK(log.size() == 5);
    CHECK(log.entry(1).find("\"run-A\"") != std::string::npos);
    CHECK(tlog_proof_text(log.prove(2)) == content(copy / "entry-2.tlog-proof"));
    CHECK(audit_log(copy, verifier_key()).problems.empty());
    const auto count = [](const fs::path& path) {
        return std::distance(fs::directory_iterator(path), fs::directory_iterator());
    };
    CHECK(count(copy) == count(example_folder()));
}

TEST_CASE("a reopened log goes on where it was") {
    const TemporaryFolder folder;
    std::string old_checkpoint;
    {
        const Log log = make_example(folder / "log");
        old_checkpoint = log.checkpoint();
    }
    Log log = Log::open(folder / "log", example_signer());
    CHECK(log.size() == 5);
    CHECK(log.checkpoint() == old_checkpoint);
    CHECK(log.append({{"type", "note"}}).index == 5);
    CHECK(audit_log(folder / "log", verifier_key()).problems.empty());
}

TEST_CASE("every entry and every earlier size of a log is proved under its checkpoint") {
    const TemporaryFolder folder;
    const Log log = make_example(folder / "log");
    const auto head = parse_checkpoint(open_note(log.checkpoint(), verifier_key()).value()).value();
    CHECK(log.root_at(5) == head.root);
    for (std::uint64_t i = 0; i < 5; ++i) {
        const TlogProof proof = log.prove(i);
        CHECK(root_from_inclusion(i, 5, leaf_hash(as_bytes(proof.entry)), proof.path) == head.root);
        CHECK(consistency_holds(i, log.root_at(i), 5, head.root, log.prove_consistency(i)));
    }
}

TEST_CASE("entries and sizes that are not there are refused") {
    const TemporaryFolder folder;
    const Log log = make_example(folder / "log");
    CHECK(error_of([&] { (void)log.entry(5); }) == ErrorCode::usage);
    CHECK(error_of([&] { (void)log.prove(5); }) == ErrorCode::usage);
    CHECK(error_of([&] { (void)log.prove_consistency(6); }) == ErrorCode::usage);
    CHECK(error_of([&] { (void)log.root_at(6); }) == ErrorCode::usage);
}

TEST_CASE(
    "an entry with seq, prev, a control character or a float, and what is no object, is refused "
    "and "
    "leaves the log as it was") {
    const TemporaryFolder folder;
    Log log = make_example(folder / "log");
    for (const Json& entry :
         {Json{{"seq", 5}}, Json{{"prev", ""}}, Json{{"a", "b\tc"}}, Json{{"a", 1.5}},
          Json::array({1}), Json(), Json{{"a", std::string(kLogEntryBytesMax, 'x')}}}) {
        CHECK(error_of([&] { (void)log.append(entry); }) == ErrorCode::usage);
    }
    CHECK(log.append({{"type", "note"}}).index == 5);
    CHECK(audit_log(folder / "log", verifier_key()).problems.empty());
}

TEST_CASE("an entry of exactly the largest size is taken, one byte more is refused") {
    const TemporaryFolder folder;
    Log log = make_example(folder / "log");
    const std::size_t frame = log.append({{"a", ""}}).line.size() + 1;
    const std::size_t room = kLogEntryBytesMax - frame;
    CHECK(error_of([&] {
              (void)log.append({{"a", std::string(room + 1, 'x')}});
          }) == ErrorCode::usage);
    CHECK(log.append({{"a", std::string(room, 'x')}}).line.size() == kLogEntryBytesMax - 1);
    CHECK(audit_log(folder / "log", verifier_key()).problems.empty());
}

TEST_CASE("a second writer waits its time and is told that the log is busy") {
    const TemporaryFolder folder;
    const Log log = make_example(folder / "log");
    CHECK(error_of([&] { (void)Log::open(folder / "log", example_signer(), 50); }) ==
          ErrorCode::busy);
    CHECK(Log::open_read_only(folder / "log", verifier_key()).size() == 5);
}

TEST_CASE("writers that take turns lose nothing") {
    const TemporaryFolder folder;
    Log::create(folder / "log", example_signer());
    constexpr int kWriters = 3;
    constexpr int kEntriesEach = 5;
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
        writers.emplace_back([&folder, writer] {
            const fs::path path = folder / "log";
            for (int i = 0; i < kEntriesEach; ++i) {
                Log log = Log::open(path, example_signer(), 60'000);
                (void)log.append({{"writer", writer}, {"i", i}});
            }
        });
    }
    writers.clear();
    CHECK(Log::open(folder / "log", example_signer()).size() == kWriters * kEntriesEach);
    CHECK(audit_log(folder / "log", verifier_key()).problems.empty());
}

TEST_CASE("a log is not made where there is one, nor opened where there is none") {
    const TemporaryFolder folder;
    CHECK(error_of_opening(folder / "log") == ErrorCode::usage);
    Log::create(folder / "log", example_signer());
    CHECK(error_of([&] { Log::create(folder / "log", example_signer()); }) == ErrorCode::usage);
    fs::create_directory(folder / "empty");
    CHECK(error_of_opening(folder / "empty") == ErrorCode::usage);
    (void)make_example(folder / "full");
    fs::remove(folder / "full" / "checkpoint");
    CHECK(error_of([&] { Log::create(folder / "full", example_signer()); }) == ErrorCode::usage);
    CHECK(error_of_opening(folder / "full") == ErrorCode::evidence);
}

TEST_CASE("a log is closed to others") {
    const TemporaryFolder folder;
    (void)make_example(folder / "log");
    struct stat status {};
    REQUIRE(::stat((folder / "log").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0700);
    for (const auto& file : fs::directory_iterator(folder / "log")) {
        REQUIRE(::stat(file.path().c_str(), &status) == 0);
        CHECK((status.st_mode & 07777U) == 0600);
    }
}

TEST_CASE("a log opens with its own key and name only") {
    const TemporaryFolder folder;
    (void)make_example(folder / "log");
    const NoteSigner other_name = example_signer("example.org/log/station-2");
    const NoteSigner other_key("example.org/log/station-1", SecretBytes(32));
    for (const NoteSigner& signer : {other_name, other_key}) {
        CHECK(error_of([&] { (void)Log::open(folder / "log", signer); }) == ErrorCode::evidence);
        CHECK(error_of([&] { (void)Log::open_read_only(folder / "log", signer.verifier_key()); }) ==
              ErrorCode::evidence);
        CHECK_FALSE(audit_log(folder / "log", signer.verifier_key()).problems.empty());
    }
    write_file_durably(folder / "log" / "origin", "example.org/log/station-2\n");
    CHECK(error_of_opening(folder / "log") == ErrorCode::evidence);
}

TEST_CASE("a log with any byte of its entries changed is refused and left as it is") {
    const TemporaryFolder folder;
    (void)make_example(folder / "log");
    const fs::path entries = folder / "log" / "entries.jsonl";
    const std::string good = content(entries);
    for (std::size_t i = 0; i < good.size(); i += 7) {
        std::string changed = good;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        write_file_durably(entries, changed);
        CHECK(error_of_opening(folder / "log") == ErrorCode::evidence);
        CHECK(error_of([&] { (void)Log::open_read_only(folder / "log", verifier_key()); }) ==
              ErrorCode::evidence);
        CHECK_FALSE(audit_log(folder / "log", verifier_key()).problems.empty());
        CHECK(content(entries) == changed);
    }
}

TEST_CASE("a log with an entry removed, reordered, repeated or cut off is refused") {
    const TemporaryFolder folder;
    (void)make_example(folder / "log");
    const fs::path entries = folder / "log" / "entries.jsonl";
    const std::string good = content(entries);
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < good.size();) {
        const std::size_t end = good.find('\n', begin) + 1;
        lines.push_back(good.substr(begin, end - begin));
        begin = end;
    }
    REQUIRE(lines.size() == 5);
    const auto joined = [](const std::vector<std::string>& parts) {
        std::string text;
        for (const std::string& part : parts) {
            text += part;
        }
        return text;
    };
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::vector<std::string> removed = lines;
        removed.erase(removed.begin() + static_cast<std::ptrdiff_t>(i));
        std::vector<std::string> reordered = lines;
        std::swap(reordered[i], reordered[(i + 1) % lines.size()]);
        std::vector<std::string> repeated = lines;
        repeated.insert(repeated.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
        for (const auto& changed : {removed, reordered, repeated}) {
            write_file_durably(entries, joined(changed));
            const LogAudit audit = audit_log(folder / "log", verifier_key());
            const bool behind = changed.size() == 6 && i == 4;  // what is signed is before it
            CHECK(audit.problems.empty() == behind);
            CHECK(audit.unsigned_lines ==
                  changed.size() - std::min<std::size_t>(changed.size(), 5));
            CHECK(error_of_opening(folder / "log") ==
                  (behind ? std::nullopt : std::optional(ErrorCode::evidence)));
        }
    }
    for (std::size_t size = 0; size < good.size(); size += 11) {
        write_file_durably(entries, std::string_view(good).substr(0, size));
        CHECK(error_of_opening(folder / "log") == ErrorCode::evidence);
        CHECK_FALSE(audit_log(folder / "log", verifier_key()).problems.empty());
    }
}

TEST_CASE("a checkpoint that is changed, empty, missing or huge is refused") {
    const TemporaryFolder folder;
    (void)make_example(folder / "log");
    const fs::path checkpoint = folder / "log" / "checkpoint";
    std::string changed = content(checkpoint);
    changed[changed.find("\n5\n") + 1] = '4';
    for (const std::string& text : {changed, std::string(), std::string(200'000, 'a')}) {
        write_file_durably(checkpoint, text);
        CHECK(error_of_opening(folder / "log") == ErrorCode::evidence);
        CHECK_FALSE(audit_log(folder / "log", verifier_key()).problems.empty());
    }
    fs::remove(checkpoint);
    CHECK(error_of_opening(folder / "log") == ErrorCode::evidence);
    CHECK_FALSE(audit_log(folder / "log", verifier_key()).problems.empty());
}

TEST_CASE("a link or a pipe in place of a file is refused without waiting for it") {
    const TemporaryFolder folder;
    (void)make_example(folder / "log");
    const fs::path entries = folder / "log" / "entries.jsonl";
    fs::rename(entries, folder / "elsewhere");
    fs::create_symlink(folder / "elsewhere", entries);
    CHECK(error_of_opening(folder / "log") == ErrorCode::evidence);
    fs::remove(entries);
    REQUIRE(::mkfifo(entries.c_str(), 0600) == 0);
    CHECK(error_of_opening(folder / "log") == ErrorCode::evidence);
    CHECK_FALSE(audit_log(folder / "log", verifier_key()).problems.empty());
}
