// SPDX-License-Identifier: Apache-2.0
// Asking many devices at once when some of them may never answer.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace efface::device {

constexpr std::size_t kQuestionsMax = 4096;
constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 20U;

/// Calls ask(i) for every i below `count`, each on a thread of its own in another process, and
/// returns what they answered before the deadline; nothing for the others. A call that hangs in the
/// kernel keeps that process alive, never this one. Texts of more than kAnswerBytesMax are lost.
/// The caller has no other thread. Throws Error(internal) when the process can not be made.
[[nodiscard]] std::vector<std::optional<std::string>> ask_all(
    std::size_t count, const std::function<std::string(std::size_t)>& ask,
    std::chrono::milliseconds deadline);

}  // namespace efface::device
