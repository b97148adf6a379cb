// SPDX-License-Identifier: Apache-2.0
// Talks to one ComID: packets out, answers in. Bounded in time and in tries.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "efface/base/clock.hpp"
#include "efface/base/secret.hpp"
#include "efface/device/drive/security_transport.hpp"
#include "efface/method/drive/command_sets.hpp"
#include "efface/tcg/answer.hpp"
#include "efface/tcg/call.hpp"
#include "efface/tcg/packet.hpp"

namespace efface::method {

/// For what a drive answers at once, and for what it may work on.
constexpr std::chrono::milliseconds kTcgPatience{10'000};
constexpr std::chrono::milliseconds kTcgKeyPatience{60'000};
constexpr std::chrono::milliseconds kTcgActivatePatience{120'000};
constexpr std::chrono::milliseconds kTcgRevertPatience{2'000};

struct TcgReply {
    enum class Kind {
        answered,   ///< there is an answer (its status may be a failure)
        running,    ///< the drive still works on it
        silent,     ///< the drive has nothing to say: no such session, or the answer is gone
        not_sent,   ///< the drive refused the command that carries it: it got nothing
        refused,    ///< the command that fetches the answer was refused
        lost,       ///< nobody knows
        malformed,  ///< not an answer to us
    } kind = Kind::lost;
    std::string detail;  ///< for a person
    tcg::Answer answer;  ///< borrows from memory
    SecretBytes memory;

    [[nodiscard]] bool has_status() const noexcept {
        return kind == Kind::answered && answer.answered;
    }
    [[nodiscard]] bool succeeded() const noexcept { return has_status() && answer.succeeded(); }
};

class TcgChannel final {
  public:
    TcgChannel(device::SecurityTransport& transport, std::uint16_t com_id, const Clock& clock,
               const TcgPause& pause)
        : transport_(transport), com_id_(com_id), clock_(clock), pause_(pause) {}

    /// Sent again, once, only when the drive refused the command that carries it: an answer waited
    /// there, and was fetched (Core 3.3.10.2: a ComID takes nothing meanwhile).
    [[nodiscard]] TcgReply call(tcg::SessionNumbers session, ByteView stream,
                                std::chrono::milliseconds patience);
    /// Looks for the answer to what was sent before. Without patience for what runs: once.
    [[nodiscard]] TcgReply fetch(tcg::SessionNumbers session, std::chrono::milliseconds patience);
    /// Fetches until nothing is left, whoever asked; a session that was opened for somebody who
    /// never got its number is ended. `silent`: nothing runs. `running`, `lost`: it can't be told.
    /// `expected`: something waits, as the drive has refused a command; then silence is not
    /// believed at once.
    [[nodiscard]] TcgReply drain(std::chrono::milliseconds patience, bool expected = false);
    /// Ends every session of the ComID, and any method that runs in one: only where none runs.
    [[nodiscard]] bool reset_stack();
    /// Another one each time, so that an old answer is not taken for a new one.
    [[nodiscard]] std::uint32_t next_host_session();
    void pause(std::chrono::milliseconds time) const { pause_(time); }
    [[nodiscard]] SteadyTime now() const { return clock_.steady_now(); }

  private:
    /// One receive, with as much memory as the drive asks for. False: `reply` says why not.
    bool receive(TcgReply& reply, std::optional<tcg::ReceivedPacket>& packet);
    void end_unclaimed(const TcgReply& reply);

    device::SecurityTransport& transport_;
    std::uint16_t com_id_;
    const Clock& clock_;
    const TcgPause& pause_;
    std::uint32_t last_host_session_ = 0;
};

}  // namespace efface::method
