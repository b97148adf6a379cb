// SPDX-License-Identifier: Apache-2.0
// A log on a disk in memory.
#pragma once

#include <functional>

#include "catch.hpp"
#include "log/store.hpp"
#include "memory_log_files.hpp"

namespace efface::evidence {

constexpr std::size_t kChangesMax = 100;  // more than any call makes

inline NoteSigner test_signer() {
    return NoteSigner("test", SecretBytes(32));
}

inline LogStore open_on(MemoryDisk& disk) {
    return LogStore(std::make_unique<MemoryLogFiles>(disk), test_signer());
}

/// A disk with a log of `size` entries, everything durable.
inline MemoryDisk disk_with(std::uint64_t size) {
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
inline void require_whole(MemoryDisk disk, std::uint64_t size, const std::string& old_checkpoint) {
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

inline bool is_evidence_error(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.code() == ErrorCode::evidence;
    }
    return false;
}

inline Json new_entry(std::uint64_t size) {
    return {{"n", size}, {"new", true}};
}

inline Bytes& bytes_of(MemoryDisk& disk, LogFile file) {
    return disk.contents.at(disk.names.at(file)).now;
}

inline std::string text_in(const MemoryDisk& disk, LogFile file) {
    return std::string(as_text(disk.contents.at(disk.names.at(file)).now));
}

/// What somebody wrote behind the lines, and the kernel made durable.
inline void add_behind(MemoryDisk& disk, const std::string& text) {
    auto& content = disk.contents.at(disk.names.at(LogFile::entries));
    for (Bytes* bytes : {&content.now, &content.durable}) {
        bytes->insert(bytes->end(), text.begin(), text.end());
    }
}

}  // namespace efface::evidence
