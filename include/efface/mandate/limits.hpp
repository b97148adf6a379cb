// SPDX-License-Identifier: Apache-2.0
// How long, how slow and how hot a device may get before it is left: a dying drive must not hold a
// bench.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

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

}  // namespace efface::mandate
