// SPDX-License-Identifier: Apache-2.0
// The clock of a drive model that a test can stop: what the drive does by itself stands still then,
// while it goes on answering, so that no test must be quick to see it in the middle of something.
#pragma once

#include <mutex>

#include "efface/base/assert.hpp"
#include "efface/base/clock.hpp"

namespace efface::rig {

class HeldClock final : public Clock {
  public:
    [[nodiscard]] WallTime now() const override { return system_.now(); }
    [[nodiscard]] SteadyTime steady_now() const override {
        const std::lock_guard guard(lock_);
        return held_ ? stands_at_ : system_.steady_now() - stood_;
    }

    /// Stops it where it is; once is enough.
    void hold() {
        const std::lock_guard guard(lock_);
        if (!held_) {
            stands_at_ = system_.steady_now() - stood_;
            held_ = true;
        }
    }
    /// Lets so much time pass while it is held.
    void pass(std::chrono::milliseconds time) {
        const std::lock_guard guard(lock_);
        EFFACE_ASSERT(held_);
        stands_at_ += time;
    }
    void release() {
        const std::lock_guard guard(lock_);
        if (held_) {
            stood_ = system_.steady_now() - stands_at_;
            held_ = false;
        }
    }

  private:
    SystemClock system_;
    mutable std::mutex lock_;
    bool held_ = false;
    SteadyTime stands_at_{};
    SteadyTime::duration stood_{};  ///< behind the machine's own clock
};

}  // namespace efface::rig
