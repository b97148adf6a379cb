// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace efface::method {

/// How far something was written, for one who waits for it: ends() always comes, also when the
/// writer throws.
class Watermark final {
  public:
    /// Who waits is woken for a good piece of work only: each wake costs the writer a system call.
    void reach(std::uint64_t up_to) {
        const auto before = mark_.exchange(up_to);
        if (before / kWakeBytes != up_to / kWakeBytes) {
            mark_.notify_one();
        }
    }
    void end() {
        mark_ |= kEnded;
        mark_.notify_one();
    }
    /// Waits until it was written up to there; false when it will not be.
    [[nodiscard]] bool wait_for(std::uint64_t up_to) const {
        auto mark = mark_.load();
        for (; mark < up_to; mark = mark_.load()) {  // kEnded is above every offset
            mark_.wait(mark);
        }
        return (mark & ~kEnded) >= up_to;
    }

  private:
    static constexpr std::uint64_t kEnded = std::uint64_t{1} << 63U;
    static constexpr std::uint64_t kWakeBytes = std::uint64_t{1} << 20U;
    std::atomic<std::uint64_t> mark_{0};
};

struct EndOf {
    Watermark& mark;
    ~EndOf() { mark.end(); }
};

}  // namespace efface::method
