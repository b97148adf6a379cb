// SPDX-License-Identifier: Apache-2.0
// What a run tells while it goes on: one object an event, as efface-events(7) lists them.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "efface/base/clock.hpp"
#include "efface/base/json.hpp"
#include "efface/base/progress.hpp"

namespace efface::job {

/// Receives complete events. Called by one thread at a time. What it throws is dropped: whoever
/// looks at a run never steers it.
using EventReceiver = std::function<void(const Json& event)>;

/// Numbers and dates the events of one run, from 0 without a gap, and hands them on. Threads may
/// share one.
class Events final {
  public:
    /// `target`: the name of the one target of the run; empty for a project.
    Events(EventReceiver receiver, const Clock& clock, std::string target = {})
        : receiver_(std::move(receiver)), clock_(clock), target_(std::move(target)) {}
    void set_job(std::string job_id);
    /// Adds schema, ts, seq, job_id and event to `fields`, and `target` where the run has one and
    /// they do not name it.
    void emit(const char* event, Json fields);
    /// How many the receiver did not take.
    [[nodiscard]] std::uint64_t lost() const;

  private:
    mutable std::mutex mutex_;
    EventReceiver receiver_;
    const Clock& clock_;
    std::string target_;
    std::string job_id_;
    std::uint64_t sequence_ = 0;
    std::uint64_t lost_ = 0;
};

/// `target` of an event.
[[nodiscard]] Json event_target(const std::string& name);
/// `refused`, or `stopped` where a byte of the storage may have changed: what failed, as an event
/// says it: its `code` is the exit status, its `reason` the code of efface-reasons(7). `name` of
/// the target, or empty.
void emit_failure(Events& events, const std::string& name, const Error& error, bool changed);

/// Adds up the bytes of all workers and emits `progress` at most once a second.
class ProgressMeter final : public ProgressSink {
  public:
    /// `target` is in each event unless it is null; `celsius` is asked once an event, where
    /// there is one.
    ProgressMeter(Events& events, const Clock& clock, std::uint64_t bytes_total,
                  Json target = nullptr, std::function<std::optional<int>()> celsius = nullptr);
    void advance(std::uint64_t bytes) override;
    void phase(std::string_view what) override;
    void faults(std::uint64_t bytes) override;

  private:
    std::mutex mutex_;
    Events& events_;
    const Clock& clock_;
    std::uint64_t bytes_total_;
    Json target_;
    std::function<std::optional<int>()> celsius_;
    std::string phase_;
    std::uint64_t phase_from_ = 0;
    std::uint64_t fault_bytes_ = 0;
    std::uint64_t bytes_done_ = 0;
    SteadyTime started_;
    SteadyTime last_;
};

}  // namespace efface::job
