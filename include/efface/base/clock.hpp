// SPDX-License-Identifier: Apache-2.0
// Time as a dependency, so that a test can hold it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace efface {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual WallTime now() const = 0;
    [[nodiscard]] virtual SteadyTime steady_now() const = 0;
};

class SystemClock final : public Clock {
  public:
    [[nodiscard]] WallTime now() const override;
    [[nodiscard]] SteadyTime steady_now() const override;
};

/// "2026-11-21T09:41:07Z" (RFC 3339, UTC, whole seconds, rounded down).
[[nodiscard]] std::string to_rfc3339(WallTime time);
/// Exactly the form above (years 1970 to 9999); nullopt for anything else, also for 31 February.
[[nodiscard]] std::optional<WallTime> from_rfc3339(std::string_view text);

}  // namespace efface
