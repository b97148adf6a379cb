// SPDX-License-Identifier: Apache-2.0
// Asking many devices at once when some of them may never answer.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace efface::device {

constexpr std::size_t kQuestionsMax = 4096;
constexpr std::size_t kAnswerBytesMax = std::size_t{1} << 20U;
/// What one question is answered, piece by piece.
constexpr std::size_t kAnswersMax = 4;

using Tell = std::function<void(const std::string& text)>;

/// Of the other process: what this one has open, or nothing. Where it hangs in the kernel, locks
/// and exclusive holds that it was given outlive who took them.
enum class Descriptors { kept, closed };

/// Calls ask(i, tell) for every i below `count` in another process and returns what each told
/// before the deadline, in its order. A few are asked at a time; where that goes too slowly, more
/// and more are, so that after a second, or a third of a shorter deadline, each has been begun,
/// however many hang. That process is killed at the deadline; a call that hangs in the kernel keeps
/// it, never this one. Texts of more than kAnswerBytesMax, and those behind the first kAnswersMax
/// of one question, are lost. Where the caller has other threads, ask() takes no lock but the
/// allocator's. Throws Error(internal) when the process cannot be made.
[[nodiscard]] std::vector<std::vector<std::string>> ask_all(
    std::size_t count, const std::function<void(std::size_t, const Tell&)>& ask,
    std::chrono::milliseconds deadline, Descriptors descriptors = Descriptors::kept);

}  // namespace efface::device
