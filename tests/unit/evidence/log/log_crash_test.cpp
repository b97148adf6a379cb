// SPDX-License-Identifier: Apache-2.0
// Failing operations and power cuts at every step of making, opening and extending a log.
#include "memory_log.hpp"

using namespace efface;
using namespace efface::evidence;

namespace {

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

SecretBytes other_seed() {
    SecretBytes seed(32);
    seed.view()[0] = 1;
    return seed;
}

/// An append whose change number `at` fails.
void leave_unfinished(MemoryDisk& disk, std::size_t at) {
    const std::uint64_t size = open_on(disk).size();
    LogStore log = open_on(disk);
    disk.changes = 0;
    disk.fail_at = at;
    REQUIRE(is_evidence_error([&] { (void)log.append(new_entry(size)); }));
    disk.fail_at.reset();
}

/// The change of an append to a log of `size` entries that gives the new head its name: behind the
/// line and its flush, the hashes and offsets of a full block, and the head and its flush.
std::size_t renaming_of_head(std::uint64_t size) {
    return size != 0 && size % kBlockEntries == 0 ? 9 : 5;
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

TEST_CASE("whichever operation of an opening fails, the next opening goes on") {
    const std::uint64_t size = GENERATE(1U, 256U);
    const std::string at = GENERATE("line", "head");
    MemoryDisk before = disk_with(size);
    const std::string old_checkpoint = open_on(before).checkpoint();
    leave_unfinished(before, at == "line" ? 1 : renaming_of_head(size));
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

TEST_CASE("a head that was signed is never signed over other lines, whatever comes after") {
    const std::uint64_t size = GENERATE(0U, 3U, 256U, 512U);
    MemoryDisk disk = disk_with(size);
    leave_unfinished(disk, renaming_of_head(size));
    const std::string head = text_in(disk, LogFile::new_checkpoint);
    SECTION("it is brought to its name, durably, before the log is used") {
        REQUIRE(open_on(disk).size() == size + 1);
        MemoryDisk after = cut_power(disk, Unflushed::lost, false);
        CHECK(open_on(after).checkpoint() == head);
        CHECK(disk.set_aside.empty());
    }
    SECTION("with more behind it, which is set aside") {
        add_behind(disk, "{\"forged\":1}\n");
        LogStore log = open_on(disk);
        CHECK(log.checkpoint() == head);
        CHECK(log.set_aside() == unsigned_name(size + 1, as_bytes("{\"forged\":1}\n")));
    }
    SECTION("over other lines it is none") {
        Bytes& entries = bytes_of(disk, LogFile::entries);
        entries.at(entries.size() - 3) ^= 1U;
        CHECK(open_on(disk).size() == size);
        CHECK(disk.set_aside.size() == 1);
    }
    SECTION("of another key, torn or of an old size it is none") {
        for (const std::string& other :
             {NoteSigner("test", other_seed()).sign(head.substr(0, head.find("\n\n") + 1)),
              head.substr(0, head.size() - 2), std::string(), std::string(kNoteBytesMax + 1, 'x'),
              text_in(disk, LogFile::checkpoint)}) {
            MemoryDisk changed = disk;
            bytes_of(changed, LogFile::new_checkpoint).assign(other.begin(), other.end());
            CHECK(open_on(changed).size() == size);
            CHECK(changed.set_aside.size() == 1);
        }
    }
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

TEST_CASE("a copy whose checkpoint is older than its entries goes on where that was signed") {
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
    const std::string newest = open_on(disk).checkpoint();
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
    SECTION("with the newest checkpoint beside it, which is its own") {
        MemoryLogFiles(disk).write_at(LogFile::new_checkpoint, 0, as_bytes(newest));
        CHECK(open_on(disk).checkpoint() == newest);
    }
    const std::uint64_t size = open_on(disk).size();
    CHECK((size == old_size || size == old_size + 600));
    CHECK(disk.set_aside.size() == (size == old_size ? 1 : 0));
    (void)open_on(disk).append(new_entry(size));
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
