// SPDX-License-Identifier: Apache-2.0
// Which limit of an order was passed while a device was worked on, and what became of it.
#pragma once

#include <string>

#include "efface/base/json.hpp"
#include "efface/mandate/limits.hpp"

namespace efface::method {

/// A device that is paused for its heat goes on when it is so much cooler.
constexpr int kCoolDownCelsius = 5;

/// Which limit was passed.
enum class Limit { deadline, speed, temperature };
[[nodiscard]] const char* to_string(Limit limit) noexcept;
/// An entry of `limits.events` in a record, and of limitEvents in a journal, for every method:
/// {"at": RFC 3339, "limit": "deadline" | "speed" | "temperature", "what": for a person, "then":
/// "go-on" | "pause" | "stop"}. efface-certificate(5) has the same; the page shows "what".
[[nodiscard]] Json limit_event(std::string at, Limit limit, std::string what, mandate::Then then);

}  // namespace efface::method
