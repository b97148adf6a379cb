// SPDX-License-Identifier: Apache-2.0
// Talks to one ComID: packets out, answers in, sessions. Bounded in time and in tries.
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
constexpr std::chrono::milliseconds kTcgRevertPatience{2'000};

struct TcgReply {
    enum class Kind {
        answered,   ///< there is an answer (its status may be a failure)
        running,    ///< the drive still works on it
        silent,     ///< the drive has nothing to say: no such session, or the answer is gone
        refused,    ///< the command below was refused
        lost,       ///< nobody knows
        malformed,  ///< not an answer to us
    } kind = Kind::lost;
    std::string detail;  ///< for a person
    tcg::Answer answer;  ///< borrows from memory
    SecretBytes memory;

    [[nodiscard]] bool succeeded() const noexcept {
        return kind == Kind::answered && answer.succeeded();
    }
};

class TcgChannel final {
  public:
    TcgChannel(device::SecurityTransport& transport, std::uint16_t com_id, const Clock& clock,
               const TcgPause& pause)
        : transport_(transport), com_id_(com_id), clock_(clock), pause_(pause) {}

    [[nodiscard]] TcgReply call(tcg::SessionNumbers session, ByteView stream,
                                std::chrono::milliseconds patience);
    /// Looks for the answer to what was sent before. Without patience: once.
    [[nodiscard]] TcgReply fetch(tcg::SessionNumbers session, std::chrono::milliseconds patience);
    /// Ends every session of the ComID, and any method that runs in one: not while data is removed.
    [[nodiscard]] bool reset_stack();
    /// Another one each time, so that an old answer is not taken for a new one.
    [[nodiscard]] std::uint32_t next_host_session();

  private:
    device::SecurityTransport& transport_;
    std::uint16_t com_id_;
    const Clock& clock_;
    const TcgPause& pause_;
    std::uint32_t last_host_session_ = 0;
};

/// Why a session could not be opened.
struct TcgProblem {
    bool known = false;  ///< the drive refused, and has changed nothing
    std::string detail;
};

class TcgSession final {
  public:
    TcgSession(TcgChannel& channel, bool enterprise) : channel_(channel), enterprise_(enterprise) {}

    /// As anybody without an authority. One try with a password; a ComID that is stuck in an old
    /// session is reset once. nullopt: it is open.
    [[nodiscard]] std::optional<TcgProblem> open(tcg::Uid sp, std::optional<tcg::Uid> authority,
                                                 ByteView password);
    [[nodiscard]] TcgReply call(const tcg::TokenWriter& call, std::chrono::milliseconds patience);
    /// The one number of a cell, or its bytes in `into`; nothing where it can't be read.
    [[nodiscard]] std::optional<std::uint64_t> number(tcg::Uid row, std::uint32_t column,
                                                      const char* enterprise_name);
    [[nodiscard]] std::optional<SecretBytes> bytes(tcg::Uid row, std::uint32_t column,
                                                   const char* enterprise_name);
    /// The drive has ended it: nothing more is sent in it.
    void forget() noexcept { open_ = false; }
    /// Best effort: a drive that does not answer ends it by itself.
    void close();
    [[nodiscard]] bool is_open() const noexcept { return open_; }
    [[nodiscard]] tcg::SessionNumbers numbers() const noexcept { return numbers_; }
    /// Carries a session on that an earlier process has opened.
    void adopt(tcg::SessionNumbers numbers) noexcept {
        numbers_ = numbers;
        open_ = true;
    }

  private:
    [[nodiscard]] TcgReply try_open(tcg::Uid sp, std::optional<tcg::Uid> authority,
                                    ByteView password);
    [[nodiscard]] std::optional<TcgProblem> authenticate(tcg::Uid authority, ByteView password);
    [[nodiscard]] TcgReply cell(tcg::Uid row, std::uint32_t column, const char* enterprise_name);
    /// Borrows from `reply`.
    [[nodiscard]] std::optional<tcg::Token> value_in(const TcgReply& reply, tcg::Token::Kind kind,
                                                     std::uint32_t column,
                                                     const char* enterprise_name) const;
    TcgChannel& channel_;
    bool enterprise_;
    bool open_ = false;
    tcg::SessionNumbers numbers_;
};

}  // namespace efface::method
