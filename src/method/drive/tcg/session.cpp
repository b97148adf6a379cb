// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/error.hpp"

namespace efface::method {

namespace {

constexpr std::chrono::milliseconds kTcgPollPause{20};
/// Also bounds the polls where the clock stands still.
constexpr unsigned kTcgPollsMax = 5'000;
constexpr unsigned kStackResetPollsMax = 50;
constexpr std::uint32_t kHostSessionMask = 0x7fff'ffff;

/// An answer in a session carries its numbers; the session manager speaks outside of any.
bool belongs(const tcg::ReceivedPacket& packet, const tcg::Answer& answer,
             tcg::SessionNumbers session) {
    const bool ours = packet.session.tper == session.tper && packet.session.host == session.host;
    const bool of_manager = packet.session.tper == 0 && packet.session.host == 0;
    return ours || (of_manager && answer.session_closed && !answer.answered);
}

std::string reply_text(const tcg::Answer& answer) {
    if (!answer.answered) {
        return "the drive ended the session";
    }
    return tcg::status_name(answer.status);
}

/// Decodes what one receive brought; Kind::running when there is nothing yet.
void take_reply(TcgReply& reply, std::uint16_t com_id, tcg::SessionNumbers session) {
    reply.kind = TcgReply::Kind::malformed;
    reply.detail = "the answer is malformed";
    const auto packet = tcg::decode_packet(reply.memory.view());
    if (!packet || packet->com_id != com_id) {
        return;
    }
    if (packet->still_running()) {
        reply.kind = TcgReply::Kind::running;
        reply.detail = "the drive has not answered yet";
        return;
    }
    if (packet->stream.empty()) {
        reply.kind = TcgReply::Kind::silent;
        reply.detail = "the drive has no answer";
        return;
    }
    auto answer = tcg::decode_answer(packet->stream);
    if (!answer || !belongs(*packet, *answer, session)) {
        return;
    }
    reply.kind = TcgReply::Kind::answered;
    reply.answer = std::move(*answer);
    reply.detail = reply_text(reply.answer);
}

/// Fills in why, when the command below failed.
bool carried(const device::SecurityAnswer& answer, TcgReply& reply) {
    if (answer.error != 0) {
        reply.kind = TcgReply::Kind::lost;
        reply.detail = errno_text(answer.error);
        return false;
    }
    if (!answer.accepted) {
        reply.kind = TcgReply::Kind::refused;
        reply.detail = answer.refusal;
        return false;
    }
    return true;
}

bool stuck_in_old_session(const TcgReply& reply) {
    if (reply.kind == TcgReply::Kind::refused) {
        return true;
    }
    if (reply.kind != TcgReply::Kind::answered || !reply.answer.answered) {
        return false;
    }
    const auto status = static_cast<tcg::MethodStatus>(reply.answer.status);
    return status == tcg::MethodStatus::no_sessions_available ||
           status == tcg::MethodStatus::sp_busy;
}

std::string password_text(std::uint8_t status) {
    switch (static_cast<tcg::MethodStatus>(status)) {
        case tcg::MethodStatus::not_authorized:
            return "NOT_AUTHORIZED: the password is wrong (the number of tries is limited), or the "
                   "drive does not have this authority";
        case tcg::MethodStatus::authority_locked_out:
            return "AUTHORITY_LOCKED_OUT: too many wrong passwords; switch the drive off and on";
        default:
            return tcg::status_name(status);
    }
}

}  // namespace

TcgReply TcgChannel::fetch(tcg::SessionNumbers session, std::chrono::milliseconds patience) {
    TcgReply reply;
    const SteadyTime begun = clock_.steady_now();
    for (unsigned poll = 0; poll < kTcgPollsMax; ++poll) {
        reply.memory = SecretBytes(tcg::kComPacketBytes);
        if (!carried(transport_.receive(tcg::kPacketProtocol, com_id_, reply.memory.view()),
                     reply)) {
            return reply;
        }
        take_reply(reply, com_id_, session);
        if (reply.kind != TcgReply::Kind::running || clock_.steady_now() - begun >= patience) {
            return reply;
        }
        pause_(kTcgPollPause);
    }
    return reply;
}

TcgReply TcgChannel::call(tcg::SessionNumbers session, ByteView stream,
                          std::chrono::milliseconds patience) {
    TcgReply reply;
    const SecretBytes packet = tcg::encode_packet(com_id_, session, stream);
    if (!carried(transport_.send(tcg::kPacketProtocol, com_id_, packet.view()), reply)) {
        return reply;
    }
    return fetch(session, patience);
}

bool TcgChannel::reset_stack() {
    const auto sent =
        transport_.send(tcg::kComIdProtocol, com_id_, tcg::encode_stack_reset(com_id_));
    if (!sent.accepted) {
        return false;
    }
    for (unsigned poll = 0; poll < kStackResetPollsMax; ++poll) {
        Bytes response(tcg::kBlockBytes, 0);
        if (!transport_.receive(tcg::kComIdProtocol, com_id_, response).accepted) {
            return false;
        }
        const auto state = tcg::decode_stack_reset(response, com_id_);
        if (state != tcg::StackReset::pending) {
            return state == tcg::StackReset::done;
        }
        pause_(kTcgPollPause);
    }
    return false;
}

std::uint32_t TcgChannel::next_host_session() {
    if (last_host_session_ == 0) {
        last_host_session_ =
            static_cast<std::uint32_t>(clock_.now().time_since_epoch().count()) & kHostSessionMask;
    }
    last_host_session_ = (last_host_session_ % kHostSessionMask) + 1;
    return last_host_session_;
}

TcgReply TcgSession::try_open(tcg::Uid sp, std::optional<tcg::Uid> authority, ByteView password) {
    const std::uint32_t host = channel_.next_host_session();
    tcg::SessionStart start;
    start.host_session = host;
    start.sp = sp;
    if (authority && !enterprise_) {
        start.authority = authority;
        start.challenge = password;
    }
    auto reply = channel_.call({}, tcg::encode_start_session(start).view(), kTcgPatience);
    if (reply.kind == TcgReply::Kind::answered && reply.answer.succeeded()) {
        if (const auto numbers = tcg::decode_sync_session(reply.answer, host)) {
            numbers_ = *numbers;
            open_ = true;
        } else {
            reply.kind = TcgReply::Kind::malformed;
            reply.detail = "the answer is for another session";
        }
    }
    return reply;
}

std::optional<TcgProblem> TcgSession::open(tcg::Uid sp, std::optional<tcg::Uid> authority,
                                           ByteView password) {
    EFFACE_ASSERT(!open_);
    auto reply = try_open(sp, authority, password);
    if (!open_ && stuck_in_old_session(reply) && channel_.reset_stack()) {
        reply = try_open(sp, authority, password);
    }
    if (open_) {
        return authority && enterprise_ ? authenticate(*authority, password) : std::nullopt;
    }
    if (reply.kind == TcgReply::Kind::answered && reply.answer.answered) {
        return TcgProblem{true, "no session: " + password_text(reply.answer.status)};
    }
    // Nothing but a session could have come of it.
    return TcgProblem{reply.kind != TcgReply::Kind::lost, "no session: " + reply.detail};
}

std::optional<TcgProblem> TcgSession::authenticate(tcg::Uid authority, ByteView password) {
    const auto reply =
        call(tcg::encode_authenticate(authority, password, enterprise_), kTcgPatience);
    if (reply.succeeded() && !reply.answer.results.empty() &&
        reply.answer.results.front().is(tcg::Token::Kind::unsigned_integer) &&
        reply.answer.results.front().value == 1) {
        return std::nullopt;
    }
    const bool answered = reply.kind == TcgReply::Kind::answered && reply.answer.answered;
    const auto status = !answered || reply.answer.status == 0
                            ? static_cast<std::uint8_t>(tcg::MethodStatus::not_authorized)
                            : reply.answer.status;
    const std::string detail = answered ? password_text(status) : reply.detail;
    close();
    return TcgProblem{reply.kind != TcgReply::Kind::lost, "no session: " + detail};
}

TcgReply TcgSession::call(const tcg::TokenWriter& call, std::chrono::milliseconds patience) {
    EFFACE_ASSERT(!call.overflowed());
    if (!open_) {
        TcgReply closed;
        closed.kind = TcgReply::Kind::silent;
        closed.detail = "the drive ended the session";
        return closed;
    }
    auto reply = channel_.call(numbers_, call.view(), patience);
    if (reply.kind == TcgReply::Kind::answered && reply.answer.session_closed) {
        open_ = false;
    }
    return reply;
}

TcgReply TcgSession::cell(tcg::Uid row, std::uint32_t column, const char* enterprise_name) {
    return call(enterprise_ ? tcg::encode_get_enterprise(row, enterprise_name)
                            : tcg::encode_get(row, column),
                kTcgPatience);
}

std::optional<tcg::Token> TcgSession::value_in(const TcgReply& reply, tcg::Token::Kind kind,
                                               std::uint32_t column,
                                               const char* enterprise_name) const {
    if (!reply.succeeded()) {
        return std::nullopt;
    }
    const auto token = enterprise_ ? tcg::find_named(reply.answer, enterprise_name)
                                   : tcg::find_named(reply.answer, column);
    return token && token->is(kind) ? std::optional(*token) : std::nullopt;
}

std::optional<std::uint64_t> TcgSession::number(tcg::Uid row, std::uint32_t column,
                                                const char* enterprise_name) {
    const auto reply = cell(row, column, enterprise_name);
    const auto token = value_in(reply, tcg::Token::Kind::unsigned_integer, column, enterprise_name);
    return token ? std::optional(token->value) : std::nullopt;
}

std::optional<SecretBytes> TcgSession::bytes(tcg::Uid row, std::uint32_t column,
                                             const char* enterprise_name) {
    const auto reply = cell(row, column, enterprise_name);
    const auto token = value_in(reply, tcg::Token::Kind::bytes, column, enterprise_name);
    return token ? std::optional<SecretBytes>(SecretBytes(token->bytes)) : std::nullopt;
}

void TcgSession::close() {
    if (open_) {
        (void)channel_.call(numbers_, tcg::encode_end_of_session().view(), kTcgPatience);
        open_ = false;
    }
}

}  // namespace efface::method
