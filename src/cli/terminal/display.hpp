// SPDX-License-Identifier: Apache-2.0
// Events of runs on standard error: a rewritten line a target on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::cli {

/// Several runs may share one, from several threads.
class RunDisplay final {
  public:
    RunDisplay();
    void show(const Json& event);
    /// The last progress of every target, as lines that stay.
    void show_status();
    /// Ends the rewritten lines.
    void finish();

  private:
    struct Target {
        std::string progress;
        std::chrono::steady_clock::time_point began{};
        std::uint64_t bytes = 0;  ///< that the run transfers
        std::uint64_t percent_shown = 0;
        std::chrono::steady_clock::time_point shown{};
    };
    void show_progress(const Json& event);
    void show_verified(const Json& event);
    void line(const std::string& text);
    void redraw();
    [[nodiscard]] std::string erasing() const;
    [[nodiscard]] static std::string progress_line(const std::string& name, const Target& target);

    bool terminal_;
    bool results_follow_;  ///< on the same terminal, when all runs have ended
    std::mutex mutex_;
    std::map<std::string, Target> targets_;  ///< by name; "" for the one run without a name
    std::size_t lines_drawn_ = 0;
};

}  // namespace efface::cli
