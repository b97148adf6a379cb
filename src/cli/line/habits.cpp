// SPDX-License-Identifier: Apache-2.0
#include "habits.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace efface::cli {

namespace {

/// What people type who know another program, or the idea only; and what to type here.
struct Habit {
    std::string_view word;
    const char* instead;
};
constexpr std::array kHabits{
    Habit{"help", "efface --help, or efface COMMAND --help"},
    Habit{"-V", "efface --version"},
    Habit{"-v", "efface --version"},
    Habit{"version", "efface --version"},
    Habit{"--dry-run",
          "efface plan with the same targets shows what would happen and changes nothing"},
    Habit{"-n", "efface plan with the same targets shows what would happen and changes nothing"},
    Habit{"--yes", "nothing is ever erased unasked: efface erase asks, or an order was approved"},
    Habit{"-y", "nothing is ever erased unasked: efface erase asks, or an order was approved"},
    Habit{"--force", "what refuses is told by efface plan; nothing overrides it"},
    Habit{"-f", "what refuses is told by efface plan; nothing overrides it"},
    Habit{"wipe", "efface erase"},
    Habit{"shred", "efface erase"},
    Habit{"sanitize", "efface erase --level purge"},
    Habit{"purge", "efface erase --level purge"},
    Habit{"--purge", "efface erase --level purge"},
    Habit{"--clear", "efface erase --level clear"},
    Habit{"destroy", "efface erase, or efface project erase"},
    Habit{"delete", "efface erase"},
    Habit{"format", "efface erase"},
    Habit{"ls", "efface list"},
    Habit{"lsblk", "efface list"},
    Habit{"devices", "efface list"},
    Habit{"check", "efface verify"},
    Habit{"report", "efface show"},
    Habit{"continue", "efface resume"},
    Habit{"init", "efface keys init"},
};

}  // namespace

std::string hint_for(const std::string& word, const std::string& help) {
    const auto* habit = std::find_if(kHabits.begin(), kHabits.end(),
                                     [&](const Habit& known) { return known.word == word; });
    return habit == kHabits.end() ? help : habit->instead;
}

}  // namespace efface::cli
