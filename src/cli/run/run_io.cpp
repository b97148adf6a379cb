// SPDX-License-Identifier: Apache-2.0
#include "run_io.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>

#include "efface/evidence/keys.hpp"

#include "terminal/console.hpp"

namespace efface::cli {

namespace {

/// A stop comes within a second or two, unless something hangs in the kernel.
constexpr std::chrono::seconds kStopTakes{10};
/// Who presses a key twice does not mean to leave a run where it is.
constexpr std::chrono::seconds kLeaveAfter{5};

/// The descriptor of "fd:N". Throws Error(usage) unless it was opened for writing by who started
/// this.
int descriptor_named(const std::string& target) {
    int fd = -1;
    const auto [end, error] = std::from_chars(target.data() + 3, target.data() + target.size(), fd);
    if (error != std::errc() || end != target.data() + target.size() || fd < 0) {
        throw Error(ErrorCode::usage, "--events: \"" + target + "\" does not name a descriptor");
    }
    const int flags = ::fcntl(fd, F_GETFL);
    if (was_closed(fd) || flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
        throw Error(ErrorCode::usage,
                    "--events: descriptor " + std::to_string(fd) + " cannot be written");
    }
    return fd;
}

bool is_ignored(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

std::optional<int> check_events(const std::string& target, bool json) {
    if (target != "-" && !target.starts_with("fd:")) {
        return std::nullopt;
    }
    const int fd = target == "-" ? STDOUT_FILENO : descriptor_named(target);
    if (json && fd == STDOUT_FILENO) {
        throw Error(ErrorCode::usage,
                    "--json and --events " + target + " both need standard output",
                    "send the events to a file or another descriptor");
    }
    return fd;
}

EventFile::EventFile(const std::string& target, bool json) {
    if (target.empty()) {
        return;
    }
    if (const auto descriptor = check_events(target, json)) {
        fd_ = *descriptor;
        outlet_.emplace(fd_);
        return;
    }
    // A pipe that nobody reads is an error, not something to wait for.
    UniqueFd file =
        open_file(target, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0644, ErrorCode::usage);
    fd_ = file.get();
    (void)::fcntl(fd_, F_SETFL, O_WRONLY | O_APPEND);
    outlet_.emplace(std::move(file));
}

void EventFile::say_once() {
    if (outlet_->lost() != 0 && !said_.exchange(true)) {
        const int error = outlet_->first_error();
        say("events: " + (error == 0 ? "nobody reads them" : errno_text(error)) +
            ": the run continues, events are lost");
    }
}

void EventFile::write(const Json& event) {
    if (outlet_) {
        (void)outlet_->put(json_text(event) + "\n");
        say_once();
    }
}

std::size_t EventFile::end() {
    if (!outlet_) {
        return 0;
    }
    outlet_->end(kReaderPatience);
    say_once();
    return outlet_->lost();
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

SignalWatch::SignalWatch(Calls calls) : calls_(std::move(calls)) {
    (void)::sigemptyset(&signals_);
    (void)::sigaddset(&signals_, SIGUSR1);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        if (!is_ignored(signal)) {
            (void)::sigaddset(&signals_, signal);
        }
    }
    (void)::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::jthread([this](const std::stop_token& end) { watch(end); });
}

void SignalWatch::watch(const std::stop_token& end) {
    // No looking around while nothing is asked: what waits for a drive for hours sleeps.
    const auto self = ::pthread_self();
    const std::stop_callback wake(end, [self] { (void)::pthread_kill(self, SIGUSR1); });
    std::optional<std::chrono::steady_clock::time_point> stopped;
    while (!end.stop_requested()) {
        constexpr timespec kPause{kStopTakes.count(), 0};
        const int signal = stopped ? ::sigtimedwait(&signals_, nullptr, &kPause)
                                   : ::sigwaitinfo(&signals_, nullptr);
        const int error = errno;
        if (end.stop_requested()) {
            return;
        }
        const auto now = std::chrono::steady_clock::now();
        if (signal == SIGUSR1) {
            calls_.status_wanted();
        } else if (signal < 0 && stopped && error == EAGAIN) {
            say("still stopping: the kernel has not returned a transfer or a command; the same "
                "signal again leaves at once, and efface resume continues later");
        } else if (signal > 0 && !stopped) {
            stopped = now;
            if (calls_.stopping != nullptr) {
                say(calls_.stopping);
            }
            calls_.stop();
        } else if (signal > 0 && now - *stopped >= kLeaveAfter) {
            say("leaving at once");
            calls_.leave();
        }
    }
}

Json run_document(const job::RunResult& result) {
    Json document = ObjectWriter()
                        .add("jobId", result.job_id)
                        .add("runId", result.run_id)
                        .add("status", result.verdict ? method::to_string(*result.verdict) : "none")
                        .add("level", method::to_string(result.level))
                        .add("exitCode", result.exit_code())
                        .add("changed", result.changed)
                        .add("doneBefore", result.done_before)
                        .add("completedAt", result.completed_at)
                        .add("bundle", result.bundle.string())
                        .add("certificateSha256", result.certificate_sha256)
                        .take();
    if (result.error) {
        document["error"] = error_document(*result.error);
    }
    return document;
}

std::string approvals_path(const std::string& file, const std::string& approval) {
    return approval.empty() ? file + ".p7s" : approval;
}

std::optional<mandate::Authorization> approvals_of(const evidence::KeyStore& keys,
                                                   const std::string& file,
                                                   const std::string& approval,
                                                   std::string_view text) {
    const auto path = approvals_path(file, approval);
    if (const auto approvals = read_file(path, mandate::kApprovalBytesMax)) {
        return mandate::check_approvals(text, *approvals, keys.root_certificate_pem(),
                                        operator_name(), SystemClock().now(),
                                        keys.revocations_pem());
    }
    if (!approval.empty()) {
        throw Error(ErrorCode::usage, path + ": there is no such file", "check the path");
    }
    if (!standard_input_is_terminal()) {
        throw Error(
            ErrorCode::authorisation, ReasonCode::no_terminal,
            fmt::format("there is no terminal to confirm at, and there are no approvals in {}",
                        path),
            "two approvers sign it: efface approve " + file + " --key NAME");
    }
    return std::nullopt;
}

}  // namespace efface::cli
