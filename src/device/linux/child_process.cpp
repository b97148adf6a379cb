// SPDX-License-Identifier: Apache-2.0
#include "child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "efface/base/file.hpp"

namespace efface::device {

namespace {

constexpr std::size_t kReadBytes = 4096;
/// Descriptors of the conversation stay clear of those that the child's end replaces.
constexpr int kFirstDescriptor = 3;

[[noreturn]] void fail(const std::string& name, const std::string& problem) {
    throw Error(ErrorCode::internal, name + ": " + problem);
}

/// Kills and reaps the child unless it was reaped.
class Child final {
  public:
    Child(pid_t pid, std::string name) : pid_(pid), name_(std::move(name)) {}
    ~Child() {
        if (pid_ > 0) {
            (void)::kill(pid_, SIGKILL);
            (void)wait();
        }
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// Call once it has ended.
    void reap_or_throw() {
        const int status = wait();
        if (WIFSIGNALED(status)) {
            fail(name_, fmt::format("ended by signal {}", WTERMSIG(status)));
        }
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fail(name_, fmt::format("ended with status {}", WEXITSTATUS(status)));
        }
    }

  private:
    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return status;
    }

    pid_t pid_;
    std::string name_;
};

/// Both ends, each above the standard descriptors.
std::pair<UniqueFd, UniqueFd> make_sockets(const std::string& name) {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw_errno(ErrorCode::internal, name + ": making a socket", errno);
    }
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    for (UniqueFd* end : {&ours, &theirs}) {
        if (end->get() < kFirstDescriptor) {
            UniqueFd moved(::fcntl(end->get(), F_DUPFD_CLOEXEC, kFirstDescriptor));
            if (!moved) {
                throw_errno(ErrorCode::internal, name + ": moving a socket", errno);
            }
            *end = std::move(moved);
        }
    }
    return {std::move(ours), std::move(theirs)};
}

/// posix_spawn's objects, destroyed in any case.
struct SpawnSettings {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};

    explicit SpawnSettings(int child_end) {
        sigset_t none;
        sigset_t defaults;
        ::sigemptyset(&none);
        ::sigfillset(&defaults);
        ::sigdelset(&defaults, SIGKILL);
        ::sigdelset(&defaults, SIGSTOP);
        const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        const bool ready =
            ::posix_spawn_file_actions_init(&actions) == 0 &&
            ::posix_spawnattr_init(&attributes) == 0 &&
            ::posix_spawn_file_actions_adddup2(&actions, child_end, STDIN_FILENO) == 0 &&
            ::posix_spawn_file_actions_adddup2(&actions, child_end, STDOUT_FILENO) == 0 &&
            ::posix_spawn_file_actions_addclosefrom_np(&actions, kFirstDescriptor) == 0 &&
            ::posix_spawnattr_setpgroup(&attributes, 0) == 0 &&
            ::posix_spawnattr_setsigmask(&attributes, &none) == 0 &&
            ::posix_spawnattr_setsigdefault(&attributes, &defaults) == 0 &&
            ::posix_spawnattr_setflags(&attributes, flags) == 0;
        // Fails for lack of memory only.
        EFFACE_ASSERT(ready);
    }
    ~SpawnSettings() {
        (void)::posix_spawn_file_actions_destroy(&actions);
        (void)::posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
};

pid_t spawn(const Conversation& conversation, int child_end) {
    std::vector<std::string> words{conversation.program.string()};
    words.insert(words.end(), conversation.arguments.begin(), conversation.arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    std::string locale = "LC_ALL=C";
    std::array<char*, 3> environment{path.data(), locale.data(), nullptr};
    const SpawnSettings settings(child_end);
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, words[0].c_str(), &settings.actions, &settings.attributes,
                                    argv.data(), environment.data());
    if (error != 0) {
        throw_errno(ErrorCode::internal, words[0] + ": starting it", error);
    }
    return pid;
}

/// A timer of the kernel that becomes readable at the deadline.
class Deadline final {
  public:
    Deadline(unsigned milliseconds, std::string name)
        : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
          milliseconds_(milliseconds),
          name_(std::move(name)) {
        itimerspec when{};
        when.it_value.tv_sec = milliseconds / 1000;
        when.it_value.tv_nsec = static_cast<long>(milliseconds % 1000) * 1'000'000 + 1;
        if (!timer_ || ::timerfd_settime(timer_.get(), 0, &when, nullptr) != 0) {
            throw_errno(ErrorCode::internal, name_ + ": setting a deadline", errno);
        }
    }

    /// Waits for one of `events` on `fd` and returns those seen. Throws when the time is over.
    short wait(int fd, short events) const {
        std::array<pollfd, 2> watched{pollfd{fd, events, 0}, pollfd{timer_.get(), POLLIN, 0}};
        while (::poll(watched.data(), watched.size(), -1) < 0) {
            if (errno != EINTR) {
                throw_errno(ErrorCode::internal, name_ + ": waiting", errno);
            }
        }
        if (watched[0].revents == 0) {
            fail(name_, fmt::format("gave no answer within {} ms and was killed", milliseconds_));
        }
        return watched[0].revents;
    }

  private:
    UniqueFd timer_;
    unsigned milliseconds_;
    std::string name_;
};

/// False when the other side has gone: what it said, if anything, is still to be read.
bool send_all(int fd, ByteView bytes, const Deadline& deadline, const std::string& name) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(sent));
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return false;
        } else if (errno == EAGAIN) {
            (void)deadline.wait(fd, POLLOUT);
        } else if (errno != EINTR) {
            throw_errno(ErrorCode::internal, name + ": sending the request", errno);
        }
    }
    return true;
}

std::string receive_all(int fd, std::size_t bytes_max, const Deadline& deadline,
                        const std::string& name) {
    std::string answer;
    std::array<char, kReadBytes> buffer{};
    for (;;) {
        (void)deadline.wait(fd, POLLIN);
        const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno == ECONNRESET)) {
            return answer;
        }
        if (count < 0) {
            if (errno == EINTR || errno == EAGAIN) {
                continue;
            }
            throw_errno(ErrorCode::internal, name + ": receiving the answer", errno);
        }
        answer.append(buffer.data(), static_cast<std::size_t>(count));
        if (answer.size() > bytes_max) {
            fail(name, fmt::format("said more than {} bytes", bytes_max));
        }
    }
}

}  // namespace

std::string converse(const Conversation& conversation) {
    std::string name = conversation.program.filename().string();
    if (!conversation.arguments.empty()) {
        name += " " + conversation.arguments.front();
    }
    auto [ours, theirs] = make_sockets(name);
    const Deadline deadline(conversation.deadline_ms, name);
    Child child(spawn(conversation, theirs.get()), name);
    theirs.reset();
    for (const ByteView part : conversation.request) {
        if (!send_all(ours.get(), part, deadline, name)) {
            break;
        }
    }
    (void)::shutdown(ours.get(), SHUT_WR);
    std::string answer = receive_all(ours.get(), conversation.answer_bytes_max, deadline, name);
    // glibc 2.36 declares its wrapper without C linkage.
    const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, child.pid(), 0)));
    if (ended) {
        (void)deadline.wait(ended.get(), POLLIN);
    }
    child.reap_or_throw();
    return answer;
}

}  // namespace efface::device
