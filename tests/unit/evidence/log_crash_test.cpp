// SPDX-License-Identifier: Apache-2.0
// Failing operations and power cuts at every step of making, opening and extending a log.
#include "catch.hpp"
#include "log_store.hpp"
#include "memory_log_files.hpp"

using namespace efface;
using namespace efface::evidence;

namespace {

constexpr std::size_t kChangesMax = 100;  // more than any call makes

NoteSigner test_signer() {
    return NoteSigner("test", SecretBytes(32));
}

LogStore open_on(MemoryDisk& disk) {
    return LogStore(std::make_unique<MemoryLogFiles>(disk), test_signer());
}

/// A disk with a log of `size` entries, everything durable.
MemoryDisk disk_with(std::uint64_t size) {
    MemoryDisk disk;
    MemoryLogFiles files(disk);
    LogStore::create(files, test_signer());
    LogStore log = open_on(disk);
    for (std::uint64_t i = 0; i < size; ++i) {
        (void)log.append({{"n", i}});
    }
    return disk;
}

/// The log on the disk is whole, has `size` entries or one more, the old ones as they were and
/// the new one, if it is there, as it was meant; it takes another entry.
void require_whole(MemoryDisk disk, std::uint64_t size, const std::string& old_checkpoint) {
    LogStore log = open_on(disk);
    REQUIRE((log.size() == size || log.size() == size + 1));
    const auto old_root =
        parse_checkpoint(open_note(old_checkpoint, test_signer().verifier_key()).value())
            .value()
            .root;
    REQUIRE(log.root_at(size) == old_root);
    if (log.size() == size + 1) {
        const Json entry = parse_json(log.prove(size).entry, "entry");
        REQUIRE(entry.at("n") == size);
        REQUIRE(entry.at("new") == true);
    }
    const std::uint64_t before = log.size();
    REQUIRE(log.append({{"after", "the crash"}}).index == before);
    MemoryLogFiles files(disk);
    const LogAudit audit = audit_files(files, test_signer().verifier_key());
    REQUIRE(audit.problems.empty());
    REQUIRE(audit.entries == before + 1);
}

/// After a program that was stopped, and after every kind of power cut.
void require_whole_after_crash(const MemoryDisk& disk, std::uint64_t size,
                               const std::string& old_checkpoint) {
    require_whole(disk, size, old_checkpoint);
    for (const Unflushed unflushed :
         {Unflushed::lost, Unflushed::kept, Unflushed::half, Unflushed::zeros}) {
        for (const bool renames_kept : {false, true}) {
            require_whole(cut_power(disk, unflushed, renames_kept), size, old_checkpoint);
        }
    }
}

bool is_evidence_error(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.code() == ErrorCode::evidence;
    }
    return false;
}

Json new_entry(std::uint64_t size) {
    return {{"n", size}, {"new", true}};
}

}  // namespace

TEST_CASE("whichever operation of an append fails, the entry is wholly there or not at all") {
    // 256 and 512 are followed by an append that writes out a block of hashes and offsets.
    const std::uint64_t size = GENERATE(0U, 1U, 5U, 255U, 256U, 257U, 512U);
    const MemoryDisk before = disk_with(size);
    bool went_through = false;
    for (std::size_t n = 0; !went_through; ++n) {
        REQUIRE(n < kChangesMax);
        MemoryDisk disk = before;
        LogStore log = open_on(disk);
        const std::string old_checkpoint = log.checkpoint();
        disk.changes = 0;
        disk.fail_at = n;
        try {
            (void)log.append(new_entry(size));
            went_through = true;
        } catch (const Error& error) {
            REQUIRE(error.code() == ErrorCode::evidence);
            // Nothing more is said or done by an object that does not know what is on the disk.
            REQUIRE(is_evidence_error([&] { (void)log.append(new_entry(size)); }));
            REQUIRE(is_evidence_error([&] { (void)log.checkpoint(); }));
            REQUIRE(is_evidence_error([&] { (void)log.prove(0); }));
            REQUIRE(is_evidence_error([&] { (void)log.root_at(0); }));
        }
        disk.fail_at.reset();
        require_whole_after_crash(disk, size, old_checkpoint);
    }
}

TEST_CASE("an entry whose append returned outlives every power cut") {
    const std::uint64_t size = GENERATE(0U, 255U, 256U, 512U);
    MemoryDisk disk = disk_with(size);
    (void)open_on(disk).append(new_entry(size));
    for (const Unflushed unflushed :
         {Unflushed::lost, Unflushed::kept, Unflushed::half, Unflushed::zeros}) {
        for (const bool renames_kept : {false, true}) {
            MemoryDisk after = cut_power(disk, unflushed, renames_kept);
            CHECK(open_on(after).size() == size + 1);
        }
    }
}

