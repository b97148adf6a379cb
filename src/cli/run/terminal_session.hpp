// SPDX-License-Identifier: Apache-2.0
// A session at a terminal: signals stop it, --events and the screen show it, and its end is told.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "efface/job/session.hpp"

#include "command/commands.hpp"
#include "run_io.hpp"
#include "terminal/display.hpp"

namespace efface::cli {

struct EraseReporting {
    std::string events;
    bool json = false;
};

/// How the end of a session is told.
struct Ending {
    Json (*document)(const job::SessionResult& result) = nullptr;
    /// Of a run without an error, for people.
    std::string (*words)(const job::RunResult& run) = nullptr;
};

class TerminalSession final {
  public:
    /// Throws Error(usage) for what --events names. From here on signals are taken.
    TerminalSession(const Program& program, const EraseReporting& reporting, Ending ending);

    [[nodiscard]] job::Session& runs() { return runs_; }
    /// Refuses when two targets are one, or when the output of this process or one of `documents`,
    /// which say what is to be erased, lies on a target or within efface's own state.
    void refuse_own_files(const std::vector<std::string>& targets,
                          const std::vector<std::string>& documents, bool distinct);
    /// Carries out what was added and tells of its end; returns the exit status.
    int carry_out();

  private:
    /// Once, by whoever comes first: the last run's end, or a signal to leave.
    int tell();
    [[noreturn]] void leave();

    job::StateDirectory state_;
    EraseReporting reporting_;
    Ending ending_;
    std::unique_ptr<job::Host> host_;
    SystemClock clock_;
    SystemRandom random_;
    EventFile events_;
    RunDisplay display_;
    job::Session runs_;
    std::mutex telling_;
    std::optional<int> told_;  ///< the exit status, once its end was told
    SignalWatch signals_;
};

}  // namespace efface::cli
