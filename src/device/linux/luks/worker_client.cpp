// SPDX-License-Identifier: Apache-2.0
#include "worker_client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "efface/base/file.hpp"

#include "linux/process/child_process.hpp"
#include "linux/process/fork_server.hpp"

namespace efface::device {

namespace {

constexpr std::size_t kReadBytes = 4096;
/// Descriptors that are handed on stay clear of the standard streams.
constexpr int kFirstDescriptor = 3;
/// How long a killed child may take to end. Only one that waits in the kernel takes any time.
constexpr unsigned kKillDeadlineMs = 5'000;
/// A server found dead when a request is handed over is replaced once.
constexpr unsigned kHandOverTries = 2;

[[noreturn]] void fail(const std::string& name, const std::string& problem) {
    throw Error(ErrorCode::internal, name + ": " + problem);
}

struct SocketPair {
    UniqueFd ours;
    UniqueFd theirs;
};

SocketPair make_sockets(int type, const std::string& name) {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw_errno(ErrorCode::internal, name + ": making a socket failed", errno);
    }
    SocketPair pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
    for (UniqueFd* end : {&pair.ours, &pair.theirs}) {
        if (end->get() < kFirstDescriptor) {
            UniqueFd moved(::fcntl(end->get(), F_DUPFD_CLOEXEC, kFirstDescriptor));
            if (!moved) {
                throw_errno(ErrorCode::internal, name + ": moving a socket failed", errno);
            }
            *end = std::move(moved);
        }
    }
    return pair;
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
            throw_errno(ErrorCode::internal, name_ + ": setting a deadline failed", errno);
        }
    }

    /// Waits for one of `events` on `fd`. Throws when the time is over.
    void wait(int fd, short events) const {
        std::array<pollfd, 2> watched{pollfd{fd, events, 0}, pollfd{timer_.get(), POLLIN, 0}};
        while (::poll(watched.data(), watched.size(), -1) < 0) {
            if (errno != EINTR) {
                throw_errno(ErrorCode::internal, name_ + ": waiting failed", errno);
            }
        }
        if (watched[0].revents == 0) {
            throw Error(ErrorCode::internal, ReasonCode::luks_deadline,
                        fmt::format("{}: gave no answer within {} ms and was killed", name_,
                                    milliseconds_));
        }
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
            deadline.wait(fd, POLLOUT);
        } else if (errno != EINTR) {
            throw_errno(ErrorCode::internal, name + ": sending the request failed", errno);
        }
    }
    return true;
}

std::string receive_all(int fd, std::size_t bytes_max, const Deadline& deadline,
                        const std::string& name) {
    std::string answer;
    std::array<char, kReadBytes> buffer{};
    for (;;) {
        deadline.wait(fd, POLLIN);
        const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno == ECONNRESET)) {
            return answer;
        }
        if (count < 0) {
            if (errno == EINTR || errno == EAGAIN) {
                continue;
            }
            throw_errno(ErrorCode::internal, name + ": receiving the answer failed", errno);
        }
        answer.append(buffer.data(), static_cast<std::size_t>(count));
        if (answer.size() > bytes_max) {
            fail(name, fmt::format("answered with more than {} bytes", bytes_max));
        }
    }
}

/// Waits for the child's end. Throws unless it ended with status 0.
void redeem(const UniqueFd& ticket, const Deadline& deadline, const std::string& name) {
    TicketBytes bytes{};
    ssize_t count = -1;
    do {
        deadline.wait(ticket.get(), POLLIN);
        count = ::recv(ticket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    } while (count < 0 && (errno == EINTR || errno == EAGAIN));
    if (count != static_cast<ssize_t>(bytes.size())) {
        fail(name, "its worker process ended");
    }
    const auto [kind, value] = bytes;
    if (kind == kTicketSignalled) {
        fail(name, fmt::format("ended by signal {}", value));
    }
    if (kind == kTicketNotForked) {
        fail(name, "no worker process for it: " + errno_text(value));
    }
    if (kind != kTicketExited || value != 0) {
        fail(name, fmt::format("ended with status {}", value));
    }
}

/// False when nobody is on the other side any more.
bool send_request(int control, int conversation, int ticket, const Deadline& deadline,
                  const std::string& name) {
    const std::array<int, 2> descriptors{conversation, ticket};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof descriptors)> space{};
    std::uint8_t kind = kTicketRequest;
    iovec part{&kind, sizeof kind};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptors);
    std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof descriptors);
    for (;;) {
        if (::sendmsg(control, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
            return true;
        }
        if (errno == EPIPE || errno == ECONNRESET) {
            return false;
        }
        if (errno == EAGAIN) {
            deadline.wait(control, POLLOUT);
        } else if (errno != EINTR) {
            throw_errno(ErrorCode::internal, name + ": handing over the request failed", errno);
        }
    }
}

}  // namespace

/// Closing the socket would end it too; killing it does not depend on what it is busy with.
struct WorkerClient::Server {
    UniqueFd control;
    ChildProcess process;
};

WorkerClient::WorkerClient(std::filesystem::path program, std::string argument)
    : program_(std::move(program)),
      argument_(std::move(argument)),
      name_(program_.filename().string() + " " + argument_) {}

WorkerClient::~WorkerClient() = default;

std::shared_ptr<WorkerClient::Server> WorkerClient::server_other_than(
    const std::shared_ptr<Server>& dead) {
    const std::lock_guard lock(mutex_);
    if (server_ && server_ != dead) {
        return server_;
    }
    if (starts_ == kServerStartsMax) {
        fail(name_, fmt::format("was started {} times and ended each time", starts_));
    }
    ++starts_;
    server_.reset();
    auto control = make_sockets(SOCK_SEQPACKET, name_);
    auto process = ChildProcess::start(program_, argument_, control.theirs.get());
    server_ = std::make_shared<Server>(Server{std::move(control.ours), std::move(process)});
    return server_;
}

std::string WorkerClient::ask(const Question& question) {
    const Deadline deadline(question.deadline_ms, name_);
    auto conversation = make_sockets(SOCK_STREAM, name_);
    auto ticket = make_sockets(SOCK_SEQPACKET, name_);
    bool handed_over = false;
    std::shared_ptr<Server> server;
    for (unsigned i = 0; i < kHandOverTries && !handed_over; ++i) {
        server = server_other_than(server);
        handed_over = send_request(server->control.get(), conversation.theirs.get(),
                                   ticket.theirs.get(), deadline, name_);
    }
    if (!handed_over) {
        fail(name_, "its worker process ended");
    }
    conversation.theirs.reset();
    ticket.theirs.reset();
    try {
        for (const ByteView part : question.request) {
            if (!send_all(conversation.ours.get(), part, deadline, name_)) {
                break;
            }
        }
        (void)::shutdown(conversation.ours.get(), SHUT_WR);
        std::string answer =
            receive_all(conversation.ours.get(), question.answer_bytes_max, deadline, name_);
        redeem(ticket.ours, deadline, name_);
        return answer;
    } catch (const Error&) {
        // Nothing of the child may run on beside what the caller does next.
        (void)::shutdown(ticket.ours.get(), SHUT_WR);
        pollfd ended{ticket.ours.get(), POLLIN, 0};
        (void)::poll(&ended, 1, static_cast<int>(kKillDeadlineMs));
        throw;
    }
}

}  // namespace efface::device
