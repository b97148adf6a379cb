// SPDX-License-Identifier: Apache-2.0
// What the log tells of runs: which were on a device, how they ended, which are open.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/digest.hpp"
#include "efface/base/json.hpp"
#include "efface/evidence/log.hpp"

namespace efface::evidence {

/// A run-intent. Texts are empty where the entry has no such field.
struct RunIntent {
    std::uint64_t index = 0;
    std::string at;
    std::string run_id;
    std::string job_id;
    std::string device;                    ///< SHA-256 of the identity, in hex
    std::vector<std::string> device_keys;  ///< empty in what efface 0.1.0 wrote
    std::string technique;
    std::uint64_t attempt = 0;
    std::string manifest;  ///< SHA-256 in hex; empty for a run without order
};
/// Throws Error(evidence) unless the entry is a run-intent with run and device.
[[nodiscard]] RunIntent run_intent_from(const Json& entry, std::uint64_t index);

/// A run from its announcement to its end.
struct LoggedRun {
    RunIntent intent;
    std::optional<std::uint64_t> end;  ///< entry of its outcome or refusal
    std::string status;                ///< of the outcome
    std::string ended_at;
    std::string reason;    ///< of a lost run
    bool refused = false;  ///< nothing was changed; it counts as no attempt
};

/// One device as an intent names it: by keys, and what was written before there were any by the
/// digest of the identity.
class DeviceName final {
  public:
    /// Of a projectIdentity or targetIdentity.
    explicit DeviceName(const Json& identity);
    [[nodiscard]] const std::string& digest() const noexcept { return digest_; }
    [[nodiscard]] const std::vector<std::string>& keys() const noexcept { return keys_; }
    [[nodiscard]] bool is_that_of(const RunIntent& intent) const;

  private:
    std::string digest_;
    std::vector<std::string> keys_;
};

/// The runs on one device, for who is about to add one, and those of one job, whatever storage they
/// were on. Reads every line once, but looks into these only: 0.2 s for 100,000 entries
/// (tests/bench/log_scale.cpp).
class DeviceRuns final {
  public:
    /// `job_id`: of the job; empty: of none.
    explicit DeviceRuns(const Json& identity, std::string job_id = {})
        : device_(DeviceName(identity)), job_id_(std::move(job_id)) {}

    /// From where the last reading ended to the present end of the log. Throws Error(evidence).
    void read(const Log& log);
    /// Entries that were read.
    [[nodiscard]] std::uint64_t entries_read() const noexcept { return next_; }
    [[nodiscard]] const DeviceName& device() const noexcept { return *device_; }
    /// In the order of their intents.
    [[nodiscard]] const std::vector<LoggedRun>& runs() const noexcept { return runs_; }
    /// Likewise.
    [[nodiscard]] const std::vector<LoggedRun>& runs_of_job() const noexcept {
        return runs_of_job_;
    }

  private:
    friend std::vector<LoggedRun> runs_of_job(const Log& log, std::string job_id);
    void take(std::uint64_t index, std::string_view line);
    [[nodiscard]] bool may_be_of_device(std::string_view line) const;

    /// Runs without an end, by the entry of their intent: places in `runs_` and `runs_of_job_`.
    struct Open {
        std::optional<std::size_t> of_device;
        std::optional<std::size_t> of_job;
    };
    DeviceRuns() = default;
    std::optional<DeviceName> device_;  ///< nullopt for runs_of_job() alone
    std::string job_id_;
    std::uint64_t next_ = 0;
    std::vector<LoggedRun> runs_;
    std::vector<LoggedRun> runs_of_job_;
    std::map<std::uint64_t, Open> open_;
};

/// The runs of a job alone. Throws Error(evidence).
[[nodiscard]] std::vector<LoggedRun> runs_of_job(const Log& log, std::string job_id);

/// A log that was audited, as far as its own checkpoint is signed; kept is what verifiers ask, some
/// 500 bytes an entry. Needs entries.jsonl and checkpoint only.
class WholeLog final {
  public:
    /// Problems are in audit(); further answers mean something only when there are none. Never
    /// throws for what is in the folder.
    WholeLog(const std::filesystem::path& directory, std::string_view verifier_key);
    ~WholeLog();
    WholeLog(WholeLog&&) noexcept;
    WholeLog& operator=(WholeLog&&) noexcept;
    WholeLog(const WholeLog&) = delete;
    WholeLog& operator=(const WholeLog&) = delete;

    [[nodiscard]] const LogAudit& audit() const noexcept;
    [[nodiscard]] std::uint64_t size() const noexcept;
    /// Root of the first `size` entries; size <= size() (asserted).
    [[nodiscard]] Digest root_at(std::uint64_t size) const;
    /// index < size() (asserted).
    [[nodiscard]] Digest leaf(std::uint64_t index) const;
    /// The run that this entry announces; null when it announces none.
    [[nodiscard]] const LoggedRun* run_of(std::uint64_t intent) const;
    /// In the order of their intents.
    [[nodiscard]] std::vector<const LoggedRun*> runs_on(const DeviceName& device) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace efface::evidence
