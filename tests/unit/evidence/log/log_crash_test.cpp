// SPDX-License-Identifier: Apache-2.0
// Failing operations and power cuts at every step of making, opening and extending a log.
#include "catch.hpp"
#include "log/store.hpp"
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

SecretBytes other_seed() {
    SecretBytes seed(32);
    seed.view()[0] = 1;
    return seed;
}

Bytes& bytes_of(MemoryDisk& disk, LogFile file) {
    return disk.contents.at(disk.names.at(file)).now;
}

std::string text_in(const MemoryDisk& disk, LogFile file) {
    return std::string(as_text(disk.contents.at(disk.names.at(file)).now));
}

/// What somebody wrote behind the lines, and the kernel made durable.
void add_behind(MemoryDisk& disk, const std::string& text) {
    auto& content = disk.contents.at(disk.names.at(LogFile::entries));
    for (Bytes* bytes : {&content.now, &content.durable}) {
        bytes->insert(bytes->end(), text.begin(), text.end());
    }
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

TEST_CASE("what stands behind the checkpoint is set aside as it is, and never signed") {
    const MemoryDisk good = disk_with(2);
    MemoryDisk grown = good;
    const std::string checkpoint = open_on(grown).checkpoint();
    const std::string line = open_on(grown).append(new_entry(2)).line + '\n';
    std::vector<std::string> tails = {"x\n",
                                      "\n",
                                      "{}\n",
                                      line + line,
                                      line + R"({"type":"run-int)",
                                      std::string(4096, '\0'),
                                      std::string(kLogEntryBytesMax + 1, 'x'),
                                      std::string(kUnsignedBytesMax, 'x')};
    for (std::size_t kept = 1; kept <= line.size(); ++kept) {
        tails.push_back(line.substr(0, kept));
    }
    for (const std::string& tail : tails) {
        MemoryDisk disk = good;
        add_behind(disk, tail);
        LogStore log = open_on(disk);
        REQUIRE(log.checkpoint() == checkpoint);
        REQUIRE(log.set_aside() == unsigned_name(2, as_bytes(tail)));
        REQUIRE(as_text(disk.contents.at(disk.set_aside.at(*log.set_aside())).now) == tail);
        REQUIRE(text_in(disk, LogFile::entries) == text_in(good, LogFile::entries));
        // It is durable where it went before it is gone where it was, and set aside once.
        MemoryDisk after = cut_power(disk, Unflushed::lost, false);
        LogStore again = open_on(after);
        REQUIRE_FALSE(again.set_aside());
        REQUIRE(after.set_aside.size() == 1);
        REQUIRE(as_text(after.contents.at(after.set_aside.begin()->second).now) == tail);
        require_whole(disk, 2, checkpoint);
        MemoryLogFiles files(disk);
        const LogAudit audit = audit_files(files, test_signer().verifier_key());
        REQUIRE(audit.set_aside == std::vector<std::string>{unsigned_name(2, as_bytes(tail))});
    }
}

TEST_CASE("whichever operation of setting aside fails, nothing of it is lost") {
    const std::string tail = "{\"forged\":1}\nhalf";
    bool went_through = false;
    for (std::size_t n = 0; !went_through; ++n) {
        REQUIRE(n < kChangesMax);
        MemoryDisk disk = disk_with(2);
        add_behind(disk, tail);
        disk.changes = 0;
        disk.fail_at = n;
        try {
            (void)open_on(disk);
            went_through = true;
        } catch (const Error& error) {
            REQUIRE(error.code() == ErrorCode::evidence);
        }
        disk.fail_at.reset();
        (void)open_on(disk);
        REQUIRE(disk.set_aside.size() == 1);
        REQUIRE(as_text(disk.contents.at(disk.set_aside.begin()->second).now) == tail);
    }
}

TEST_CASE("names of what was set aside are told from others") {
    const std::string name = unsigned_name(12, as_bytes("x"));
    CHECK(is_unsigned_name(name));
    for (const std::string& other :
         {std::string(), std::string("unsigned-"), std::string("unsigned-.jsonl"),
          std::string("unsigned.new"), std::string("entries.jsonl"), name + "x", "x" + name,
          "unsigned-" + name.substr(11), "unsigned-x" + name.substr(9),
          name.substr(0, name.size() - 7) + ".jsonl", "unsigned-1\n" + name.substr(11)}) {
        CHECK_FALSE(is_unsigned_name(other));
    }
}

TEST_CASE("more behind the checkpoint than a crash leaves is refused unwritten") {
    MemoryDisk disk = disk_with(2);
    add_behind(disk, std::string(kUnsignedBytesMax + 1, 'x'));
    disk.changes = 0;
    CHECK(is_evidence_error([&] { (void)open_on(disk); }));
    CHECK(disk.changes == 0);
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
