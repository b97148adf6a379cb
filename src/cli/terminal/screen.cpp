// SPDX-License-Identifier: Apache-2.0
#include "screen.hpp"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "efface/device/terminal.hpp"
#include "efface/view/page.hpp"

namespace efface::cli {

namespace {

constexpr unsigned kColumnsDefault = 80;
constexpr unsigned kRowsDefault = 24;

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string_view() : std::string_view(value);
}

/// ECMA-48, 8.3.117 SGR.
const char* code_of(Meaning meaning) {
    switch (meaning) {
        case Meaning::good:
            return "\033[32m";
        case Meaning::caution:
            return "\033[33m";
        case Meaning::bad:
            return "\033[1;31m";
        case Meaning::quiet:
            return "\033[2m";
        case Meaning::plain:
            break;
    }
    return "";
}

}  // namespace

Screen Screen::of(int fd) {
    Screen screen;
    if (::isatty(fd) == 0) {
        return screen;
    }
    const auto size = device::terminal_size(fd);
    screen.columns = size ? size->columns : kColumnsDefault;
    screen.rows = size ? size->rows : kRowsDefault;
    screen.terminal = variable("TERM") != "dumb";
    screen.colours = screen.terminal && variable("NO_COLOR").empty();
    return screen;
}

std::size_t Screen::page_columns() const {
    constexpr std::size_t kNarrowest = 72;  // the longest heading has 69
    return columns == 0 ? view::kPageColumns
                        : std::clamp<std::size_t>(columns, kNarrowest, view::kPageColumns);
}

std::string Screen::paint(Meaning meaning, std::string_view text) const {
    constexpr const char* kAsBefore = "\033[0m";
    return !colours || meaning == Meaning::plain || text.empty()
               ? std::string(text)
               : code_of(meaning) + std::string(text) + kAsBefore;
}

struct TypingHidden::State {
    int fd = -1;
    termios before{};
};

TypingHidden::TypingHidden(int fd) {
    State state{fd, {}};
    // Who sets a terminal from the background is stopped (SIGTTOU).
    if (::tcgetattr(fd, &state.before) != 0 || ::tcgetpgrp(fd) != ::getpgrp()) {
        return;
    }
    termios silent = state.before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL);
    if (::tcsetattr(fd, TCSADRAIN, &silent) == 0) {
        state_ = std::make_unique<State>(state);
    }
}

TypingHidden::~TypingHidden() {
    if (state_ != nullptr && ::tcgetpgrp(state_->fd) == ::getpgrp()) {
        (void)::tcsetattr(state_->fd, TCSAFLUSH, &state_->before);
    }
}

}  // namespace efface::cli
