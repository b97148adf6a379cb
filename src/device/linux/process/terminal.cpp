// SPDX-License-Identifier: Apache-2.0
#include "efface/device/terminal.hpp"

#include <sys/ioctl.h>

namespace efface::device {

std::optional<TerminalSize> terminal_size(int fd) noexcept {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
        return std::nullopt;
    }
    return TerminalSize{size.ws_col, size.ws_row};
}

}  // namespace efface::device
