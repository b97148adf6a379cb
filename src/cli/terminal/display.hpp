// SPDX-License-Identifier: Apache-2.0
// Events of runs on standard error: rewritten lines on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"

#include "frame.hpp"
#include "screen.hpp"

namespace efface::cli {

/// Several runs may share one, from several threads.
class RunDisplay final {
  public:
    RunDisplay();
    void show(const Json& event);
    /// The last progress of every target, as lines that stay.
    void show_status();
    /// Ends the rewritten lines, and what is typed is shown again.
    void finish();

  private:
    struct Target {
        std::optional<Progress> progress;
        std::uint64_t size = 0;  ///< bytes; 0: not known
        bool resumed = false;
        std::chrono::steady_clock::time_point began{};
        std::uint64_t percent_shown = 0;
        std::chrono::steady_clock::time_point shown{};
    };
    void show_progress(const Json& event);
    void show_verified(const Json& event);
    void show_end(const Json& event);
    void show_other(const Json& event, const std::string& kind);
    void line(const std::string& text, Meaning meaning = Meaning::plain);
    void redraw();
    [[nodiscard]] std::string erasing() const;
    [[nodiscard]] std::string ended() const;
    static void find_phase(Target& target, const Json& event);

    bool terminal_;
    bool results_follow_;  ///< on the same terminal, when all runs have ended
    std::mutex mutex_;
    std::map<std::string, Target> targets_;  ///< by name; "" for the one run without a name
    std::size_t finished_ = 0;
    std::size_t failed_ = 0;
    std::size_t lines_drawn_ = 0;
    std::optional<TypingHidden> typing_;  ///< while lines are rewritten
};

}  // namespace efface::cli
