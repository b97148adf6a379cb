// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <mutex>

#include "efface/base/clock.hpp"
#include "efface/job/context.hpp"

namespace efface::job {

/// A wall clock that never goes back: whoever sets the machine's clock while a run goes on, or
/// between two processes of one job, must not make a record in which something ends before it
/// began. The clock below outlives it.
class ForwardClock final : public Clock {
  public:
    explicit ForwardClock(const Clock& clock) : clock_(clock), latest_(clock.now()) {}
    [[nodiscard]] WallTime now() const override {
        const std::lock_guard lock(mutex_);
        latest_ = std::max(latest_, clock_.now());
        return latest_;
    }
    /// It shows no time before this one from now on.
    void go_on_from(WallTime at) {
        const std::lock_guard lock(mutex_);
        latest_ = std::max(latest_, at);
    }
    [[nodiscard]] SteadyTime steady_now() const override { return clock_.steady_now(); }

  private:
    const Clock& clock_;
    mutable std::mutex mutex_;
    mutable WallTime latest_;
};

/// What a run depends on, with such a clock. The context below outlives it.
struct ForwardContext {
    explicit ForwardContext(const RunContext& below)
        : clock(below.clock), context{below.state,  below.host, clock,      below.random,
                                      below.events, below.wait, below.cache} {}

    ForwardClock clock;
    RunContext context;
};

}  // namespace efface::job
