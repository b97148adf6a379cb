// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <fmt/format.h>

#include <utility>

#include "efface/base/error.hpp"

namespace efface::method {

namespace {

/// How long a drive that is busy with another session is waited for.
constexpr std::chrono::milliseconds kTcgBusyPatience{30'000};
constexpr std::chrono::milliseconds kTcgBusyPause{500};
/// Also bounds the waits where the clock stands still.
constexpr unsigned kTcgBusyMax = 100;
/// A job gives up after so many tries whose answer nobody saw: each may have been counted.
constexpr unsigned kTcgUnansweredMax = 2;

constexpr const char* kNotSent = "not sent";

bool is_status(const TcgReply& reply, tcg::MethodStatus status) {
    return reply.has_status() && static_cast<tcg::MethodStatus>(reply.answer.status) == status;
}

bool busy_with_another(const TcgReply& reply) {
    return is_status(reply, tcg::MethodStatus::no_sessions_available) ||
           is_status(reply, tcg::MethodStatus::sp_busy);
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

TcgProblem busy_problem(const std::string& detail) {
    return {ReasonCode::drive_erasing,
            "the drive works on something that another program or an earlier run sent (" + detail +
                "): it was left alone; wait until it has ended"};
}

/// The answer to Authenticate: a truth value (Core 5.3.3.12).
bool is_true(const TcgReply& reply) {
    return reply.succeeded() && !reply.answer.results.empty() &&
           reply.answer.results.front().is(tcg::Token::Kind::unsigned_integer) &&
           reply.answer.results.front().value == 1;
}

}  // namespace

TcgReply TcgSession::start(tcg::Uid sp, std::uint32_t host, std::optional<tcg::Uid> authority,
                           ByteView password) {
    EFFACE_ASSERT(!open_);
    tcg::SessionStart start;
    start.host_session = host;
    start.sp = sp;
    if (authority && !enterprise_) {
        start.authority = authority;
        start.challenge = password;
    }
    auto reply = channel_.call({}, tcg::encode_start_session(start).view(), kTcgPatience);
    if (reply.succeeded()) {
        if (const auto numbers = tcg::decode_sync_session(reply.answer, host)) {
            adopt(*numbers);
        } else {
            reply.kind = TcgReply::Kind::malformed;
            reply.detail = "the answer is for another session";
        }
    }
    return reply;
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

TcgReply TcgSession::probe() {
    return cell(tcg::kPinMsid, tcg::kColumnPin, "PIN");
}

void TcgSession::close() {
    if (open_) {
        (void)channel_.call(numbers_, tcg::encode_end_of_session().view(), kTcgPatience);
        open_ = false;
    }
}

TcgRest tcg_rest_of(TcgChannel& channel, tcg::SessionNumbers numbers, bool enterprise) {
    TcgSession session(channel, enterprise);
    session.adopt(numbers);
    switch (session.probe().kind) {
        case TcgReply::Kind::answered:
            return TcgRest::idle;
        case TcgReply::Kind::silent:
        case TcgReply::Kind::refused:  // it took the call, and has nothing to fetch
            return TcgRest::gone;
        default:
            return TcgRest::busy;
    }
}

std::optional<TcgProblem> tcg_read_mechanism(TcgSession& session, Notes& notes, bool encrypts) {
    std::optional<std::uint64_t> active;
    const bool open = session.is_open();
    if (open) {
        tcg_note_sent(notes, "Get (ActiveDataRemovalMechanism)",
                      {tcg::kDataRemovalMechanism, tcg::kMethodGet});
        active = session.number(tcg::kDataRemovalMechanism, tcg::kColumnActiveRemoval, "");
    }
    const bool known = active && *active < tcg::kRemovalMechanisms;
    const auto mechanism = static_cast<tcg::RemovalMechanism>(known ? *active : 0);
    const char* const name = known ? tcg::to_string(mechanism) : "not reported";
    if (open) {
        tcg_note_answer(notes, name);
    }
    if (encrypts || (known && tcg_removes_data(mechanism))) {
        return std::nullopt;
    }
    return TcgProblem{ReasonCode::drive_ineffective,
                      fmt::format("the active data removal mechanism is {}: it removes nothing; "
                                  "use Sanitize or overwrite",
                                  name)};
}

std::optional<TcgProblem> tcg_read_msid(TcgSession& session, Notes& notes, SecretBytes& msid) {
    tcg_note_sent(notes, "Get (C_PIN_MSID)", {tcg::kPinMsid, tcg::kMethodGet});
    auto pin = session.bytes(tcg::kPinMsid, tcg::kColumnPin, "PIN");
    const bool usable = pin && !pin->empty() && pin->size() <= tcg::kCredentialBytesMax;
    tcg_note_answer(notes, usable ? kTcgSuccess : "not reported");
    if (!usable) {
        return TcgProblem{ReasonCode::drive_credential,
                          "the drive does not report its MSID: give the password of SID, or use "
                          "tcg-psid-revert"};
    }
    msid = std::move(*pin);
    return std::nullopt;
}

void TcgDoor::say_properties() {
    // What a drive answers does not matter: no packet of ours is longer than all of them take.
    (void)channel_.call({}, tcg::encode_properties(enterprise_).view(), kTcgPatience);
}

void TcgDoor::note_session(tcg::SessionNumbers numbers) {
    notes_.edit()[kTcgTperSessionKey] = numbers.tper;
    notes_.edit()[kTcgHostSessionKey] = numbers.host;
}

/// A process died, or lost its drive, before it saw the answer to its try.
std::optional<TcgProblem> TcgDoor::take_try() {
    const Json kept = notes_.get(kTcgTryKey, Json::object());
    if (!kept.is_object() || tcg_kept_text(kept, "answer") != kTcgNoAnswer) {
        return std::nullopt;
    }
    const auto session = tcg_kept_session(notes_.all());
    const auto reply =
        channel_.fetch(enterprise_ && session ? *session : tcg::SessionNumbers{}, kTcgPatience);
    if (reply.kind == TcgReply::Kind::running || reply.kind == TcgReply::Kind::lost) {
        return busy_problem(reply.detail);
    }
    if (!reply.has_status()) {
        const unsigned unanswered = notes_.get(kTcgUnansweredKey, 0U) + 1;
        notes_.edit()[kTcgUnansweredKey] = unanswered;
        notes_.keep(kTcgTryKey, nullptr);
        if (unanswered >= kTcgUnansweredMax) {
            return TcgProblem{ReasonCode::drive_credential,
                              fmt::format("the answers to {} tries of this job were not seen, and "
                                          "the drive may count them: compare the credential, then "
                                          "start a new job",
                                          unanswered)};
        }
        return std::nullopt;
    }
    const auto host = kept.value("hostSession", 0U);
    const auto numbers = tcg::decode_sync_session(reply.answer, host);
    if (auto problem = conclude_try(reply, enterprise_ ? is_true(reply) : numbers.has_value())) {
        return problem;
    }
    if (numbers) {
        note_session(*numbers);
    }
    return std::nullopt;
}

std::optional<TcgProblem> TcgDoor::settle() {
    if (auto problem = take_try()) {
        return problem;
    }
    const auto left = channel_.drain(kTcgPatience);
    if (left.kind == TcgReply::Kind::running) {
        return busy_problem(left.detail);
    }
    if (left.kind != TcgReply::Kind::silent) {
        return TcgProblem{ReasonCode::drive_silent, "no session: " + left.detail};
    }
    if (const auto session = tcg_kept_session(notes_.all()); session && may_reset_) {
        TcgSession old(channel_, enterprise_);
        old.adopt(*session);
        old.close();
        notes_.edit().erase(kTcgTperSessionKey);
        notes_.edit().erase(kTcgHostSessionKey);
    }
    say_properties();
    return std::nullopt;
}

std::optional<TcgProblem> TcgDoor::open(TcgSession& session, tcg::Uid sp) {
    SteadyTime since = channel_.now();
    unsigned waits = 0;
    bool may_reset = may_reset_;
    for (;;) {  // bounded by `waits`, and one reset
        const auto reply = session.start(sp, channel_.next_host_session(), std::nullopt, {});
        if (session.is_open()) {
            return std::nullopt;
        }
        if (reply.kind == TcgReply::Kind::not_sent || reply.kind == TcgReply::Kind::running) {
            return busy_problem(reply.detail);
        }
        if (!busy_with_another(reply)) {
            return TcgProblem{
                reply.has_status() ? ReasonCode::drive_refused : ReasonCode::drive_silent,
                "no session: " + reply.detail};
        }
        if (++waits < kTcgBusyMax && channel_.now() - since < kTcgBusyPatience) {
            channel_.pause(kTcgBusyPause);
            continue;
        }
        if (!may_reset || !channel_.reset_stack()) {
            return busy_problem(reply.detail);
        }
        may_reset = false;
        waits = kTcgBusyMax;
        say_properties();
    }
}

/// What is known of the try is kept; why it failed.
std::optional<TcgProblem> TcgDoor::conclude_try(const TcgReply& reply, bool accepted) {
    using Kind = TcgReply::Kind;
    std::string kept = tcg_answer_to_keep(reply);
    TcgProblem problem{ReasonCode::drive_credential, reply.detail};
    if (accepted) {
        kept = kTcgSuccess;
    } else if (reply.kind == Kind::not_sent) {
        kept = kNotSent;
        problem.code = ReasonCode::drive_refused;
    } else if (reply.has_status()) {
        const auto wrong = static_cast<std::uint8_t>(tcg::MethodStatus::not_authorized);
        const std::uint8_t status = reply.answer.status == 0 ? wrong : reply.answer.status;
        const bool counted =
            status == wrong ||
            status == static_cast<std::uint8_t>(tcg::MethodStatus::authority_locked_out);
        kept = tcg::status_name(status);
        problem = {counted ? ReasonCode::drive_credential : ReasonCode::drive_refused,
                   password_text(status)};
    } else {
        problem.detail += ": the drive may count this try";
    }
    notes_.edit()[kTcgTryKey]["answer"] = kept == kTcgRunning ? kTcgNoAnswer : kept;
    if (notes_.has(kTcgSentListKey)) {
        tcg_note_answer(notes_, accepted ? kTcgSuccess : problem.detail);
    }
    notes_.save();
    if (accepted) {
        return std::nullopt;
    }
    problem.detail = "no session: " + problem.detail;
    return problem;
}

std::optional<TcgProblem> TcgDoor::log_in(TcgSession& session, const TcgLogin& login,
                                          ByteView password) {
    if (enterprise_) {
        if (auto problem = open(session, login.sp)) {
            return problem;
        }
        note_session(session.numbers());
    }
    const auto host = enterprise_ ? session.numbers().host : channel_.next_host_session();
    tcg_note_sent(notes_, fmt::format("StartSession ({}, {})", login.sp_name, login.authority_name),
                  {login.sp, login.authority});
    notes_.keep(kTcgTryKey,
                ObjectWriter().add("hostSession", host).add("answer", kTcgNoAnswer).take());
    const auto reply =
        enterprise_ ? session.call(tcg::encode_authenticate(login.authority, password, enterprise_),
                                   kTcgPatience)
                    : session.start(login.sp, host, login.authority, password);
    const bool accepted = enterprise_ ? is_true(reply) : session.is_open();
    if (accepted) {
        note_session(session.numbers());
    } else if (reply.kind != TcgReply::Kind::running) {
        session.close();
    }
    return conclude_try(reply, accepted);
}

}  // namespace efface::method
