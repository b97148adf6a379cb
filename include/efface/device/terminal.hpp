// SPDX-License-Identifier: Apache-2.0
// How large a terminal is.
#pragma once

#include <optional>

namespace efface::device {

struct TerminalSize {
    unsigned columns = 0;
    unsigned rows = 0;
};
/// TIOCGWINSZ (ioctl_tty(2)); nullopt where the descriptor is no terminal or nobody told it a size.
[[nodiscard]] std::optional<TerminalSize> terminal_size(int fd) noexcept;

}  // namespace efface::device
