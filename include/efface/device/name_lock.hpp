// SPDX-License-Identifier: Apache-2.0
// Keeps two processes from working on what has the same name: a lock in a file that all of them
// share, on a byte whose place stands for the name. It goes with its owner, and leaves nothing.
#pragma once

#include <filesystem>
#include <string_view>

#include "efface/base/file.hpp"

namespace efface::device {

class NameLock final {
  public:
    enum class State { ours, elsewhere, unknown };

    /// Makes the file (not its folder) where it is missing. `unknown` where it can't be made or
    /// opened (a user who is not root, no such folder): then nothing is locked.
    [[nodiscard]] static NameLock acquire(const std::filesystem::path& file, std::string_view name);
    /// Whether somebody has it: never takes it, so that asking is in nobody's way.
    [[nodiscard]] static bool is_held(const std::filesystem::path& file, std::string_view name);

    [[nodiscard]] State state() const noexcept { return state_; }

  private:
    NameLock(UniqueFd fd, State state) noexcept : fd_(std::move(fd)), state_(state) {}
    UniqueFd fd_;
    State state_ = State::unknown;
};

}  // namespace efface::device
