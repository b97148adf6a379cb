// SPDX-License-Identifier: Apache-2.0
// A process that forks a child for every request. It has loaded and initialised what the children
// need, so that a child costs a fork and not the start of a program; each request still has a
// process of its own, which can crash, hang or keep secrets without touching the others.
//
// How the two sides speak (worker_client.hpp is the other one): a request is one packet on the
// server's control socket, with two sockets in it. The conversation goes to the child: bytes of the
// request until its end, then bytes of the answer. On the ticket the server tells, once, how the
// child ended; when the client shuts the ticket down for writing, or goes away, the child is
// killed.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

namespace efface::device {

/// What a ticket carries: a kind and, for it, the exit status, signal or errno.
using TicketBytes = std::array<std::uint8_t, 2>;
constexpr std::uint8_t kTicketExited = 'x';
constexpr std::uint8_t kTicketSignalled = 's';
constexpr std::uint8_t kTicketNotForked = 'f';
/// The one byte of a request's packet.
constexpr std::uint8_t kTicketRequest = 'r';

/// Children at one time; further requests wait in the control socket.
constexpr std::size_t kForkedMax = 64;

/// Answers one request in a child: reads it from `conversation` until its end, writes the answer
/// and returns the exit status. It has the standard streams and this descriptor only.
using RequestHandler = std::function<int(int conversation)>;

/// Serves until the other end of `control` (a SOCK_SEQPACKET socket) is closed, then returns 0;
/// another exit status when the kernel fails it. Children that run then are killed by the kernel
/// when this process ends, as they are when it is killed. The caller has no other thread.
[[nodiscard]] int serve_requests(int control, const RequestHandler& handler);

}  // namespace efface::device