TEST_CASE("whichever operation of the repair fails, the next opening repairs") {
    const std::uint64_t size = GENERATE(1U, 256U);
    MemoryDisk before = disk_with(size);
    const std::string old_checkpoint = open_on(before).checkpoint();
    {
        LogStore log = open_on(before);
        before.changes = 0;
        before.fail_at = 1;  // the flush of the line: it stands there whole, but not durably
        REQUIRE(is_evidence_error([&] { (void)log.append(new_entry(size)); }));
        before.fail_at.reset();
    }
    bool went_through = false;
    for (std::size_t n = 0; !went_through; ++n) {
        REQUIRE(n < kChangesMax);
        MemoryDisk disk = before;
        disk.changes = 0;
        disk.fail_at = n;
        try {
            (void)open_on(disk);
            went_through = true;
        } catch (const Error& error) {
            REQUIRE(error.code() == ErrorCode::evidence);
        }
        disk.fail_at.reset();
        require_whole_after_crash(disk, size, old_checkpoint);
    }
}

TEST_CASE("a repaired log is durable before it is used") {
    MemoryDisk disk = disk_with(3);
    {
        LogStore log = open_on(disk);
        disk.changes = 0;
        disk.fail_at = 1;
        REQUIRE(is_evidence_error([&] { (void)log.append(new_entry(3)); }));
        disk.fail_at.reset();
    }
    REQUIRE(open_on(disk).size() == 4);
    MemoryDisk after = cut_power(disk, Unflushed::lost, false);
    CHECK(open_on(after).size() == 4);
}

TEST_CASE("whichever operation of making a log fails, it can be made or opened afterwards") {
    bool went_through = false;
    for (std::size_t n = 0; !went_through; ++n) {
        REQUIRE(n < kChangesMax);
        MemoryDisk disk;
        disk.fail_at = n;
        MemoryLogFiles files(disk);
        try {
            LogStore::create(files, test_signer());
            went_through = true;
        } catch (const Error& error) {
            REQUIRE(error.code() == ErrorCode::evidence);
        }
        disk.fail_at.reset();
        for (const Unflushed unflushed :
             {Unflushed::lost, Unflushed::kept, Unflushed::half, Unflushed::zeros}) {
            for (const bool renames_kept : {false, true}) {
                MemoryDisk after = cut_power(disk, unflushed, renames_kept);
                MemoryLogFiles again(after);
                if (!after.names.count(LogFile::checkpoint)) {
                    REQUIRE_FALSE(went_through);
                    LogStore::create(again, test_signer());
                }
                REQUIRE(open_on(after).append({{"first", true}}).index == 0);
            }
        }
    }
}

TEST_CASE("a last line that is torn at any byte is cut off, a whole one is kept") {
    MemoryDisk disk = disk_with(2);
    const std::string checkpoint = open_on(disk).checkpoint();
    const MemoryDisk before = disk;
    const std::string line = open_on(disk).append(new_entry(2)).line + '\n';
    for (std::size_t kept = 0; kept <= line.size(); ++kept) {
        MemoryDisk torn = before;
        Bytes& entries = torn.contents.at(torn.names.at(LogFile::entries)).now;
        const ByteView part = as_bytes(line).first(kept);
        entries.insert(entries.end(), part.begin(), part.end());
        LogStore log = open_on(torn);
        REQUIRE(log.size() == (kept == line.size() ? 3 : 2));
        REQUIRE(torn.contents.at(torn.names.at(LogFile::entries)).now.size() ==
                before.contents.at(before.names.at(LogFile::entries)).now.size() +
                    (kept == line.size() ? kept : 0));
        require_whole(torn, 2, checkpoint);
    }
}

TEST_CASE(
    "whole lines behind the checkpoint that do not continue the chain are refused unwritten") {
    const MemoryDisk good = disk_with(2);
    const std::string zeros(64, '0');
    for (const std::string& line :
         {std::string("{}"), std::string("x"), std::string(),
          R"({"prev":")" + zeros + R"(","seq":2})", R"({"prev":")" + zeros + R"(","seq":3})"}) {
        MemoryDisk disk = good;
        Bytes& entries = disk.contents.at(disk.names.at(LogFile::entries)).now;
        const std::string added = line + '\n';
        entries.insert(entries.end(), added.begin(), added.end());
        disk.changes = 0;
        CHECK(is_evidence_error([&] { (void)open_on(disk); }));
        CHECK(disk.changes == 0);
    }
}

TEST_CASE("more behind the checkpoint than a crash leaves is refused unwritten") {
    for (const std::size_t size : {std::size_t{kLogEntryBytesMax} + 1, std::size_t{17} << 20U}) {
        MemoryDisk disk = disk_with(2);
        Bytes& entries = disk.contents.at(disk.names.at(LogFile::entries)).now;
        entries.resize(entries.size() + size, 'x');
        disk.changes = 0;
        CHECK(is_evidence_error([&] { (void)open_on(disk); }));
        CHECK(disk.changes == 0);
    }
}

