// SPDX-License-Identifier: Apache-2.0
// Revert of the whole TPer: the drive forgets its media keys and everything that was set up on it.
// Opal 2.30, sections 5.1.1 (Activate) and 5.1.2 (Revert); PSID Feature Set 1.00; RevertSP of the
// Admin SP on Enterprise drives.
#include <fmt/format.h>

#include "session.hpp"

namespace efface::method {

namespace {

using tcg::Ssc;

class TcgRevert final : public Operation {
  public:
    TcgRevert(TcgTechnique technique, const TcgContext& context, OperationMemory& memory)
        : technique_(technique), context_(context), notes_(tcg_notes(memory)) {}

    [[nodiscard]] std::string_view technique() const override { return to_string(technique_); }
    [[nodiscard]] Promise promise() const override { return {}; }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] StartAnswer start() override;
    [[nodiscard]] std::vector<SentCommand> sent_before() override { return tcg_take_sent(notes_); }
    [[nodiscard]] std::optional<std::string> clean_up(std::vector<SentCommand>& commands) override;

  private:
    [[nodiscard]] StartAnswer begin();
    [[nodiscard]] StartAnswer begin_fresh(const tcg::Discovery& discovery);
    /// What an earlier process sent and nobody saw the end of. nullopt: a new start may follow.
    [[nodiscard]] std::optional<StartAnswer> carry_on(TcgLook& look);
    [[nodiscard]] std::optional<StartAnswer> carry_revert_on(TcgChannel& channel, TcgLook& look);
    [[nodiscard]] std::optional<StartAnswer> carry_activate_on(TcgChannel& channel);
    /// Each: why not.
    [[nodiscard]] std::optional<TcgProblem> prepare(TcgDoor& door, TcgChannel& channel,
                                                    const tcg::Discovery& discovery);
    [[nodiscard]] std::optional<StartAnswer> activate(TcgSession& session);
    [[nodiscard]] StartAnswer send(TcgSession& session, Ssc ssc);
    [[nodiscard]] TcgReply send_one(TcgSession& session, tcg::Uid object, tcg::Uid method);
    void fetch_answers(const tcg::Discovery& discovery);
    [[nodiscard]] StartAnswer conclude(const TcgReply& reply);
    [[nodiscard]] bool needs_msid(Ssc ssc) const {
        return !tcg_belongs(context_.credential, tcg_login(technique_, ssc)) &&
               technique_ != TcgTechnique::psid_revert;
    }
    [[nodiscard]] std::string kept(const char* key) const {
        return tcg_kept_text(notes_.all(), key);
    }
    [[nodiscard]] bool flag(const char* key) const { return tcg_kept_flag(notes_.all(), key); }
    [[nodiscard]] bool revert_is_open() const {
        return flag(kTcgSentKey) && tcg_unseen(kept(kTcgAnswerKey));
    }
    [[nodiscard]] TcgChannel channel_of(const tcg::Discovery& discovery) const {
        return {context_.transport, discovery.ssc()->base_com_id, context_.clock, context_.pause};
    }

