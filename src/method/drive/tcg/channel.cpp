// SPDX-License-Identifier: Apache-2.0
#include "channel.hpp"

#include <algorithm>

#include "efface/base/error.hpp"

namespace efface::method {

namespace {

constexpr std::chrono::milliseconds kTcgPollPause{20};
/// Also bounds the polls where the clock stands still.
constexpr unsigned kTcgPollsMax = 10'000;
/// Some drives say first that they have nothing, and have the answer a moment later.
constexpr std::chrono::milliseconds kTcgEmptyPatience{1'000};
constexpr unsigned kTcgEmptyMax = 50;
/// More answers than anybody left on a ComID: the drive says something to everything.
constexpr unsigned kTcgLeftMax = 64;
constexpr unsigned kStackResetPollsMax = 50;
constexpr std::uint32_t kHostSessionMask = 0x7fff'ffff;
/// The longest answer that is fetched where a drive asks for more memory.
constexpr std::size_t kTcgTransferMax = 32'768;

/// An answer in a session carries its numbers; the session manager speaks outside of any, and some
/// drives have the numbers of the new session in the header of SyncSession, too.
bool belongs(const tcg::ReceivedPacket& packet, const tcg::Answer& answer,
             tcg::SessionNumbers session) {
    const bool ours = packet.session.tper == session.tper && packet.session.host == session.host;
    const bool of_manager = packet.session.tper == 0 && packet.session.host == 0;
    const bool opens =
        session.tper == 0 && session.host == 0 && answer.method == tcg::kMethodSyncSession;
    return ours || opens || (of_manager && answer.session_closed && !answer.answered);
}

std::string reply_text(const tcg::Answer& answer) {
    if (!answer.answered) {
        return "the drive ended the session";
    }
    return tcg::status_name(answer.status);
}

void set(TcgReply& reply, TcgReply::Kind kind, const char* detail) {
    reply.kind = kind;
    reply.detail = detail;
}

/// What one receive brought, whoever it is for.
void take_reply(TcgReply& reply, const std::optional<tcg::ReceivedPacket>& packet,
                std::uint16_t com_id) {
    set(reply, TcgReply::Kind::malformed, "the answer is malformed");
    if (!packet || packet->com_id != com_id || packet->needs(reply.memory.size())) {
        return;
    }
    if (packet->still_running()) {
        set(reply, TcgReply::Kind::running, "the drive has not answered yet");
        return;
    }
    if (packet->stream.empty()) {
        set(reply, TcgReply::Kind::silent, "the drive has no answer");
        return;
    }
    if (auto answer = tcg::decode_answer(packet->stream)) {
        reply.kind = TcgReply::Kind::answered;
        reply.answer = std::move(*answer);
        reply.detail = reply_text(reply.answer);
    }
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

}  // namespace

bool TcgChannel::receive(TcgReply& reply, std::optional<tcg::ReceivedPacket>& packet) {
    std::size_t size = tcg::kComPacketBytes;
    for (;;) {  // longer each time
        if (reply.memory.size() != size) {
            reply.memory = SecretBytes(size);
        }
        if (!carried(transport_.receive(tcg::kPacketProtocol, com_id_, reply.memory.view()),
                     reply)) {
            return false;
        }
        packet = tcg::decode_packet(reply.memory.view());
        if (!packet || !packet->needs(size) || packet->minimum_transfer > kTcgTransferMax) {
            return true;
        }
        size =
            (packet->minimum_transfer + tcg::kBlockBytes - 1) / tcg::kBlockBytes * tcg::kBlockBytes;
    }
}

TcgReply TcgChannel::fetch(tcg::SessionNumbers session, std::chrono::milliseconds patience) {
    TcgReply reply;
    const SteadyTime begun = clock_.steady_now();
    SteadyTime silent_since = begun;
    unsigned silences = 0;  // in a row
    for (unsigned poll = 0; poll < kTcgPollsMax; ++poll) {
        std::optional<tcg::ReceivedPacket> packet;
        if (!receive(reply, packet)) {
            return reply;
        }
        take_reply(reply, packet, com_id_);
        const SteadyTime now = clock_.steady_now();
        if (reply.kind == TcgReply::Kind::answered && !belongs(*packet, reply.answer, session)) {
            set(reply, TcgReply::Kind::malformed, "the answer is for another session");
        }
        if (reply.kind == TcgReply::Kind::running) {
            silences = 0;
            if (now - begun >= patience) {
                return reply;
            }
        } else if (reply.kind == TcgReply::Kind::silent) {
            silent_since = silences == 0 ? now : silent_since;
            if (++silences >= kTcgEmptyMax || now - silent_since >= kTcgEmptyPatience) {
                return reply;
            }
        } else {
            return reply;
        }
        pause_(kTcgPollPause);
    }
    return reply;
}

void TcgChannel::end_unclaimed(const TcgReply& reply) {
    const auto& results = reply.answer.results;
    if (results.empty() || !results.front().is(tcg::Token::Kind::unsigned_integer)) {
        return;
    }
    const auto host = static_cast<std::uint32_t>(results.front().value);
    if (const auto numbers = tcg::decode_sync_session(reply.answer, host)) {
        const SecretBytes packet =
            tcg::encode_packet(com_id_, *numbers, tcg::encode_end_of_session().view());
        if (transport_.send(tcg::kPacketProtocol, com_id_, packet.view()).accepted) {
            (void)fetch(*numbers, kTcgPatience);
        }
    }
}

TcgReply TcgChannel::drain(std::chrono::milliseconds patience, bool expected) {
    TcgReply reply;
    const SteadyTime begun = clock_.steady_now();
    unsigned answers = 0;
    unsigned silences = 0;
    for (unsigned poll = 0; poll < kTcgPollsMax; ++poll) {
        std::optional<tcg::ReceivedPacket> packet;
        if (!receive(reply, packet)) {
            if (reply.kind == TcgReply::Kind::refused) {  // there is nothing to fetch
                reply.kind = TcgReply::Kind::silent;
            }
            return reply;
        }
        take_reply(reply, packet, com_id_);
        if (reply.kind == TcgReply::Kind::silent) {
            if (!expected || ++silences >= kTcgEmptyMax) {
                return reply;
            }
            pause_(kTcgPollPause);
            continue;
        }
        expected = false;
        if (reply.kind == TcgReply::Kind::running) {
            if (clock_.steady_now() - begun >= patience) {
                return reply;
            }
            pause_(kTcgPollPause);
            continue;
        }
        if (++answers >= kTcgLeftMax) {
            break;
        }
        if (reply.kind == TcgReply::Kind::answered) {
            end_unclaimed(reply);
        }
    }
    set(reply, TcgReply::Kind::lost, "the drive never comes to an end of its answers");
    return reply;
}

TcgReply TcgChannel::call(tcg::SessionNumbers session, ByteView stream,
                          std::chrono::milliseconds patience) {
    const SecretBytes packet = tcg::encode_packet(com_id_, session, stream);
    for (bool again = false;; again = true) {
        TcgReply reply;
        if (carried(transport_.send(tcg::kPacketProtocol, com_id_, packet.view()), reply)) {
            return fetch(session, patience);
        }
        if (reply.kind != TcgReply::Kind::refused) {
            return reply;
        }
        reply.kind = TcgReply::Kind::not_sent;
        if (again) {
            return reply;
        }
        if (const auto left = drain(kTcgPatience, true); left.kind != TcgReply::Kind::silent) {
            reply.detail += "; " + left.detail;
            return reply;
        }
    }
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

}  // namespace efface::method
