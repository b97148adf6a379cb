// SPDX-License-Identifier: Apache-2.0
// Fuzzes what reads a log or a proof of strangers: notes, keys, checkpoints, proofs, lines.
#include "efface/base/assert.hpp"
#include "efface/evidence/log.hpp"
#include "efface/evidence/log_runs.hpp"

#include "log/memory_log_files.hpp"
#include "log/store.hpp"

using namespace efface;
using namespace efface::evidence;

namespace {

// The key and the checkpoint of tests/data/evidence/log.
constexpr const char* kVerifierKey =
    "example.org/log/station-1+933c6ad8+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
constexpr const char* kCheckpoint =
    "example.org/log/station-1\n5\nf2VcBkmGj/sEmjNlSHJT128PNQSuFH594vHYeS9rgOU=\n\n"
    "\xe2\x80\x94 example.org/log/station-1 kzxq2FNha3mLcqdFeW03YhPNtKs94e8tRR4uuwyPcEz1tpTUahAj0"
    "ri3KX6iDPQ5fMsZWOsqe+lcd09+tE4lK5BwRg8=\n";

void fuzz_note(std::string_view text) {
    if (const auto signed_text = open_note(text, kVerifierKey)) {
        // No one but the tests holds the key, and it signed one text.
        EFFACE_ASSERT(std::string_view(kCheckpoint).starts_with(*signed_text));
    }
    (void)open_note(kCheckpoint, text);
    if (const auto checkpoint = parse_checkpoint(text)) {
        EFFACE_ASSERT(checkpoint_text(*checkpoint) == text);
    }
}

void fuzz_proof(std::string_view text) {
    const auto proof = parse_tlog_proof(text);
    if (!proof) {
        return;
    }
    EFFACE_ASSERT(tlog_proof_text(*proof) == text);
    const Digest leaf = leaf_hash(as_bytes(proof->entry));
    for (const std::uint64_t size : {proof->index + 1, ~std::uint64_t{0}}) {
        (void)root_from_inclusion(proof->index, size, leaf, proof->path);
        (void)consistency_holds(proof->index, leaf, size, leaf, proof->path);
    }
}

void fuzz_consistency(std::string_view text) {
    const auto proof = parse_consistency_proof(text);
    if (!proof) {
        return;
    }
    EFFACE_ASSERT(consistency_proof_text(*proof) == text);
    const Digest root = leaf_hash({});
    for (const std::uint64_t size : {proof->old_size + 1, ~std::uint64_t{0}}) {
        EFFACE_ASSERT(!consistency_holds(proof->old_size, root, size, root, proof->path) ||
                      proof->old_size == size);
    }
}

void look_into(const AuditedEntry& entry) {
    if (entry.content == nullptr) {
        return;
    }
    try {
        const RunIntent intent = run_intent_from(*entry.content, entry.index);
        EFFACE_ASSERT(!intent.run_id.empty() && !intent.device.empty());
    } catch (const Error& error) {
        EFFACE_ASSERT(error.code() == ErrorCode::evidence);
    }
}

/// The input as the lines of a log whose checkpoint is genuine.
void fuzz_entries(ByteView bytes) {
    MemoryDisk disk;
    MemoryLogFiles files(disk);
    files.write_at(LogFile::entries, 0, bytes);
    files.write_at(LogFile::hashes, 0, {});
    files.write_at(LogFile::offsets, 0, {});
    files.write_at(LogFile::origin, 0, as_bytes("example.org/log/station-1\n"));
    files.write_at(LogFile::checkpoint, 0, as_bytes(kCheckpoint));
    const LogAudit audit = audit_files(files, kVerifierKey, look_into);
    try {
        const LogStore log(std::make_unique<MemoryLogFiles>(disk), std::string_view(kVerifierKey));
        // Both look at what was signed only.
        EFFACE_ASSERT(log.size() == 5 && audit.entries == 5);
    } catch (const Error&) {
        EFFACE_ASSERT(!audit.problems.empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    fuzz_note(as_text(bytes));
    fuzz_proof(as_text(bytes));
    fuzz_consistency(as_text(bytes));
    fuzz_entries(bytes);
    return 0;
}
