// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "command/commands.hpp"

namespace efface::cli {

namespace {

/// Of the standard descriptors: set once, before anything else happens.
std::array<bool, 3>& closed_at_start() {
    static std::array<bool, 3> closed{};
    return closed;
}

}  // namespace

bool open_standard_descriptors() noexcept {
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(number, F_GETFD) >= 0) {
            continue;
        }
        closed_at_start()[static_cast<std::size_t>(number)] = true;
        if (::open("/dev/null", O_RDWR) != number) {
            return false;
        }
    }
    return true;
}

bool was_closed(int descriptor) noexcept {
    const auto& closed = closed_at_start();
    return descriptor >= 0 && static_cast<std::size_t>(descriptor) < closed.size() &&
           closed[static_cast<std::size_t>(descriptor)];
}

std::string executable_path() {
    return std::filesystem::read_symlink("/proc/self/exe").string();
}

}  // namespace efface::cli
