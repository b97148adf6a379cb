// SPDX-License-Identifier: Apache-2.0
// What a run must not lose, in jobs/ID/: run.json says how far the run is, other documents what was
// planned and done (volume-N.json, target.json). Each is replaced by rename, so after a crash it is
// whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/base/file.hpp"
#include "efface/base/json.hpp"
#include "efface/mandate/authorization.hpp"

namespace efface::job {

/// What the documents of a job look like and mean. A job that another version began is not gone on
/// with: its plans were made by other rules. Documents without `journalVersion` are of version 1.
constexpr std::uint64_t kJournalVersion = 3;

constexpr const char* kRunDocument = "run.json";

/// Largest document of a job.
constexpr std::size_t kJournalBytesMax = std::size_t{16} << 20U;

/// In this order; a run is resumed by doing what follows its phase.
enum class Phase {
    announcing,  ///< plans are kept; the intent may or may not be in the log
    running,     ///< the intent is in the log: targets may have been written
    staging,     ///< every volume has its outcome; the staged bundle may or may not be whole
    logging,     ///< the bundle is staged; the outcome may or may not be in the log
    publishing,  ///< the outcome is in the log; the bundle may or may not have its final name
    done,
};

struct PreviousAttempt {
    std::string leaf_hash;
    std::uint64_t log_index = 0;
    std::string run_id;
    std::string status;
};

[[nodiscard]] Json to_json(const PreviousAttempt& attempt);

struct RunState {
    std::uint64_t journal_version = kJournalVersion;
    std::string kind;     ///< "project" or "target"
    std::string subject;  ///< project id or the target's name, for lists
    std::string identity_sha256;
    Phase phase = Phase::announcing;
    std::string run_id;
    std::string started_at;
    mandate::Authorization authorization;
    std::uint64_t attempt = 1;
    std::uint64_t interruptions = 0;
    std::uint64_t log_size_before = 0;  ///< the intent is at this index or behind
    std::uint64_t intent_index = 0;
    std::string intent_leaf_hash;
    std::string checkpoint;
    std::string certificate_sha256;
    std::string signature_sha256;
    std::uint64_t outcome_index = 0;
    bool work_began = false;   ///< in any attempt: a byte of the storage may differ
    std::string completed_at;  ///< of the last attempt; empty while it is at work
    std::string verdict;
    std::string level;
    std::string bundle;   ///< file name below certificates/
    std::string kept_at;  ///< when this was kept: no date in it is later

    /// With a success.
    [[nodiscard]] bool ended_well() const;
    /// Whether this version of the program can resume the job. What another one began is only
    /// delivered, when all that is missing is its evidence, which is staged.
    [[nodiscard]] bool can_go_on() const noexcept {
        return journal_version == kJournalVersion || phase > Phase::staging;
    }
    /// Neither that, nor an end that can be answered: another attempt would have to begin.
    [[nodiscard]] bool is_refused_here() const {
        return journal_version != kJournalVersion &&
               (!can_go_on() || (phase == Phase::done && !ended_well()));
    }
};

/// Throws Error(usage, other_journal_version).
[[noreturn]] void refuse_other_version(const std::string& job_id, std::uint64_t version);
/// Of a document of a job.
[[nodiscard]] std::uint64_t journal_version_of(const Json& document);

class Journal final {
  public:
    /// Makes the folder and takes its lock. Throws Error(busy) when another process has it.
    Journal(const std::filesystem::path& jobs, const std::string& job_id);

    [[nodiscard]] std::optional<RunState> load_run() const;
    /// `now`: its `kept_at` from then on.
    void save_run(RunState& state, WallTime now) const;
    /// As if the run had never begun: for one that was not announced.
    void forget_run() const;
    /// A document of the run, by file name; nullopt when there is none. A damaged one is a failure,
    /// never taken for none; one of another version is refused.
    [[nodiscard]] std::optional<Json> load(const std::string& name) const;
    /// Safe from several threads for different names.
    void save(const std::string& name, Json document) const;
    /// Takes this much room on the file system of the journal, which release_reserve() gives back,
    /// so that a run that could be begun can be certified. Throws Error(internal, no_space).
    void reserve(std::uint64_t bytes) const;
    void release_reserve() const noexcept;
    [[nodiscard]] std::filesystem::path staging() const { return directory_ / "staging"; }

  private:
    std::filesystem::path directory_;
    FileLock lock_;
};

/// A document with the digest of all else in it ("sha256"), as every one is written. One that was
/// edited, or is not whole, is damaged: nothing is continued by what nobody wrote.
[[nodiscard]] Json sealed(Json document, const std::string& job_id);
/// What was read from a document, as it would be written again, must be the document: a field that
/// nobody knows, or a value of another type or form, is damage. Throws Error(internal,
/// journal_damaged).
void require_same(Json document, const Json& read);
/// A document of a job, read without its lock, of whatever version; nullopt when there is none.
/// Throws Error(internal, journal_damaged).
[[nodiscard]] std::optional<Json> read_any_version(const std::filesystem::path& folder,
                                                   const std::string& name);
/// The same; one of another version is refused.
[[nodiscard]] std::optional<Json> read_document(const std::filesystem::path& folder,
                                                const std::string& name);
/// run.json of a job folder, read without its lock; nullopt when there is none. Throws Error for a
/// damaged one and for one of a later version; of earlier ones it is the same.
[[nodiscard]] std::optional<RunState> read_run_state(const std::filesystem::path& directory);
/// Of a job that was not opened: whether an earlier process of it may have written to its storage,
/// and has not ended well. Of a damaged journal nobody knows: true.
[[nodiscard]] bool may_have_changed(const std::filesystem::path& directory);
[[nodiscard]] const char* to_string(Phase phase) noexcept;
/// As journals and certificates have it, without the signatures.
[[nodiscard]] Json authorization_json(const mandate::Authorization& authorization);

/// The verdict of a run that was announced and then refused: nothing was changed, there is no
/// certificate.
constexpr const char* kRefusedRun = "refused";

}  // namespace efface::job
