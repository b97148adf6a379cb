// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "efface/device/memory/taken_memory.hpp"

namespace efface::device {

namespace {

constexpr int kLine = STDERR_FILENO + 1;
constexpr const char* kFirstToGo = "1000";  // OOM_SCORE_ADJ_MAX

/// Raising one's own score needs no right.
bool offer_to_oom_killer() {
    const UniqueFd fd(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    const std::string_view text = kFirstToGo;
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

/// Keeps the line, as kLine, and the standard streams only. A copy of a descriptor would keep the
/// lock, the exclusive hold of a disk or the queue of another target after its owner let go of it.
void keep_only(int socket) {
    if (::dup2(socket, kLine) != kLine) {
        ::_exit(1);
    }
    ::closefrom(kLine + 1);
}

[[noreturn]] void be_worker(pid_t parent, int socket,
                            const std::function<int(const WorkerLine&)>& work) {
    constexpr int kFailed = 1;
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have ended before the line above.
    if (::getppid() != parent || !offer_to_oom_killer()) {
        ::_exit(kFailed);
    }
    keep_only(socket);
    int status = kFailed;
    try {
        status = work(WorkerLine(kLine));
    } catch (...) {
        status = kFailed;
    }
    ::_exit(status);
}

}  // namespace

void WorkerLine::tell(const WorkerReport& report) const {
    // Waits while the line is full. Who does not listen any more has gone: stopped() says so.
    while (::send(socket_, report.data(), sizeof report, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

bool WorkerLine::stopped() const {
    std::uint8_t byte = 0;
    const ssize_t got = ::recv(socket_, &byte, sizeof byte, MSG_DONTWAIT);
    return got >= 0 || (errno != EAGAIN && errno != EINTR);
}

ExpendableWorker ExpendableWorker::start(const std::function<int(const WorkerLine&)>& work) {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw_errno(ErrorCode::internal, "opening a channel to a worker failed", errno);
    }
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw_errno(ErrorCode::internal, "starting a worker failed", errno);
    }
    if (pid == 0) {
        ours.reset();
        be_worker(parent, theirs.get(), work);
    }
    return {pid, std::move(ours)};
}

ExpendableWorker::Heard ExpendableWorker::hear(WorkerReport& report, unsigned milliseconds) const {
    pollfd watched{line_.get(), POLLIN, 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(milliseconds));
    if (ready < 0 && errno != EINTR) {
        throw_errno(ErrorCode::internal, "reading from a worker failed", errno);
    }
    if (ready <= 0) {
        return Heard::nothing;
    }
    WorkerReport heard{};
    const ssize_t got = ::recv(line_.get(), heard.data(), sizeof heard, MSG_DONTWAIT);
    if (got == static_cast<ssize_t>(sizeof heard)) {
        report = heard;
        return Heard::report;
    }
    return got < 0 && (errno == EINTR || errno == EAGAIN) ? Heard::nothing : Heard::end;
}

void ExpendableWorker::ask_to_stop() const {
    (void)::shutdown(line_.get(), SHUT_WR);
}

void ExpendableWorker::kill() const {
    (void)::kill(pid_, SIGKILL);
}

ExpendableWorker::End ExpendableWorker::wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0) {
        if (errno != EINTR) {
            throw_errno(ErrorCode::internal, "waiting for a worker failed", errno);
        }
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? End{0, WTERMSIG(status)} : End{WEXITSTATUS(status), 0};
}

ExpendableWorker::~ExpendableWorker() {
    if (pid_ <= 0) {
        return;
    }
    (void)::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace efface::device
