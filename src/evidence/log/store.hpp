// SPDX-License-Identifier: Apache-2.0
// The log over its files: recovery, appending, proofs. Private to the evidence module; the public
// Log adds the folder and the lock.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/evidence/log.hpp"

#include "files.hpp"
#include "tlog/merkle.hpp"

namespace efface::evidence {

/// Entries whose nodes and offsets are kept in memory before they are written out in one piece.
constexpr std::uint64_t kBlockEntries = 256;
/// More than this behind the checkpoint is nothing that a crash or a copy made of a log in use
/// leaves: the log is refused.
constexpr std::uint64_t kUnsignedBytesMax = std::uint64_t{16} << 20U;
constexpr std::size_t kOffsetBytes = 8;

/// The signed note and what it says.
struct SignedCheckpoint {
    std::string note;
    Checkpoint content;
};
/// Only entries.jsonl and checkpoint are there, as an auditor may have them.
[[nodiscard]] bool is_copy_of_two_files(LogFiles& files);
/// Error(evidence) unless the checkpoint file opens with the key and names the key's origin, and
/// the origin file too, but in a copy of two files.
[[nodiscard]] SignedCheckpoint read_checkpoint(LogFiles& files, std::string_view verifier_key);

class LogStore final {
  public:
    /// Error(usage) when there is a log already.
    static void create(LogFiles& files, const NoteSigner& signer);
    /// What the key signed goes on, what it did not is set aside: see Log. Error(usage) when there
    /// is no log.
    LogStore(std::unique_ptr<LogFiles> files, const NoteSigner& signer);
    /// Read-only: lines behind the checkpoint are not seen.
    LogStore(std::unique_ptr<LogFiles> files, std::string_view verifier_key);

    [[nodiscard]] const std::optional<std::string>& set_aside() const noexcept {
        return set_aside_;
    }
    Log::Appended append(Json entry);
    [[nodiscard]] std::uint64_t size() const;
    [[nodiscard]] const std::string& checkpoint() const;
    [[nodiscard]] TlogProof prove(std::uint64_t index) const;
    void read_lines(
        std::uint64_t from,
        const std::function<void(std::uint64_t index, std::string_view line)>& take) const;
    [[nodiscard]] std::vector<Digest> prove_consistency(std::uint64_t old_size) const;
    [[nodiscard]] Digest root_at(std::uint64_t size) const;

  private:
    void load(std::string_view verifier_key);
    void publish_signed_head();
    void set_aside_unsigned();
    void push(std::string_view line);
    void write_full_blocks();
    void write_checkpoint();
    void require_usable() const;
    [[noreturn]] void contradiction(const std::string& problem) const;
    [[nodiscard]] Digest node(std::uint64_t position) const;
    [[nodiscard]] std::uint64_t signed_end() const;
    [[nodiscard]] std::uint64_t end_of(std::uint64_t index) const;
    [[nodiscard]] std::string read_entry(std::uint64_t index) const;

    std::unique_ptr<LogFiles> files_;
    std::optional<NoteSigner> signer_;  ///< none: read-only
    SignedCheckpoint checkpoint_;
    std::optional<std::string> set_aside_;  ///< by this opening
    /// False while files and memory may differ: from the first write of a change to its end.
    bool usable_ = true;
    /// What precedes `base_` is in hashes and offsets; what follows is kept here, derived from
    /// the lines at opening. A multiple of kBlockEntries, below size() unless that is 0.
    std::uint64_t base_ = 0;
    std::vector<Digest> tail_nodes_;
    std::vector<std::uint64_t> tail_ends_;
    Frontier frontier_;
    Digest previous_{};  ///< SHA-256 of the last line; zeros before the first
};

/// A signed entry as the audit comes by it.
struct AuditedEntry {
    std::uint64_t index = 0;
    const Json* content = nullptr;       ///< null when the line is none that a log has
    const std::vector<Digest>& created;  ///< the nodes that it completes, in stored order
};
using AuditVisitor = std::function<void(const AuditedEntry&)>;

/// audit_log() over any files; lets their errors through.
[[nodiscard]] LogAudit audit_files(LogFiles& files, std::string_view verifier_key,
                                   const AuditVisitor& visit = {});
/// audit_log(), handing on what it comes by.
[[nodiscard]] LogAudit audit_folder(const std::filesystem::path& directory,
                                    std::string_view verifier_key, const AuditVisitor& visit);

}  // namespace efface::evidence
