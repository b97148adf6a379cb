// SPDX-License-Identifier: Apache-2.0
// What the runs and plans of one session need not read again and again: each file once, and again
// when it is another one.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "efface/base/clock.hpp"
#include "efface/evidence/keys.hpp"
#include "efface/job/known_log.hpp"

namespace efface::job {

/// The keys of the station. For any thread.
class OpenKeys final {
  public:
    /// As evidence::KeyStore::open().
    [[nodiscard]] evidence::KeyStore open(const std::filesystem::path& directory);
    /// Whether a trial of the keys that open() gave last is good. Certificates hold from one time to
    /// another: it is not made again between two that were good, nor for a while after.
    [[nodiscard]] bool is_good(WallTime now, const std::function<bool()>& trial);

  private:
    std::mutex opening_;
    std::string files_;  ///< by which a change is seen
    std::optional<evidence::KeyStore> keys_;
    std::optional<WallTime> good_from_;
    WallTime good_to_{};
};

struct SessionCache {
    KnownLogs known_logs;
    OpenKeys keys;
};

}  // namespace efface::job
