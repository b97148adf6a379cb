// SPDX-License-Identifier: Apache-2.0
// What a run must not lose, in jobs/ID/: run.json says how far the run is, volume-N.json what was
// planned and done for one volume. Each is replaced by rename, so after a crash it is whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"
#include "efface/job/plan.hpp"

namespace efface::job {

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

struct RunState {
    Phase phase = Phase::announcing;
    std::string run_id;
    std::string started_at;
    Json authorization;
    std::string approvals_der;  ///< base64 of the approvals, or empty
    std::uint64_t attempt = 1;
    std::uint64_t interruptions = 0;
    std::uint64_t log_size_before = 0;  ///< the intent is at this index or behind
    std::uint64_t intent_index = 0;
    std::string intent_leaf_hash;
    std::string checkpoint;
    std::string certificate_sha256;
    std::string signature_sha256;
    std::uint64_t outcome_index = 0;
    std::string verdict;
    std::string level;
    std::string bundle;  ///< file name below certificates/
};

/// What became of one volume, as the certificate will say it.
struct VolumeState {
    VolumePlan plan;
    bool done = false;
    std::uint64_t attempt = 1;  ///< in which `outcome` came about
    Json outcome;               ///< the volume's part of the certificate, when done
    Json observations;          ///< what was seen, for evidence/observations.jsonl
};

class Journal final {
  public:
    /// Makes the folder and takes its lock. Throws Error(busy) when another process has it.
    Journal(const std::filesystem::path& jobs, const std::string& job_id);

    [[nodiscard]] std::optional<RunState> load_run() const;
    void save_run(const RunState& state) const;
    [[nodiscard]] std::optional<VolumeState> load_volume(std::size_t index) const;
    /// Safe from several threads for different volumes.
    void save_volume(std::size_t index, const VolumeState& state) const;
    [[nodiscard]] std::filesystem::path staging() const { return directory_ / "staging"; }

  private:
    [[nodiscard]] std::filesystem::path volume_path(std::size_t index) const;
    std::filesystem::path directory_;
    FileLock lock_;
};

/// The earlier outcomes of one project identity, in jobs/by-project/SHA256.json.
class AttemptIndex final {
  public:
    AttemptIndex(const std::filesystem::path& jobs, const std::string& identity_sha256);
    [[nodiscard]] std::vector<PreviousAttempt> load() const;
    /// Adds one unless it is there (a run may be repeated after a crash).
    void add(const PreviousAttempt& attempt) const;

  private:
    std::filesystem::path path_;
};

}  // namespace efface::job
