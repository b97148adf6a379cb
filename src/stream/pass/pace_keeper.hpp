// SPDX-License-Identifier: Apache-2.0
// Asks the watcher of a pass whether it goes on, and measures the pace for it.
#pragma once

#include <deque>

#include "efface/stream/pass.hpp"

namespace efface::stream {

class PaceKeeper final {
  public:
    PaceKeeper(PassWatcher& watcher, const Clock& clock, std::stop_token stop);

    /// Asks when it is time to. Returns false when the pass is to stop; waits while the watcher
    /// says pause. `counts` has offset_bytes, bytes_done and fault_bytes.
    [[nodiscard]] bool go_on(Pace counts);

  private:
    [[nodiscard]] std::uint64_t speed(std::chrono::milliseconds elapsed, std::uint64_t bytes);
    [[nodiscard]] bool wait_out_pause(const Pace& pace, SteadyTime began);

    struct Sample {
        std::chrono::milliseconds elapsed{0};
        std::uint64_t bytes = 0;
    };
    PassWatcher& watcher_;
    const Clock& clock_;
    std::stop_token stop_;
    SteadyTime started_;
    SteadyTime::duration paused_{0};
    bool asked_ = false;
    std::chrono::milliseconds asked_at_{0};
    std::deque<Sample> samples_;  // oldest first; spans little more than kPaceWindow
};

}  // namespace efface::stream
