// SPDX-License-Identifier: Apache-2.0
// One other thread that does the computing for slots: making a pattern, comparing with it.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace efface::stream {

/// Slots go in with give() and come out of take(), in the same order, with the work done in
/// between. give(), take() and take_back() belong to one thread. Destroying it waits for the slot
/// in hand; those not begun are forgotten.
class SlotWorker final {
  public:
    using Work = std::function<void(std::size_t slot)>;
    /// Throws Error(internal) when the system has no thread for it.
    explicit SlotWorker(Work work);
    ~SlotWorker();
    SlotWorker(const SlotWorker&) = delete;
    SlotWorker& operator=(const SlotWorker&) = delete;

    void give(std::size_t slot);
    /// Given and not taken.
    [[nodiscard]] std::size_t pending() const noexcept { return pending_; }
    /// A slot that is done; nullopt when none is (never, when `wait` and something is pending).
    /// Throws what the work threw.
    [[nodiscard]] std::optional<std::size_t> take(bool wait);
    /// The oldest slot that the thread has not begun with, for who would only wait for it; nullopt
    /// when there is none. Its work is not done.
    [[nodiscard]] std::optional<std::size_t> take_back();

  private:
    void run();

    Work work_;
    std::size_t pending_ = 0;
    std::mutex mutex_;
    std::condition_variable given_changed_;
    std::condition_variable done_changed_;
    std::deque<std::size_t> given_;
    std::deque<std::size_t> done_;
    std::exception_ptr failure_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace efface::stream