TEST_CASE("a copy whose checkpoint is older than its entries is brought up to date") {
    // What a backup of a log in use holds: the checkpoint was copied first.
    const std::uint64_t old_size = GENERATE(0U, 3U, 256U);
    MemoryDisk disk = disk_with(old_size);
    const std::size_t old_checkpoint = disk.names.at(LogFile::checkpoint);
    const MemoryDisk::Content old_content = disk.contents.at(old_checkpoint);
    {
        LogStore log = open_on(disk);
        for (std::uint64_t i = 0; i < 600; ++i) {
            (void)log.append({{"n", old_size + i}});
        }
    }
    const std::string checkpoint = open_on(disk).checkpoint();
    disk.contents.at(disk.names.at(LogFile::checkpoint)) = old_content;
    SECTION("with its hashes and offsets") {}
    SECTION("with those of the old size") {
        const std::uint64_t base =
            old_size == 0 ? 0 : (old_size - 1) / kBlockEntries * kBlockEntries;
        disk.contents.at(disk.names.at(LogFile::hashes))
            .now.resize(static_cast<std::size_t>(stored_node_count(base)) * 32);
        disk.contents.at(disk.names.at(LogFile::offsets))
            .now.resize(static_cast<std::size_t>(base) * 8);
    }
    CHECK(open_on(disk).checkpoint() == checkpoint);
    MemoryLogFiles files(disk);
    CHECK(audit_files(files, test_signer().verifier_key()).problems.empty());
}

TEST_CASE("an append flushes the line, the checkpoint and the folder, nothing more") {
    MemoryDisk disk = disk_with(5);
    LogStore log = open_on(disk);
    disk.flushes = 0;
    (void)log.append(new_entry(5));
    CHECK(disk.flushes == 3);
}

TEST_CASE("a stored hash that was changed is never handed out in a proof") {
    MemoryDisk disk = disk_with(600);
    LogStore log = open_on(disk);
    const TlogProof good = log.prove(100);
    Bytes& hashes = disk.contents.at(disk.names.at(LogFile::hashes)).now;
    for (const unsigned level : {0U, 1U, 5U, 8U}) {
        // The node beside the path of entry 100 on this level.
        const auto at = static_cast<std::size_t>(
            stored_node_index(level, (std::uint64_t{100} >> level) ^ 1U) * 32);
        hashes.at(at) ^= 1U;
        CHECK(is_evidence_error([&] { (void)log.prove(100); }));
        hashes.at(at) ^= 1U;
    }
    CHECK(log.prove(100).path == good.path);
}

TEST_CASE("changed hashes and offsets are named by the audit") {
    const LogFile file = GENERATE(LogFile::hashes, LogFile::offsets);
    MemoryDisk disk = disk_with(600);
    MemoryLogFiles files(disk);
    REQUIRE(audit_files(files, test_signer().verifier_key()).problems.empty());
    Bytes& bytes = disk.contents.at(disk.names.at(file)).now;
    bytes.at(bytes.size() / 2) ^= 1U;
    CHECK(audit_files(files, test_signer().verifier_key()).problems.size() == 1);
}

TEST_CASE("a log whose hashes or offsets are shorter than its checkpoint says is refused") {
    const LogFile file = GENERATE(LogFile::hashes, LogFile::offsets);
    MemoryDisk disk = disk_with(600);
    Bytes& bytes = disk.contents.at(disk.names.at(file)).now;
    bytes.pop_back();
    disk.changes = 0;
    CHECK(is_evidence_error([&] { (void)open_on(disk); }));
    CHECK(disk.changes == 0);
}

TEST_CASE("offsets that lead astray never yield an entry") {
    MemoryDisk disk = disk_with(600);
    LogStore log = open_on(disk);
    Bytes& offsets = disk.contents.at(disk.names.at(LogFile::offsets)).now;
    const std::size_t at = std::size_t{100} * 8;
    const auto good = read_be<std::uint64_t>(offsets, at);
    for (const std::uint64_t wrong :
         {std::uint64_t{0}, good - 1, good + 1, ~std::uint64_t{0}, std::uint64_t{1} << 62U}) {
        write_be<std::uint64_t>(offsets, at, wrong);
        CHECK(is_evidence_error([&] { (void)log.prove(100); }));
        CHECK(is_evidence_error([&] { (void)log.prove(101); }));
    }
}

TEST_CASE("what opening and appending read and write does not grow with the log") {
    const auto cost = [](std::uint64_t size) {
        MemoryDisk disk = disk_with(size);
        disk.bytes_read = 0;
        disk.bytes_written = 0;
        LogStore log = open_on(disk);
        const std::uint64_t open_bytes = disk.bytes_read;
        CHECK(disk.bytes_written == 0);
        disk.bytes_read = 0;
        (void)log.append({{"n", 7}});
        CHECK(disk.bytes_read == 0);
        CHECK(disk.bytes_written < 1'000);  // a short line and a checkpoint
        (void)log.prove(size / 2);
        CHECK(disk.bytes_read < 1'000);  // the line, two offsets, some hashes of 32 bytes
        return open_bytes;
    };
    // 100 lines behind the last full block in both: the difference is the tree's right edge.
    const std::uint64_t small = cost(256 + 100);
    const std::uint64_t large = cost(12 * 256 + 100);
    CHECK(large < small + 1'000);
}
