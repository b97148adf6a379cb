// SPDX-License-Identifier: Apache-2.0
#include "fork_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "efface/base/file.hpp"

namespace efface::device {

namespace {

constexpr int kFailed = static_cast<int>(ErrorCode::internal);
constexpr std::size_t kDescriptorsPerRequest = 2;

struct Request {
    UniqueFd conversation;
    UniqueFd ticket;
};

struct Forked {
    pid_t pid = -1;
    UniqueFd ended;  ///< a pidfd: readable when the child has ended
    UniqueFd ticket;
    bool cancelled = false;
};

enum class Received { request, nothing, end };

/// The sockets of a packet have an owner from here on, also those of a malformed one.
Received receive(int control, Request& request) {
    std::uint8_t kind = 0;
    iovec part{&kind, sizeof kind};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(kDescriptorsPerRequest * sizeof(int))>
        space{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = space.size();
    const ssize_t count = ::recvmsg(control, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (count < 0) {
        return errno == EAGAIN || errno == EINTR ? Received::nothing : Received::end;
    }
    std::array<int, kDescriptorsPerRequest> descriptors{-1, -1};
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        const std::size_t bytes =
            std::min<std::size_t>(header->cmsg_len - CMSG_LEN(0), sizeof descriptors);
        std::memcpy(descriptors.data(), CMSG_DATA(header), bytes);
    }
    request = {UniqueFd(descriptors[0]), UniqueFd(descriptors[1])};
    if (count == 0) {
        return Received::end;
    }
    return kind == kTicketRequest && request.ticket ? Received::request : Received::nothing;
}

/// Whoever waits for it may have gone: then nobody needs to know.
void tell(const UniqueFd& ticket, std::uint8_t kind, int value) {
    const TicketBytes bytes{kind, static_cast<std::uint8_t>(value)};
    (void)::send(ticket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

class Server final {
  public:
    Server(int control, const RequestHandler& handler)
        : control_(control), handler_(handler), pid_(::getpid()) {}

    int run() {
        for (;;) {  // ends with the control socket
            std::vector<pollfd> watched = watch();
            if (::poll(watched.data(), watched.size(), -1) < 0) {
                if (errno == EINTR) {
                    continue;
                }
                return kFailed;
            }
            attend(watched);
            if (watched.front().revents == 0) {
                continue;
            }
            Request request;
            const Received received = receive(control_, request);
            if (received == Received::end) {
                return 0;
            }
            if (received == Received::request) {
                start(std::move(request));
            }
        }
    }

  private:
    /// The control socket, then two for each child.
    [[nodiscard]] std::vector<pollfd> watch() const {
        std::vector<pollfd> watched;
        watched.push_back({forked_.size() < kForkedMax ? control_ : -1, POLLIN, 0});
        for (const Forked& child : forked_) {
            watched.push_back({child.ended.get(), POLLIN, 0});
            watched.push_back({child.cancelled ? -1 : child.ticket.get(), POLLIN, 0});
        }
        return watched;
    }

    void attend(const std::vector<pollfd>& watched) {
        for (std::size_t i = 0; i < forked_.size(); ++i) {
            Forked& child = forked_[i];
            if (watched[1 + 2 * i].revents != 0) {
                reap(child);
            } else if (watched[2 + 2 * i].revents != 0) {
                child.cancelled = true;
                (void)::kill(child.pid, SIGKILL);
            }
        }
        std::erase_if(forked_, [](const Forked& child) { return child.pid < 0; });
    }

    static void reap(Forked& child) {
        int status = 0;
        while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
        }
        child.pid = -1;
        if (WIFSIGNALED(status)) {
            tell(child.ticket, kTicketSignalled, WTERMSIG(status));
        } else {
            tell(child.ticket, kTicketExited, WEXITSTATUS(status));
        }
    }

    void start(Request request) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            be_child(std::move(request));
        }
        if (pid < 0) {
            tell(request.ticket, kTicketNotForked, errno);
            return;
        }
        // glibc 2.36 declares its wrapper without C linkage. Our own child is not reaped yet.
        UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        if (!ended) {
            const int error = errno;
            (void)::kill(pid, SIGKILL);
            (void)::waitpid(pid, nullptr, 0);
            tell(request.ticket, kTicketNotForked, error);
            return;
        }
        forked_.push_back({pid, std::move(ended), std::move(request.ticket), false});
    }

    [[noreturn]] void be_child(Request request) {
        (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
        // The server may have ended before the line above. Standard output is /dev/null.
        if (::getppid() != pid_ || ::dup2(STDOUT_FILENO, control_) < 0) {
            ::_exit(kFailed);
        }
        request.ticket.reset();
        forked_.clear();
        ::_exit(handler_(request.conversation.get()));
    }

    int control_;
    const RequestHandler& handler_;
    pid_t pid_;
    std::vector<Forked> forked_;
};

}  // namespace

int serve_requests(int control, const RequestHandler& handler) {
    return Server(control, handler).run();
}

}  // namespace efface::device
