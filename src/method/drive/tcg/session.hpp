// SPDX-License-Identifier: Apache-2.0
// Sessions, and how to come to one: nothing that runs on the drive is disturbed, and a credential
// is shown once.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "operation.hpp"

namespace efface::method {

/// Why a session could not be opened. The drive has changed nothing.
struct TcgProblem {
    ReasonCode code = ReasonCode::drive_refused;
    std::string detail;
};

class TcgSession final {
  public:
    TcgSession(TcgChannel& channel, bool enterprise) : channel_(channel), enterprise_(enterprise) {}

    /// StartSession: with an authority once, and not for Enterprise, which authenticates later. It
    /// is open afterwards, or not: the reply says why.
    [[nodiscard]] TcgReply start(tcg::Uid sp, std::uint32_t host, std::optional<tcg::Uid> authority,
                                 ByteView password);
    [[nodiscard]] TcgReply call(const tcg::TokenWriter& call, std::chrono::milliseconds patience);
    /// The one number of a cell, or its bytes in `into`; nothing where it can't be read.
    [[nodiscard]] std::optional<std::uint64_t> number(tcg::Uid row, std::uint32_t column,
                                                      const char* enterprise_name);
    [[nodiscard]] std::optional<SecretBytes> bytes(tcg::Uid row, std::uint32_t column,
                                                   const char* enterprise_name);
    /// Asks for a cell, whose answer does not matter.
    [[nodiscard]] TcgReply probe();
    /// The drive has ended it, or works in it: nothing more is sent in it.
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

/// What is left of a method whose answer did not come.
enum class TcgRest {
    idle,  ///< its session answers: nothing runs in it
    gone,  ///< there is no such session
    busy,  ///< the drive takes nothing, or nobody knows
};
[[nodiscard]] TcgRest tcg_rest_of(TcgChannel& channel, tcg::SessionNumbers numbers,
                                  bool enterprise);

/// The active data removal mechanism, of which only a drive that does not encrypt needs one that
/// removes data; of the others it is noted where it may be read (`session` is open).
[[nodiscard]] std::optional<TcgProblem> tcg_read_mechanism(TcgSession& session, Notes& notes,
                                                           bool encrypts);
[[nodiscard]] std::optional<TcgProblem> tcg_read_msid(TcgSession& session, Notes& notes,
                                                      SecretBytes& msid);

/// The way to a session, in the order of its functions.
class TcgDoor final {
  public:
    /// `may_reset`: nothing that erases was sent whose end is not known.
    TcgDoor(TcgChannel& channel, Notes& notes, bool enterprise, bool may_reset)
        : channel_(channel), notes_(notes), enterprise_(enterprise), may_reset_(may_reset) {}

    /// Takes up what earlier processes left: the answer to a try, answers that wait, a session;
    /// then says what this host takes (Properties). A method that runs is waited for a moment, and
    /// then left alone.
    [[nodiscard]] std::optional<TcgProblem> settle();
    /// As anybody. A drive that is busy with another session is waited for; when nothing runs and
    /// it stays busy, its stack is reset, once.
    [[nodiscard]] std::optional<TcgProblem> open(TcgSession& session, tcg::Uid sp);
    /// One try with the password, journalled before it is sent.
    [[nodiscard]] std::optional<TcgProblem> log_in(TcgSession& session, const TcgLogin& login,
                                                   ByteView password);

  private:
    [[nodiscard]] std::optional<TcgProblem> take_try();
    void say_properties();
    [[nodiscard]] std::optional<TcgProblem> conclude_try(const TcgReply& reply, bool accepted);
    void note_session(tcg::SessionNumbers numbers);

    TcgChannel& channel_;
    Notes& notes_;
    bool enterprise_;
    bool may_reset_;
};

}  // namespace efface::method
