// SPDX-License-Identifier: Apache-2.0
#include "run_io.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "efface/evidence/keys.hpp"

#include "console.hpp"

namespace efface::cli {

EventFile::EventFile(const std::string& target) {
    if (target.empty()) {
        return;
    }
    if (target == "-") {
        fd_ = STDOUT_FILENO;
    } else if (target.starts_with("fd:")) {
        const auto [end, error] =
            std::from_chars(target.data() + 3, target.data() + target.size(), fd_);
        if (error != std::errc() || end != target.data() + target.size() || fd_ < 0) {
            throw Error(ErrorCode::usage, "--events: \"" + target + "\" names no descriptor");
        }
        const int flags = ::fcntl(fd_, F_GETFL);
        if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
            throw Error(ErrorCode::usage,
                        "--events: descriptor " + std::to_string(fd_) + " can not be written");
        }
    } else {
        // A pipe that nobody reads is an error, not something to wait for.
        file_ =
            open_file(target, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0644, ErrorCode::usage);
        fd_ = file_.get();
        (void)::fcntl(fd_, F_SETFL, O_WRONLY | O_APPEND);
    }
}

void EventFile::write(const Json& event) const {
    if (fd_ < 0 || lost_) {
        return;
    }
    try {
        write_all(fd_, as_bytes(event.dump() + "\n"), "events");
    } catch (const Error& error) {
        lost_ = true;
        say(std::string(error.what()) + ": the run goes on, its further events are lost");
    }
}

std::vector<std::string> EventFile::outputs() const {
    std::vector<std::string> paths;
    for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO, fd_}) {
        if (descriptor >= 0) {
            paths.push_back(fmt::format("/proc/self/fd/{}", descriptor));
        }
    }
    return paths;
}

SignalWatch::SignalWatch(std::function<void()> on_status_wanted) {
    (void)::sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
        (void)::sigaddset(&signals_, signal);
    }
    (void)::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ =
        std::jthread([this, wanted = std::move(on_status_wanted)](const std::stop_token& end) {
            // No looking around in between: what waits for a drive for hours sleeps.
            const auto self = ::pthread_self();
            const std::stop_callback wake(end, [self] { (void)::pthread_kill(self, SIGUSR1); });
            for (;;) {
                const int signal = ::sigwaitinfo(&signals_, nullptr);
                if (end.stop_requested()) {
                    return;
                }
                if (signal == SIGUSR1) {
                    wanted();
                } else if (signal > 0) {
                    say("stopping at the next safe point");
                    stop_.request_stop();
                }
            }
        });
}

std::string approvals_path(const std::string& file, const std::string& approval) {
    return approval.empty() ? file + ".p7s" : approval;
}

std::optional<mandate::Authorization> approvals_of(const Program& program, const std::string& file,
                                                   const std::string& approval,
                                                   std::string_view text) {
    const auto path = approvals_path(file, approval);
    if (const auto approvals = read_file(path, mandate::kApprovalBytesMax)) {
        const auto keys = evidence::KeyStore::open(program.state().keys());
        return mandate::check_approvals(text, *approvals, keys.root_certificate_pem(),
                                        operator_name(), SystemClock().now());
    }
    if (!approval.empty()) {
        throw Error(ErrorCode::usage, path + ": there is no such file");
    }
    if (!standard_input_is_terminal()) {
        throw Error(ErrorCode::authorisation, ReasonCode::no_terminal,
                    fmt::format("no terminal to confirm at, and no approvals in {}", path),
                    "two approvers sign it: efface approve " + file + " --key NAME");
    }
    return std::nullopt;
}

}  // namespace efface::cli
