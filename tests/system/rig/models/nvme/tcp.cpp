// SPDX-License-Identifier: Apache-2.0
#include "tcp.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "queue.hpp"

namespace efface::rig {

namespace {

constexpr int kBacklog = 16;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace

NvmeTarget::NvmeTarget(fake::NvmeDrive& drive, std::uint16_t port)
    : drive_(drive), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EFFACE_ASSERT(drive.controllers() <= kControllersMax);
    const int on = 1;
    sockaddr_in address = loopback(port);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (!listener_ ||
        ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(listener_.get(), generic, sizeof address) != 0 ||
        ::listen(listener_.get(), kBacklog) != 0 ||
        ::getsockname(listener_.get(), generic, &length) != 0) {
        throw_errno(ErrorCode::internal, "listen on 127.0.0.1", errno);
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::jthread([this] { accept_loop(); });
}

NvmeTarget::~NvmeTarget() {
    {
        const std::lock_guard guard(lock_);
        ending_ = true;
    }
    ::shutdown(listener_.get(), SHUT_RDWR);
    disconnect_all();
    acceptor_.join();
    disconnect_all();  // what was accepted in between
    threads_.clear();
}

void NvmeTarget::with_drive(const std::function<void(fake::NvmeDrive&)>& action) {
    const std::lock_guard guard(lock_);
    action(drive_);
}

void NvmeTarget::disconnect_all() {
    const std::lock_guard guard(lock_);
    for (const int socket : open_sockets_) {
        ::shutdown(socket, SHUT_RDWR);
    }
}

void NvmeTarget::accept_loop() {
    while (threads_.size() < kConnectionsMax) {
        UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const std::lock_guard guard(lock_);
        if (ending_) {
            return;
        }
        if (!socket || !drive_.answers()) {
            continue;  // without power there is nobody to connect to
        }
        const int on = 1;
        (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        open_sockets_.push_back(socket.get());
        threads_.emplace_back(
            [this, held = std::move(socket)]() mutable { serve(std::move(held)); });
    }
}

void NvmeTarget::serve(UniqueFd socket) {
    {
        NvmeQueue queue(*this, socket.get());
        queue.run();
    }
    const std::lock_guard guard(lock_);
    std::erase(open_sockets_, socket.get());
}

}  // namespace efface::rig
