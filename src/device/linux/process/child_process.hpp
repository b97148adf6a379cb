// SPDX-License-Identifier: Apache-2.0
// A program of ours that runs for as long as its owner wants it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>

namespace efface::device {

/// Killed and reaped when it goes out of scope.
class ChildProcess final {
  public:
    /// Starts `program argument` with a copy of `input` (3 or above, else it is lost) as its
    /// standard input, /dev/null as its standard output and our standard error. It runs in a
    /// process group of its own, so that an interrupt from the terminal does not cut it off between
    /// two writes, without any other descriptor, and with an empty environment but for PATH and
    /// LC_ALL. Throws Error(internal) that names the program.
    [[nodiscard]] static ChildProcess start(const std::filesystem::path& program,
                                            std::string argument, int input);
    ~ChildProcess();
    ChildProcess(ChildProcess&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    ChildProcess& operator=(ChildProcess&&) = delete;
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  private:
    explicit ChildProcess(pid_t pid) noexcept : pid_(pid) {}
    pid_t pid_;
};

}  // namespace efface::device
