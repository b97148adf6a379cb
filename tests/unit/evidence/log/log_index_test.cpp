// SPDX-License-Identifier: Apache-2.0
// Stored hashes and offsets: never believed, and what they save.
#include "memory_log.hpp"

using namespace efface;
using namespace efface::evidence;

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
