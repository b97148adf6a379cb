// SPDX-License-Identifier: Apache-2.0
// What `project erase`, `erase` and `resume` share: events, signals, approvals.
#pragma once

#include <csignal>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"
#include "efface/mandate/authorization.hpp"

#include "commands.hpp"

namespace efface::cli {

/// Where `--events` goes: "-", "fd:N" or a path; nowhere when it is empty. Whoever reads events
/// never steers a run: what can not be written any more is lost, and standard error says so once.
class EventFile final {
  public:
    explicit EventFile(const std::string& target);
    void write(const Json& event) const;
    /// Everything that this process writes to, by path: standard output and error, too.
    [[nodiscard]] std::vector<std::string> outputs() const;

  private:
    UniqueFd file_;
    int fd_ = -1;
    mutable bool lost_ = false;  ///< calls come one at a time
};

/// Turns SIGINT and SIGTERM into a stop at the next safe point, and SIGUSR1 into a look at the
/// progress. The signals are blocked in every thread that is started later and taken here.
class SignalWatch final {
  public:
    explicit SignalWatch(std::function<void()> on_status_wanted);
    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

  private:
    sigset_t signals_{};
    std::stop_source stop_;
    std::jthread thread_;
};

/// Where the approvals of `file` are: `approval`, or beside it.
[[nodiscard]] std::string approvals_path(const std::string& file, const std::string& approval);

/// The approvals of `text` in `approval` (default: FILE.p7s beside `file`). nullopt when there are
/// none and a person can be asked. Throws Error(authorisation) when they do not hold, or when there
/// is nobody to ask.
[[nodiscard]] std::optional<mandate::Authorization> approvals_of(const Program& program,
                                                                 const std::string& file,
                                                                 const std::string& approval,
                                                                 std::string_view text);

}  // namespace efface::cli