    TcgTechnique technique_;
    TcgContext context_;
    Notes notes_;
    SecretBytes msid_;
};

StartAnswer answered(Start start, std::string detail) {
    StartAnswer answer;
    answer.start = start;
    answer.detail = std::move(detail);
    return answer;
}

/// Enterprise drives have RevertSP or Revert: the feature set of the PSID names both.
bool is_no_function(const TcgReply& reply) {
    return reply.has_status() &&
           reply.answer.status == static_cast<std::uint8_t>(tcg::MethodStatus::invalid_function);
}

/// Before anything that erases was sent.
StartAnswer refused(const TcgProblem& problem) {
    return refused_start({problem.code, problem.detail});
}

/// As anybody: that the drive is free for a session, before a credential is shown to it; which
/// mechanism a Revert would use; the MSID where it has to serve as SID's password. Some drives let
/// nobody in without a password: what is not needed then stays unknown.
std::optional<TcgProblem> TcgRevert::prepare(TcgDoor& door, TcgChannel& channel,
                                             const tcg::Discovery& discovery) {
    const Ssc ssc = discovery.ssc()->ssc;
    if (ssc == Ssc::enterprise) {
        return std::nullopt;  // each session begins as anybody's
    }
    TcgSession session(channel, false);
    const auto closed = door.open(session, tcg::kAdminSp);
    if (closed && (closed->code != ReasonCode::drive_refused || needs_msid(ssc))) {
        return closed;
    }
    std::optional<TcgProblem> problem;
    if (discovery.data_removal) {
        problem = tcg_read_mechanism(session, notes_, tcg::encrypts(ssc));
    }
    if (!problem && needs_msid(ssc)) {
        problem = tcg_read_msid(session, notes_, msid_);
    }
    session.close();
    return problem;
}

std::optional<StartAnswer> TcgRevert::activate(TcgSession& session) {
    tcg_note_sent(notes_, "Activate (Locking SP)", {tcg::kLockingSp, tcg::kMethodActivate});
    notes_.edit()[kTcgActivatedKey] = true;
    notes_.keep(kTcgActivateAnswerKey, kTcgNoAnswer);
    const auto reply =
        session.call(tcg::encode_call(tcg::kLockingSp, tcg::kMethodActivate), kTcgActivatePatience);
    tcg_note_answer(notes_, reply.detail);
    notes_.keep(kTcgActivateAnswerKey, tcg_answer_to_keep(reply));
    if (!reply.has_status()) {
        session.forget();  // it may still work on it
        return answered(Start::unknown, "Activate: " + reply.detail);
    }
    const auto look = look_at_tcg(context_.transport);
    const bool active = look.kind == TcgLook::Kind::present && look.discovery.locking &&
                        look.discovery.locking->enabled;
    if (!reply.succeeded() || !active) {
        session.close();
        return answered(Start::refused, reply.succeeded()
                                            ? "Activate was answered with SUCCESS, but the Locking "
                                              "SP is not active"
                                            : "Activate: " + reply.detail);
    }
    notes_.edit()[kTcgActiveBeforeKey] = true;
    return std::nullopt;
}

StartAnswer TcgRevert::conclude(const TcgReply& reply) {
    notes_.edit()[kTcgAnswerKey] = tcg_answer_to_keep(reply);
    auto answer = answered(Start::unknown, "Revert: " + reply.detail);
    if (reply.has_status() && tcg::changed_nothing(reply.answer.status)) {
        notes_.edit()[kTcgSentKey] = false;
        answer.start = Start::refused;
        answer.why = ReasonCode::drive_refused;
    } else if (reply.succeeded() || reply.kind == TcgReply::Kind::running) {
        answer = answered(Start::accepted, reply.detail);
    }
    notes_.save();
    return answer;
}

TcgReply TcgRevert::send_one(TcgSession& session, tcg::Uid object, tcg::Uid method) {
    tcg_note_sent(notes_, fmt::format("{} (Admin SP)", tcg::method_name(method)), {object, method});
    notes_.edit()[kTcgSentKey] = true;
    notes_.edit()[kTcgAnswerKey] = kTcgNoAnswer;
    notes_.edit()[kTcgTperSessionKey] = session.numbers().tper;
    notes_.keep(kTcgHostSessionKey, session.numbers().host);
    auto reply = session.call(tcg::encode_call(object, method), kTcgRevertPatience);
    tcg_note_answer(notes_, reply.detail);
    return reply;
}

StartAnswer TcgRevert::send(TcgSession& session, Ssc ssc) {
    auto reply = ssc == Ssc::enterprise ? send_one(session, tcg::kThisSp, tcg::kMethodRevertSp)
                                        : send_one(session, tcg::kAdminSp, tcg::kMethodRevert);
    if (ssc == Ssc::enterprise && is_no_function(reply)) {
        reply = send_one(session, tcg::kAdminSp, tcg::kMethodRevert);
    }
    auto answer = conclude(reply);
    if (reply.kind == TcgReply::Kind::answered && !reply.answer.succeeded()) {
        session.close();
    }
    // After success the drive has ended the session; while it works, only the answer may be asked
    // for.
    session.forget();
    return answer;
}

StartAnswer TcgRevert::start() {
    auto answer = begin();
    answer.commands = tcg_take_sent(notes_);
    return answer;
}

StartAnswer TcgRevert::begin() {
    auto look = look_at_tcg(context_.transport);
    if (auto going = carry_on(look)) {
        return *std::move(going);
    }
    const bool open_question = revert_is_open();
    if (auto objection = tcg_start_objection(technique_, look, context_, notes_)) {
        return refused_start(*objection);
    }
    auto answer = begin_fresh(look.discovery);
    if (open_question && revert_is_open() && answer.start == Start::refused) {
        answer.start = Start::unknown;  // what was sent before may still come to its end
    }
    return answer;
}

StartAnswer TcgRevert::begin_fresh(const tcg::Discovery& discovery) {
    const Ssc ssc = discovery.ssc()->ssc;
    const bool enterprise = ssc == Ssc::enterprise;
    auto channel = channel_of(discovery);
    TcgDoor door(channel, notes_, enterprise, !revert_is_open());
    if (const auto problem = door.settle()) {
        return refused(*problem);
    }
    if (const auto problem = prepare(door, channel, discovery)) {
        return refused(*problem);
    }
    notes_.edit()[kTcgTechniqueKey] = to_string(technique_);
    notes_.edit()[kTcgActiveBeforeKey] = discovery.locking->enabled;
    TcgSession session(channel, enterprise);
    const auto password =
        needs_msid(ssc) ? std::as_const(msid_).view() : context_.credential.secret.view();
    if (const auto problem = door.log_in(session, tcg_login(technique_, ssc), password)) {
        return refused(*problem);
    }
    // The session was opened, so nothing of an earlier process runs.
    notes_.edit()[kTcgSentKey] = false;
    if (technique_ == TcgTechnique::activate_revert && !discovery.locking->enabled) {
        if (auto ended = activate(session)) {
            return *std::move(ended);
        }
    }
    return send(session, ssc);
}

std::optional<StartAnswer> TcgRevert::carry_on(TcgLook& look) {
    const bool revert = flag(kTcgSentKey);
    const bool activating =
        !revert && flag(kTcgActivatedKey) && tcg_unseen(kept(kTcgActivateAnswerKey));
    if (!revert && !activating) {
        return std::nullopt;
    }
    if (look.kind != TcgLook::Kind::present || look.discovery.ssc() == nullptr) {
        return answered(Start::unknown, look.detail);
    }
    auto channel = channel_of(look.discovery);
    return revert ? carry_revert_on(channel, look) : carry_activate_on(channel);
}

std::optional<StartAnswer> TcgRevert::carry_revert_on(TcgChannel& channel, TcgLook& look) {
    const auto& removal = look.discovery.data_removal;
    if (removal && removal->processing) {
        return answered(Start::accepted,
                        "the data removal that was started before is still running");
    }
    const auto numbers = tcg_kept_session(notes_.all());
    const bool open_question = revert_is_open() && numbers;
    if (open_question) {
        const auto reply = channel.fetch(*numbers, kTcgRevertPatience);
        if (reply.has_status()) {
            tcg_note_answer(notes_, reply.detail);
            if (look.discovery.ssc()->ssc != Ssc::enterprise || !is_no_function(reply)) {
                return conclude(reply);
            }
            notes_.keep(kTcgSentKey, false);
            return std::nullopt;
        }
        if (reply.kind == TcgReply::Kind::running) {
            notes_.keep(kTcgAnswerKey, kTcgRunning);
            return answered(Start::accepted,
                            "the drive is still working on the Revert that was sent before");
        }
        if (reply.kind == TcgReply::Kind::lost) {
            return answered(Start::unknown, "Revert: " + reply.detail);
        }
        look = look_at_tcg(context_.transport);  // older than the end of the Revert, perhaps
        if (look.kind != TcgLook::Kind::present || look.discovery.ssc() == nullptr) {
            return answered(Start::unknown, look.detail);
        }
    }
    const auto state = judge_tcg_revert(look.discovery, notes_.all());
    if (state.phase == Phase::running || state.phase == Phase::succeeded) {
        return answered(Start::accepted, state.detail);
    }
    if (!open_question) {
        return std::nullopt;
    }
    // Nothing came, and nothing became of it.
    switch (tcg_rest_of(channel, *numbers, look.discovery.ssc()->ssc == Ssc::enterprise)) {
        case TcgRest::idle:
            notes_.keep(kTcgSentKey, false);
            return std::nullopt;
        case TcgRest::gone:
            return std::nullopt;
        case TcgRest::busy:
            break;
    }
    return answered(Start::unknown, "the drive may still work on the Revert that was sent before");
}

std::optional<StartAnswer> TcgRevert::carry_activate_on(TcgChannel& channel) {
    const auto numbers = tcg_kept_session(notes_.all());
    if (!numbers) {
        return std::nullopt;
    }
    const auto reply = channel.fetch(*numbers, kTcgActivatePatience);
    if (reply.kind == TcgReply::Kind::running || reply.kind == TcgReply::Kind::lost) {
        return answered(Start::unknown, "Activate: " + reply.detail);
    }
    if (reply.has_status()) {
        tcg_note_answer(notes_, reply.detail);
    }
    // Whether it took place the drive's state tells.
    notes_.edit().erase(kTcgActivateAnswerKey);
    notes_.save();
    return std::nullopt;
}

/// An answer that was not ready in time is still there, also for another process; a power cycle
/// takes it away.
void TcgRevert::fetch_answers(const tcg::Discovery& discovery) {
    const auto session = tcg_kept_session(notes_.all());
    const char* const key = flag(kTcgSentKey) ? kTcgAnswerKey : kTcgActivateAnswerKey;
    if (!session || !tcg_unseen(kept(key))) {
        return;
    }
    auto channel = channel_of(discovery);
    const auto reply = channel.fetch(*session, std::chrono::milliseconds{0});
    if (reply.kind == TcgReply::Kind::lost || reply.kind == TcgReply::Kind::refused) {
        return;
    }
    if (const auto answer = tcg_answer_to_keep(reply); answer != kept(key)) {
        notes_.keep(key, answer);
    }
}

OperationState TcgRevert::state() {
    auto look = look_at_tcg(context_.transport);
    if (auto without = tcg_state_without_discovery(look)) {
        return *without;
    }
    const char* const key = flag(kTcgSentKey) ? kTcgAnswerKey : kTcgActivateAnswerKey;
    if (tcg_unseen(kept(key))) {
        fetch_answers(look.discovery);
        // What was read before the answer came may be older than the end of the Revert.
        look = look_at_tcg(context_.transport);
        if (auto without = tcg_state_without_discovery(look)) {
            return *without;
        }
    }
    OperationState state = judge_tcg_revert(look.discovery, notes_.all());
    if (state.phase != Phase::idle) {
        state.technique = to_string(technique_);
    }
    state.pages = std::move(look.pages);
    return state;
}

std::optional<std::string> TcgRevert::clean_up(std::vector<SentCommand>& /*commands*/) {
    if (!tcg_kept_flag(notes_.all(), kTcgActivatedKey)) {
        return std::nullopt;  // a session that is left ends by itself, or is reset by the next one
    }
    const auto look = look_at_tcg(context_.transport);
    if (look.kind != TcgLook::Kind::present || !look.discovery.locking) {
        return "whether the Locking SP, which was activated, is inactive again is unknown";
    }
    if (look.discovery.locking->enabled) {
        return "the Locking SP was activated and could not be reverted: start again, or use "
               "tcg-psid-revert";
    }
    return std::nullopt;
}

}  // namespace

std::unique_ptr<Operation> make_tcg_revert(TcgTechnique technique, const TcgContext& context,
                                           OperationMemory& memory) {
    EFFACE_ASSERT(technique != TcgTechnique::genkey);
    return std::make_unique<TcgRevert>(technique, context, memory);
}

}  // namespace efface::method
