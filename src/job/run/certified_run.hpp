// SPDX-License-Identifier: Apache-2.0
// What every run has, whatever it erases: a job folder, an intent in the log before the first
// destructive command, an outcome that closes it, and a bundle that is never half there.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "efface/evidence/bundle.hpp"
#include "efface/evidence/keys.hpp"
#include "efface/evidence/log_runs.hpp"
#include "efface/job/context.hpp"
#include "efface/mandate/authorization.hpp"

#include "journal/journal.hpp"
#include "preflight.hpp"

namespace efface::job {

class CertifiedRun final {
  public:
    /// `journal` is that of the job, with its lock. `runs` of its storage and of the job, as far as
    /// they were read. `station` outlives it.
    CertifiedRun(RunContext& context, const Station& station, std::string job_id, Journal journal,
                 evidence::DeviceRuns runs);

    [[nodiscard]] const std::string& job_id() const noexcept { return job_id_; }
    [[nodiscard]] const std::string& identity_sha256() const noexcept { return identity_sha256_; }
    [[nodiscard]] const evidence::KeyStore& keys() const noexcept { return keys_; }
    [[nodiscard]] const Journal& journal() const noexcept { return journal_; }
    /// Empty until it was loaded by the constructor or begun.
    [[nodiscard]] RunState& state() noexcept { return state_; }
    [[nodiscard]] const RunState& state() const noexcept { return state_; }
    /// Another version of the program began it: its other documents are not to be read. Throws
    /// Error(usage) unless nothing is left to do but to deliver its evidence.
    [[nodiscard]] bool of_other_version() const;
    /// Before this run, on this storage, by what stays of its identity: as the log tells while a
    /// certificate is asked for.
    [[nodiscard]] const std::vector<PreviousAttempt>& attempts() const noexcept {
        return attempts_;
    }
    [[nodiscard]] std::filesystem::path bundle_path() const {
        return context_.state.certificates() / state_.bundle;
    }

    /// A new job, its first attempt.
    void begin(const char* kind, const std::string& subject,
               const mandate::Authorization& authorization);
    /// A fresh run id and bundle name; the phase is announcing.
    void begin_attempt(std::uint64_t attempt);
    /// From now on a byte of the storage may differ: durable when this returns.
    void work_begins();
    /// Every target has its outcome.
    void work_ended();
    /// An earlier process was interrupted while it was running.
    void note_interruption();

    /// The intent is in the log, durably, when this returns; the phase is running. `fields` are
    /// added to the entry. What an abandoned job left open for the same storage is closed as lost;
    /// Error(busy) while a job works on it.
    void announce(Json fields);

    /// The guard refused after the announcement: said in the log, and the job is at its end without
    /// a certificate. Nothing was changed by it.
    void refuse(const Error& error);
    /// The job's last run was refused so.
    [[nodiscard]] bool refused() const;
    /// The run of another job that has erased the same storage since, by the log.
    [[nodiscard]] std::optional<evidence::LoggedRun> replacement() const;
    /// Ended without a certificate: refused after it was announced, or given up as lost.
    [[nodiscard]] bool closed() const;

    /// From staging to done. The callbacks give the certificate's predicate and the evidence files
    /// once. Throws Error with everything kept for another try.
    struct Content {
        Json predicate;
        std::vector<evidence::EvidenceFile> files;
    };
    /// Of a run that goes on, before anything is changed by it: throws Error(internal,
    /// journal_damaged) where what its journal holds makes no record, not even of a failure.
    void try_record(const Content& trial);
    /// The record is judged before it is signed, by the rules of every verifier. Where it bears
    /// less than it claims, the claim is lowered and `lowered` is told the predicate as it will be
    /// signed, before anything of it is kept.
    void deliver(const std::function<Content(WallTime now)>& content,
                 const std::function<void(const Json& predicate)>& lowered);
    /// Throws Error(evidence) when the delivered bundle is no longer there as it was.
    void check_delivered() const;

  private:
    void enter(Phase phase);
    void take_end_from_log();
    void read_attempts();
    void stage(const std::function<Content(WallTime now)>& content,
               const std::function<void(const Json& predicate)>& lowered);
    /// Unless it is there already.
    void log_outcome();
    void check_announcement(const evidence::Log& log) const;
    [[nodiscard]] bool is_announced_at(const evidence::Log& log, std::uint64_t index) const;
    [[nodiscard]] bool is_staged_otherwise() const;
    [[nodiscard]] std::uint64_t append_outcome(evidence::Log log);
    [[nodiscard]] std::uint64_t announced_size() const;
    void publish();
    void close_abandoned(evidence::Log& log, const evidence::LoggedRun& run);
    void take_intent(evidence::Log log, Json fields);
    [[nodiscard]] std::uint64_t append_intent(evidence::Log& log, Json fields);
    [[nodiscard]] evidence::Log read_log() const;
    [[nodiscard]] evidence::Log open_log();

    RunContext& context_;
    const Station& station_;
    std::string job_id_;
    const evidence::KeyStore& keys_;
    std::string identity_sha256_;
    Journal journal_;
    evidence::DeviceRuns runs_;  ///< as far as the log was read
    std::vector<PreviousAttempt> attempts_;
    std::vector<std::string> set_aside_;  ///< files beside the log that nobody was told of yet
    RunState state_;
};

}  // namespace efface::job
