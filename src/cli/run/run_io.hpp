// SPDX-License-Identifier: Apache-2.0
// What `project erase`, `erase` and `resume` share: events, signals, approvals.
#pragma once

#include <unistd.h>

#include <atomic>
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
#include "efface/evidence/keys.hpp"
#include "efface/job/run_result.hpp"
#include "efface/mandate/authorization.hpp"

#include "command/commands.hpp"
#include "process/outlet.hpp"

namespace efface::cli {

/// The descriptor where `--events` goes; nullopt for a path. Throws Error(usage) for what is not
/// open for writing, and where --json needs the same standard output.
std::optional<int> check_events(const std::string& target, bool json);

/// Where `--events` goes: "-", "fd:N" or a path; nowhere when it is empty. Whoever reads events
/// never steers a run: nobody waits for a reader, and what cannot be written is lost and counted.
class EventFile final {
  public:
    /// Throws Error(usage) as above, and for a path that cannot be opened.
    EventFile(const std::string& target, bool json);
    void write(const Json& event);
    /// Nothing else goes there then.
    [[nodiscard]] bool takes_standard_output() const { return fd_ == STDOUT_FILENO; }
    /// Waits a moment for the reader, says what was lost, and returns how many events that is.
    std::size_t end();
    /// Everything that this process writes to, by path: standard output and error, too.
    [[nodiscard]] std::vector<std::string> outputs() const;

  private:
    void say_once();
    std::optional<Outlet> outlet_;
    int fd_ = -1;
    std::atomic<bool> said_ = false;
};

/// Turns SIGINT, SIGTERM and SIGHUP into a wish to stop, and SIGUSR1 into a look at the progress;
/// those that were ignored when the program was started stay so (nohup). The signals
/// are blocked in every thread that is started later and taken here.
class SignalWatch final {
  public:
    struct Calls {
        std::function<void()> status_wanted;
        /// Once: at the next safe point.
        std::function<void()> stop;
        /// A signal to stop that came again while a transfer or command does not come back from
        /// the kernel: tells what is known and leaves the process, as if it were killed, which
        /// every run bears. Does not return.
        std::function<void()> leave;
        /// What is said when the first signal to stop comes; nullptr: nothing.
        const char* stopping = "stopping at the next safe point";
    };
    explicit SignalWatch(Calls calls);

  private:
    void watch(const std::stop_token& end);
    Calls calls_;
    sigset_t signals_{};
    std::jthread thread_;
};

/// What the documents of `erase` and `project erase` say alike of a run: ids, status ("none" where
/// there is no verdict), level, exit status, what changed, where the bundle is, and `error`.
[[nodiscard]] Json run_document(const job::RunResult& result);

/// Where the approvals of `file` are: `approval`, or beside it.
[[nodiscard]] std::string approvals_path(const std::string& file, const std::string& approval);

/// The approvals of `text` in `approval` (default: FILE.p7s beside `file`). nullopt when there are
/// none and a person can be asked. Throws Error(authorisation) when they do not hold, or when there
/// is nobody to ask.
[[nodiscard]] std::optional<mandate::Authorization> approvals_of(const evidence::KeyStore& keys,
                                                                 const std::string& file,
                                                                 const std::string& approval,
                                                                 std::string_view text);

}  // namespace efface::cli
