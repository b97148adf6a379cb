// SPDX-License-Identifier: Apache-2.0
// How long, how slow and how hot a device may get before it is left, and how worn it may be to be
// begun with: a dying drive must not hold a bench.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::mandate {

/// What happens when a limit is passed.
enum class Then { go_on, pause, stop };
[[nodiscard]] const char* to_string(Then then) noexcept;
[[nodiscard]] std::optional<Then> then_from_string(std::string_view text) noexcept;

/// 0 = no limit.
struct Limits {
    std::uint64_t bytes_per_second_min = 0;  ///< over stream::kPaceWindow
    Then when_slow = Then::stop;             ///< go_on or stop
    std::chrono::seconds deadline{0};        ///< of this process's work on the target
    Then when_late = Then::stop;             ///< go_on or stop
    int celsius_max = 0;
    Then when_hot = Then::pause;  ///< paused until method::kCoolDownCelsius below
};

[[nodiscard]] Json to_json(const Limits& limits);
/// Of the journal. Throws Json::exception for anything else.
[[nodiscard]] Limits limits_from_json(const Json& json);

/// How worn a drive may be, by its own report; nullopt: no limit. A drive beyond one, or that does
/// not report a limited value, is refused before anything is written.
struct HealthLimits {
    using Limit = std::optional<std::uint64_t>;
    Limit reallocated_max;
    Limit pending_max;
    Limit media_errors_max;
    Limit power_on_hours_max;
    Limit wear_percent_max;
    Limit spare_percent_min;
    bool refuse_failing = false;  ///< a drive that says that it is failing

    friend bool operator==(const HealthLimits&, const HealthLimits&) = default;
};
struct HealthLimitRow {
    const char* key;    ///< in an order, below "health"
    const char* count;  ///< what is limited, as records name it
    HealthLimits::Limit HealthLimits::*limit;
    bool at_least = false;  ///< else at most
};
[[nodiscard]] const std::vector<HealthLimitRow>& health_limit_rows();

/// Only those that are set.
[[nodiscard]] Json to_json(const HealthLimits& limits);
/// Of the journal. Throws Json::exception for anything else.
[[nodiscard]] HealthLimits health_limits_from_json(const Json& json);

}  // namespace efface::mandate
