// SPDX-License-Identifier: Apache-2.0
#include "pace_keeper.hpp"

#include <condition_variable>
#include <mutex>

namespace efface::stream {

namespace {

/// Half of what the watcher was promised, as a transfer may be waited for in between.
constexpr std::chrono::milliseconds kAskInterval{500};
constexpr std::chrono::milliseconds kPauseInterval{100};
constexpr std::uint64_t kMillisecondsPerSecond = 1000;

/// Sleeps on the real clock, less when a stop is asked for.
void sleep_for(std::chrono::milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    (void)never.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace

PaceKeeper::PaceKeeper(PassWatcher& watcher, const Clock& clock, std::stop_token stop)
    : watcher_(watcher), clock_(clock), stop_(std::move(stop)), started_(clock.steady_now()) {
    samples_.push_back({});
}

bool PaceKeeper::go_on(Pace counts) {
    const SteadyTime now = clock_.steady_now();
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - started_ - paused_);
    if (asked_ && elapsed - asked_at_ < kAskInterval) {
        return !stop_.stop_requested();
    }
    asked_ = true;
    asked_at_ = elapsed;
    counts.elapsed = elapsed;
    counts.bytes_per_second = speed(elapsed, counts.bytes_done);
    switch (watcher_.go(counts)) {
        case PassWatcher::Go::on:
            return !stop_.stop_requested();
        case PassWatcher::Go::pause:
            return wait_out_pause(counts, now);
        case PassWatcher::Go::stop:
            break;
    }
    return false;
}

std::uint64_t PaceKeeper::speed(std::chrono::milliseconds elapsed, std::uint64_t bytes) {
    samples_.push_back({elapsed, bytes});
    while (elapsed - samples_[1].elapsed >= kPaceWindow) {
        samples_.pop_front();
    }
    const Sample& oldest = samples_.front();
    const std::chrono::milliseconds span = elapsed - oldest.elapsed;
    if (span < kPaceWindow) {
        return 0;
    }
    // Bytes of ten seconds times a thousand: fits up to 10^15 bytes a second.
    return (bytes - oldest.bytes) * kMillisecondsPerSecond /
           static_cast<std::uint64_t>(span.count());
}

// Ends when the watcher or the stop token says so: however long a person pauses.
bool PaceKeeper::wait_out_pause(const Pace& pace, SteadyTime began) {
    PassWatcher::Go go = PassWatcher::Go::pause;
    while (go == PassWatcher::Go::pause && !stop_.stop_requested()) {
        sleep_for(kPauseInterval, stop_);
        go = watcher_.go(pace);
    }
    paused_ += clock_.steady_now() - began;
    return go != PassWatcher::Go::stop && !stop_.stop_requested();
}

}  // namespace efface::stream
