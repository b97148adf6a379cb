// SPDX-License-Identifier: Apache-2.0
// What a descriptor is written to: how wide it is, whether it shows colours, and what is typed
// there while nobody asks.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace efface::cli {

/// What a text means; the colours are those of the terminal.
enum class Meaning { plain, good, caution, bad, quiet };

struct Screen {
    bool terminal = false;  ///< one that can take lines back
    bool colours = false;   ///< a terminal, and neither NO_COLOR nor TERM=dumb
    unsigned columns = 0;   ///< 0: as many as there are
    unsigned rows = 0;      ///< 0: as many as there are

    /// Of an open descriptor, as of now. A terminal that does not tell its size has 80 columns of
    /// 24 rows (no_color.org; environ(7): TERM).
    [[nodiscard]] static Screen of(int fd);
    /// For a text in paragraphs: as wide as the screen, and no wider than reads well.
    [[nodiscard]] std::size_t page_columns() const;
    /// `text`, which is safe on a screen, in the colour of what it means.
    [[nodiscard]] std::string paint(Meaning meaning, std::string_view text) const;
};

/// While it lives, what is typed at the terminal behind `fd` is not shown, and is thrown away at
/// the end: keys pressed while a run draws its progress are no command for the shell that follows.
/// The keys that make signals work. Nothing happens where this process is not in the foreground.
class TypingHidden final {
  public:
    explicit TypingHidden(int fd);
    ~TypingHidden();
    TypingHidden(const TypingHidden&) = delete;
    TypingHidden& operator=(const TypingHidden&) = delete;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace efface::cli
