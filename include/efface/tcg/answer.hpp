// SPDX-License-Identifier: Apache-2.0
// What comes back for a method: results and a status. Core 2.01, sections 3.2.4.2 and 5.1.5.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/tcg/packet.hpp"
#include "efface/tcg/tokens.hpp"

namespace efface::tcg {

/// The status codes that the program tells apart (Core 5.1.5, table 166; INVALID_FUNCTION is of
/// Core 1.0, and still used).
enum class MethodStatus : std::uint8_t {
    success = 0x00,
    not_authorized = 0x01,
    sp_busy = 0x03,
    no_sessions_available = 0x07,
    invalid_function = 0x0b,
    authority_locked_out = 0x12,
};
/// "NOT_AUTHORIZED", "status 55h".
[[nodiscard]] std::string status_name(std::uint8_t status);
/// The method was not begun: a wrong password, no access, no session, no such method or object. The
/// others (FAIL, TPER MALFUNCTION) may have done a part.
[[nodiscard]] bool changed_nothing(std::uint8_t status) noexcept;

/// Tokens borrow from the stream that was decoded.
struct Answer {
    /// The drive ended the session: by CloseSession or by an end-of-session token. Alone, or behind
    /// an answer.
    bool session_closed = false;
    bool answered = false;  ///< there is a status
    std::uint8_t status = 0;
    std::optional<Uid> method;   ///< of the session manager's answers
    std::vector<Token> results;  ///< within the outer list

    [[nodiscard]] bool succeeded() const noexcept { return answered && status == 0; }
};

/// Nothing for what is neither.
[[nodiscard]] std::optional<Answer> decode_answer(ByteView stream);

/// SyncSession of a session that was begun with this host number; nothing for anything else.
[[nodiscard]] std::optional<SessionNumbers> decode_sync_session(const Answer& answer,
                                                                std::uint32_t host_session);
/// The value of the first "name = value" with this name, wherever it is in the answer of Get;
/// nothing when there is none or it is a list. Enterprise drives name columns by text.
[[nodiscard]] std::optional<Token> find_named(const Answer& answer, std::uint64_t name);
[[nodiscard]] std::optional<Token> find_named(const Answer& answer, std::string_view name);

}  // namespace efface::tcg
