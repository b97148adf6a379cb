// SPDX-License-Identifier: Apache-2.0
// The append-only log of runs: JSON lines, chained by `prev`, which are also the leaves of an
// RFC 6962 Merkle tree whose head is a C2SP checkpoint (signed note, Ed25519).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/digest.hpp"
#include "efface/base/json.hpp"
#include "efface/base/secret.hpp"

namespace efface::evidence {

// --- RFC 6962 section 2.1 (RFC 9162 section 2.1) ---------------------------------------------

[[nodiscard]] Digest leaf_hash(ByteView entry);
[[nodiscard]] Digest node_hash(const Digest& left, const Digest& right);
/// The root that `leaf` at `index` in a tree of `size` leaves gives with `path`
/// (RFC 9162 section 2.1.3.2); nullopt when the path has the wrong length or index >= size.
[[nodiscard]] std::optional<Digest> root_from_inclusion(std::uint64_t index, std::uint64_t size,
                                                        const Digest& leaf,
                                                        const std::vector<Digest>& path);
/// RFC 9162 section 2.1.4.2.
[[nodiscard]] bool consistency_holds(std::uint64_t old_size, const Digest& old_root,
                                     std::uint64_t new_size, const Digest& new_root,
                                     const std::vector<Digest>& path);

// --- C2SP signed-note and tlog-checkpoint ----------------------------------------------------

/// Largest note that is read: room for some dozen cosignatures.
constexpr std::size_t kNoteBytesMax = 131'072;

/// Signs notes with an Ed25519 key (C2SP signed-note, type 0x01). Copies share the key.
class NoteSigner final {
  public:
    /// `name` is the log's origin: 1 to 255 printable ASCII characters, no space, no '+'. `seed`
    /// is the 32-byte private key (RFC 8032). Throws Error(usage) for anything else.
    NoteSigner(std::string name, const SecretBytes& seed);

    [[nodiscard]] const std::string& name() const noexcept;
    /// "name+hex(key id)+base64(0x01 || public key)", one line without line feed.
    [[nodiscard]] std::string verifier_key() const;
    /// The text with a blank line and the signature line behind it. The text must be of printable
    /// ASCII and line feeds and end in a line feed (asserted).
    [[nodiscard]] std::string sign(std::string_view text) const;

