// SPDX-License-Identifier: Apache-2.0
// Time that stands still until it is moved, and randomness that repeats itself.
#pragma once

#include <string>

#include "efface/base/clock.hpp"
#include "efface/base/random.hpp"

namespace efface::fake {

/// Both clocks move together, by advance() only. Starts at 2026-01-01T00:00:00Z.
class FixedClock final : public Clock {
  public:
    FixedClock();
    explicit FixedClock(WallTime now) : now_(now) {}

    [[nodiscard]] WallTime now() const override { return now_; }
    [[nodiscard]] SteadyTime steady_now() const override { return steady_; }

    /// Sets the wall clock, as an administrator does; the steady clock stays.
    void set(WallTime now) noexcept { now_ = now; }
    void advance(std::chrono::milliseconds step) noexcept {
        now_ += step;
        steady_ += step;
    }

  private:
    WallTime now_;
    SteadyTime steady_{};
};

/// SHA-256(seed || ":" || counter in decimal), one digest after the other.
class SeededRandom final : public Random {
  public:
    explicit SeededRandom(std::string seed = "efface") : seed_(std::move(seed)) {}
    void fill(MutableByteView bytes) override;

  private:
    std::string seed_;
    std::uint64_t counter_ = 0;
};

}  // namespace efface::fake
