// SPDX-License-Identifier: Apache-2.0
// One question to a child process of ours, one answer, and its end.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::device {

struct Conversation {
    std::filesystem::path program;
    std::vector<std::string> arguments;  ///< without the program's name
    /// Sent one after the other to the standard input, which then ends. Borrowed.
    std::vector<ByteView> request;
    std::size_t answer_bytes_max = 0;
    unsigned deadline_ms = 0;
};

/// What the child wrote to its standard output. Its standard error is ours. It runs in a process
/// group of its own, so that an interrupt from the terminal does not cut it off between two writes,
/// without any other descriptor, and with an empty environment but for PATH and LC_ALL.
/// Throws Error(internal) when it can not be started, misses the deadline (it is killed), says too
/// much, or ends with another status than 0. Always reaps.
[[nodiscard]] std::string converse(const Conversation& conversation);

}  // namespace efface::device
