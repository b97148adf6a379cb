// SPDX-License-Identifier: Apache-2.0
// What every run depends on.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <stop_token>

#include "efface/base/clock.hpp"
#include "efface/base/random.hpp"
#include "efface/job/events.hpp"
#include "efface/job/host.hpp"

namespace efface::job {

/// Where a run keeps what it must not lose.
struct StateDirectory {
    std::filesystem::path root;
    [[nodiscard]] std::filesystem::path keys() const { return root / "keys"; }
    [[nodiscard]] std::filesystem::path log() const { return root / "log"; }
    [[nodiscard]] std::filesystem::path jobs() const { return root / "jobs"; }
    [[nodiscard]] std::filesystem::path certificates() const { return root / "certificates"; }
};

/// Returns after the pause, or as soon as the stop is requested: false then.
using Wait = std::function<bool(std::chrono::milliseconds pause, const std::stop_token& stop)>;
/// On this machine's steady clock.
[[nodiscard]] bool wait_or_stop(std::chrono::milliseconds pause, const std::stop_token& stop);

struct SessionCache;

/// Everything a run depends on. References must outlive the call.
struct RunContext {
    StateDirectory state;
    Host& host;
    const Clock& clock;
    Random& random;
    Events& events;
    Wait wait = wait_or_stop;
    /// Of the session, where there is one; for any thread.
    SessionCache* cache = nullptr;
};

}  // namespace efface::job
