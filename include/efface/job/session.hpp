// SPDX-License-Identifier: Apache-2.0
// The runs of one command, or of whatever shows runs to people: their threads, the wish to stop
// them, their events and what became of each. It knows no terminal.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/job/context.hpp"
#include "efface/job/project_run.hpp"
#include "efface/job/run_result.hpp"
#include "efface/job/session_cache.hpp"
#include "efface/job/target_run.hpp"

namespace efface::job {

/// Of several exit statuses the one that must be looked at first: efface-exit(7).
[[nodiscard]] int worst_status(int a, int b) noexcept;

/// What became of a session's runs, in the order in which they were added.
struct SessionResult {
    std::vector<RunResult> runs;
    std::size_t events_lost = 0;  ///< that a receiver did not take

    /// The worst of them; 0 of none.
    [[nodiscard]] int exit_status() const noexcept;
    /// Whether a byte of any storage may differ.
    [[nodiscard]] bool changed() const noexcept;
};

/// Add runs, carry them out, ask for the result. One session is carried out once. result(),
/// request_stop() and token() may be called from any thread at any time.
class Session final {
  public:
    /// `below` is what each run depends on but its events. References outlive the session.
    struct Basis {
        StateDirectory state;
        Host& host;
        const Clock& clock;
        Random& random;
        Wait wait = wait_or_stop;
    };
    /// A run to its end. What it throws before it is a run is in its result.
    using Work = std::function<RunResult(RunContext& context, const std::stop_token& stop)>;

    /// `receiver` gets the events of all runs, from one thread at a time.
    Session(Basis basis, EventReceiver receiver);

    /// `request` is kept until the session ends. What others free is swept after them: a run on
    /// memory:free begins when all others have ended, and not at all when a stop was asked for.
    void add(TargetRequest request);
    /// A project, by the name that its result has when it does not come to be a run. `began` says
    /// then whether an earlier run of it may have changed its storage.
    void add_project(
        std::string name, Work work, std::function<bool()> began = [] { return false; });

    /// Carries all out, each in a thread of its own, but for a project in the caller's: what fails
    /// for one does not touch the others. Returns when the last has ended.
    void carry_out();

    /// At the next safe point of each run.
    void request_stop() noexcept { stop_.request_stop(); }
    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

    /// As of now. What has not ended is told as left at work: interrupted, and perhaps changed.
    [[nodiscard]] SessionResult result() const;

  private:
    struct Run {
        std::string name;
        std::string event_target;  ///< empty: its events name their targets themselves
        bool after_others = false;
        Work work;
        std::function<bool()> began;  ///< whether an earlier run may have changed the storage
        RunResult result;
        bool ended = false;
    };
    void carry_out(bool after_others);
    void carry_out(Run& run);
    [[nodiscard]] RunResult result_of(const Run& run, Events& events);
    [[nodiscard]] static RunResult refused(const Run& run, Events& events, Error error);

    Basis basis_;
    SessionCache cache_;
    EventReceiver receiver_;
    std::mutex receiving_;
    std::stop_source stop_;
    mutable std::mutex ending_;  ///< of `result` and `ended` of each run, and of `events_lost_`
    std::vector<Run> runs_;
    std::size_t events_lost_ = 0;
};

}  // namespace efface::job
