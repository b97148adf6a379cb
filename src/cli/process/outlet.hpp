// SPDX-License-Identifier: Apache-2.0
// A descriptor to which a run tells things without ever waiting for who reads them.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "efface/base/file.hpp"

namespace efface::cli {

/// How long what is left at the end is waited for while nothing of it moves.
constexpr std::chrono::seconds kReaderPatience{5};

/// Takes texts from any thread and writes them, in order, in a thread of its own. Texts that can
/// not be written, or for which too much waits already, are lost and counted; those behind them are
/// tried again, on a line of their own where one was cut short. A write that never comes back holds
/// up nobody but that thread. Where no thread can be had, each text is written by who puts it, and
/// lost when its reader takes nothing for kReaderPatience.
class Outlet final {
  public:
    /// Borrows the descriptor, which stays open until the process ends.
    explicit Outlet(int fd);
    explicit Outlet(UniqueFd fd);
    /// Does not wait.
    ~Outlet();
    Outlet(const Outlet&) = delete;
    Outlet& operator=(const Outlet&) = delete;

    /// False when it was lost at once.
    bool put(std::string text);
    /// Waits until all is written or lost, or nothing has moved for so long. False: something still
    /// waits.
    bool settle(std::chrono::milliseconds patience);
    /// The same, and what still waits is lost. Nothing is taken any more.
    void end(std::chrono::milliseconds patience);
    [[nodiscard]] std::size_t lost() const;
    /// errno of the first write that failed; 0 before.
    [[nodiscard]] int first_error() const;

  private:
    struct State;
    bool start();
    std::shared_ptr<State> state_;
};

}  // namespace efface::cli