  private:
    struct State;
    std::shared_ptr<const State> state_;
};

/// The line of a file like log.vkey, without the line feeds behind it; nullopt when that is no
/// verifier key as above, to the byte.
[[nodiscard]] std::optional<std::string> verifier_key_line(std::string_view text);

/// The text of a note if exactly the key of `verifier_key` (line as above) signed it; nullopt
/// otherwise. Signatures of other keys are ignored, a bad one of this key is not: nullopt.
/// Input is foreign: bounded by kNoteBytesMax, never throws.
[[nodiscard]] std::optional<std::string> open_note(std::string_view note,
                                                   std::string_view verifier_key);

struct Checkpoint {
    std::string origin;
    std::uint64_t size = 0;
    Digest root{};
};
[[nodiscard]] std::string checkpoint_text(const Checkpoint& checkpoint);
/// Parses the text of an opened note; nullopt unless exactly of that form.
[[nodiscard]] std::optional<Checkpoint> parse_checkpoint(std::string_view text);

/// c2sp.org/tlog-proof@v1 with our entry as the `extra` line.
struct TlogProof {
    std::string entry;  ///< the log line without line feed
    std::uint64_t index = 0;
    std::vector<Digest> path;
    std::string checkpoint;  ///< signed note
};
[[nodiscard]] std::string tlog_proof_text(const TlogProof& proof);
[[nodiscard]] std::optional<TlogProof> parse_tlog_proof(std::string_view text);

/// That a tree only grew, in the form in which a c2sp.org/tlog-witness is asked: "old" and the size
/// of the old tree, a line a hash, an empty line, the new checkpoint.
struct ConsistencyProof {
    std::uint64_t old_size = 0;
    std::vector<Digest> path;
    std::string checkpoint;  ///< signed note
};
[[nodiscard]] std::string consistency_proof_text(const ConsistencyProof& proof);
[[nodiscard]] std::optional<ConsistencyProof> parse_consistency_proof(std::string_view text);

// --- the log on disk ---------------------------------------------------------------------------

/// Largest line, with its line feed (C2SP tlog-tiles limits an entry to 65,535 bytes).
constexpr std::size_t kLogEntryBytesMax = 65'535;

/// A log in a folder:
///   entries.jsonl  the lines
///   hashes   the complete nodes of the tree, 32 bytes each: every leaf, and behind it the inner
///            nodes that it completes, lowest first
///   offsets  where each line ends, behind its line feed: 8 bytes each, big-endian
///   checkpoint  signed note over what is durable     origin  the log's name     lock  for flock(2)
///   unsigned-SIZE-SHA256.jsonl  what stood behind SIZE entries and was set aside
/// hashes and offsets are written in blocks of 256 entries and always lack the last 1 to 256
/// entries, which opening derives from their lines. Opening, appending and proving so read and
/// write O(log n) of the log (and at most 256 lines more), whatever its size. What a log hands out
/// was compared with its checkpoint just before.
///
/// One writer at a time. An append writes and flushes the line, then replaces the checkpoint
/// (flush, rename, flush of the folder). What the log's key did not sign is never signed later: who
/// opens the log to write moves what is behind the checkpoint, lines or parts of them, to a
/// file of its own, and goes on at the signed size. Only a head that was signed over those very
/// lines, and left as checkpoint.new, is brought to its name instead. Anything that contradicts the
/// checkpoint is Error(evidence) and nothing is written. After a failed write the object answers
/// everything but size() with Error(evidence); opening again finds the entry completely there or
/// not at all.
class Log final {
  public:
    /// Makes an empty log (mode 0700). Throws Error(usage) if there is one.
    static void create(const std::filesystem::path& directory, const NoteSigner& signer);
    /// Waits at most `lock_wait_ms` for another writer, then Error(busy). Error(usage) when there
    /// is no log.
    [[nodiscard]] static Log open(const std::filesystem::path& directory, const NoteSigner& signer,
                                  unsigned lock_wait_ms = 10'000);
    /// Without key and lock, for verification: nothing is repaired; the checkpoint must open with
    /// the verifier key. Throws Error(evidence) when it does not.
    [[nodiscard]] static Log open_read_only(const std::filesystem::path& directory,
                                            std::string_view verifier_key);
    ~Log();
    Log(Log&&) noexcept;
    Log& operator=(Log&&) noexcept;
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    struct Appended {
        std::uint64_t index = 0;
        std::string leaf_hash_hex;
        std::string line;  ///< canonical JSON as stored, without line feed
    };
    /// Adds `seq` (its index) and `prev` (hex SHA-256 of the line before it, zeros for the first)
    /// to the object, writes it, signs the new checkpoint; durable when it returns. Throws
    /// Error(usage) for an entry that is not an object, has one of the two, is outside our JSON
    /// subset (canonical_json) or gets larger than kLogEntryBytesMax, and Error(evidence) when it
    /// cannot be made durable. Not for logs that were opened read-only (asserted).
    Appended append(Json entry);

    /// The name of the file in the log's folder that this opening set unsigned lines aside in.
    [[nodiscard]] std::optional<std::string> set_aside() const;
    [[nodiscard]] std::uint64_t size() const noexcept;
    /// The signed note over the present tree.
    [[nodiscard]] std::string checkpoint() const;
    /// The line of an entry, without line feed. Error(usage) when index >= size().
    [[nodiscard]] std::string entry(std::uint64_t index) const;
    /// Proof that entry `index` is in the present tree.
    [[nodiscard]] TlogProof prove(std::uint64_t index) const;
    /// Every line from entry `from` on, without line feed, in order: for who looks for some and
    /// proves those that it finds. Not compared with the checkpoint.
    void read_lines(
        std::uint64_t from,
        const std::function<void(std::uint64_t index, std::string_view line)>& take) const;
    /// Proof that the tree of `old_size` leaves is a prefix of the present one.
    [[nodiscard]] std::vector<Digest> prove_consistency(std::uint64_t old_size) const;
    /// Root of the first `size` leaves.
    [[nodiscard]] Digest root_at(std::uint64_t size) const;

  private:
    struct State;
    explicit Log(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// The status of a run-outcome that closes a run whose end nobody saw (its job was replaced, its
/// folder is gone): `reason` says why, and `certificate` and `signature` are absent.
constexpr const char* kLostRun = "lost";

struct LogAudit {
    std::uint64_t entries = 0;
    /// Behind the signed entries: what a run that goes on, or was cut short, has written and nobody
    /// signed yet, or anybody added. Not looked at; proof of nothing.
    std::uint64_t unsigned_lines = 0;
    std::vector<std::string> set_aside;  ///< files that such lines were moved to (first 1,000)
    bool readable = true;  ///< false: the system does not let us read it, which shows nothing
    std::vector<std::string> problems;        ///< in words, the first 100; none: the log is whole
    std::vector<std::uint64_t> open_intents;  ///< run-intent without run-outcome (first 1,000)
    std::vector<std::uint64_t> lost_runs;     ///< run-outcome with kLostRun (first 1,000)
};
/// Reads the whole log as far as its checkpoint is signed, without lock: every line parsed,
/// chained, numbered; every run-outcome closing (`intent`) an open run-intent, and a lost one of
/// the form above; the tree, hashes and offsets equal to the checkpoint. A copy of entries.jsonl
/// and checkpoint alone is enough: then there is neither hashes, offsets nor origin. O(n) time,
/// memory of O(log n) and the open runs. Never throws for what is in the folder.
[[nodiscard]] LogAudit audit_log(const std::filesystem::path& directory,
                                 std::string_view verifier_key);

}  // namespace efface::evidence
