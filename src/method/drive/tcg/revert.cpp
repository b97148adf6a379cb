// SPDX-License-Identifier: Apache-2.0
// Revert of the whole TPer: the drive forgets its media keys and everything that was set up on it.
// Opal 2.30, sections 5.1.1 (Activate) and 5.1.2 (Revert); PSID Feature Set 1.00; RevertSP of the
// Admin SP on Enterprise drives.
#include <fmt/format.h>

#include "operation.hpp"

namespace efface::method {

namespace {

using tcg::Ssc;

const char* authority_name(TcgTechnique technique) {
    return technique == TcgTechnique::psid_revert ? "PSID" : "SID";
}

/// Discovery and what is kept, taken together. Only a drive that was seen active before, and is
/// inactive after a Revert was sent, has reverted: it does so when all keys and data are gone
/// (Opal 2.30, 5.1.2.2).
OperationState judge_revert(const tcg::Discovery& discovery, const Json& kept) {
    OperationState state;
    const std::string answer = tcg_kept_text(kept, kTcgAnswerKey);
    const bool failed_answer =
        answer != kTcgSuccess && answer != kTcgNoAnswer && answer != kTcgRunning;
    const auto& removal = discovery.data_removal;
    const auto say = [&](Phase phase, std::string detail) {
        state.phase = phase;
        state.detail = std::move(detail);
        return state;
    };
    if (removal && removal->processing) {
        return say(Phase::running, "the drive removes data");
    }
    if (!tcg_kept_flag(kept, kTcgSentKey)) {
        return say(Phase::idle, "no Revert was sent");
    }
    if (answer == kTcgRunning) {
        return say(Phase::running, "the drive has not answered Revert yet");
    }
    if (removal && removal->interrupted) {
        return say(Phase::failed, "the data removal was interrupted: start it again");
    }
    if (failed_answer) {
        return say(Phase::failed, "Revert: " + answer);
    }
    const bool success = answer == kTcgSuccess;
    if (discovery.ssc()->ssc == Ssc::enterprise) {
        return success ? say(Phase::succeeded, "the drive answered RevertSP with SUCCESS")
                       : say(Phase::unknown,
                             "the answer to RevertSP is lost, and an Enterprise drive keeps no "
                             "sign of it: start it again");
    }
    if (!discovery.locking || !tcg_kept_flag(kept, kTcgActiveBeforeKey)) {
        return say(Phase::unknown, "whether the Locking SP was and is active is not reported");
    }
    if (discovery.locking->enabled) {
        if (success) {
            return say(
                Phase::failed,
                "the drive answered Revert with SUCCESS, but its Locking SP is still active");
        }
        return say(removal ? Phase::failed : Phase::unknown,
                   "the answer is lost and the Locking SP is still active: the Revert did not "
                   "take place; start it again");
    }
    return say(Phase::succeeded, success ? "Revert was answered with SUCCESS, and the Locking SP "
                                           "is inactive now"
                                         : "the answer is lost, but the Locking SP, which was "
                                           "active, is inactive now: the Revert took place");
}

class TcgRevert final : public Operation {
  public:
    TcgRevert(TcgTechnique technique, const TcgContext& context, OperationMemory& memory)
        : technique_(technique), context_(context), notes_(tcg_notes(memory)) {}

    [[nodiscard]] std::string_view technique() const override { return to_string(technique_); }
    [[nodiscard]] Promise promise() const override { return {}; }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] StartAnswer start() override;
    [[nodiscard]] std::optional<std::string> clean_up(std::vector<SentCommand>& commands) override;

  private:
    [[nodiscard]] bool refuse(StartAnswer& answer, std::string detail,
                              ReasonCode why = ReasonCode::drive_refused) const {
        answer.start = Start::refused;
        answer.why = why;
        answer.detail = std::move(detail);
        return false;
    }
    /// Each false: `answer` says why not.
    bool prepare(TcgChannel& channel, const tcg::Discovery& discovery, StartAnswer& answer);
    bool log_in(TcgSession& session, StartAnswer& answer);
    bool activate(TcgSession& session, StartAnswer& answer);
    void send(TcgSession& session, const tcg::Discovery& discovery, StartAnswer& answer);
    void look_for_answer(const tcg::Discovery& discovery);
    void conclude(StartAnswer& answer, const TcgReply& reply);

    TcgTechnique technique_;
    TcgContext context_;
    Notes notes_;
    SecretBytes msid_;
};

/// As anybody: which mechanism a Revert would use, and the MSID where it has to serve as SID's
/// password.
bool TcgRevert::prepare(TcgChannel& channel, const tcg::Discovery& discovery, StartAnswer& answer) {
    const Ssc ssc = discovery.ssc()->ssc;
    const bool needs_msid =
        technique_ != TcgTechnique::psid_revert && context_.credentials.sid.empty();
    if (ssc == Ssc::enterprise || (!needs_msid && !discovery.data_removal)) {
        return true;
    }
    TcgSession session(channel, false);
    if (const auto problem = session.open(tcg::kAdminSp, std::nullopt, {})) {
        return refuse(answer, problem->detail);
    }
    if (discovery.data_removal) {
        const auto active =
            session.number(tcg::kDataRemovalMechanism, tcg::kColumnActiveRemoval, "");
        const bool known = active && *active < tcg::kRemovalMechanisms;
        const auto mechanism = static_cast<tcg::RemovalMechanism>(known ? *active : 0);
        answer.commands.push_back(tcg_sent("Get (ActiveDataRemovalMechanism)",
                                           {tcg::kDataRemovalMechanism, tcg::kMethodGet},
                                           known ? tcg::to_string(mechanism) : "not reported"));
        if (!tcg::encrypts(ssc) && (!known || !tcg_removes_data(mechanism))) {
            session.close();
            return refuse(answer,
                          fmt::format("the active data removal mechanism is {}: it removes "
                                      "nothing; use Sanitize or overwrite",
                                      known ? tcg::to_string(mechanism) : "not reported"),
                          ReasonCode::drive_ineffective);
        }
    }
    if (needs_msid) {
        auto msid = session.bytes(tcg::kPinMsid, tcg::kColumnPin, "PIN");
        const bool usable = msid && !msid->empty() && msid->size() <= tcg::kCredentialBytesMax;
        answer.commands.push_back(tcg_sent("Get (C_PIN_MSID)", {tcg::kPinMsid, tcg::kMethodGet},
                                           usable ? kTcgSuccess : "not reported"));
        if (!usable) {
            session.close();
            return refuse(answer,
                          "the drive does not report its MSID: give the password of SID, or use "
                          "tcg-psid-revert",
                          ReasonCode::drive_credential);
        }
        msid_ = std::move(*msid);
    }
    session.close();
    return true;
}

bool TcgRevert::log_in(TcgSession& session, StartAnswer& answer) {
    const bool by_psid = technique_ == TcgTechnique::psid_revert;
    const auto authority = by_psid ? tcg::kAuthorityPsid : tcg::kAuthoritySid;
    const ByteView password = by_psid                            ? context_.credentials.psid.view()
                              : context_.credentials.sid.empty() ? msid_.view()
                                                                 : context_.credentials.sid.view();
    const auto problem = session.open(tcg::kAdminSp, authority, password);
    answer.commands.push_back(
        tcg_sent(fmt::format("StartSession (Admin SP, {})", authority_name(technique_)),
                 {tcg::kAdminSp, authority}, problem ? problem->detail : kTcgSuccess));
    // A session alone changes nothing, whatever became of the answer.
    return problem ? refuse(answer, problem->detail, ReasonCode::drive_credential) : true;
}

bool TcgRevert::activate(TcgSession& session, StartAnswer& answer) {
    notes_.keep(kTcgActivatedKey, true);
    const auto reply =
        session.call(tcg::encode_call(tcg::kLockingSp, tcg::kMethodActivate), kTcgPatience);
    answer.commands.push_back(
        tcg_sent("Activate (Locking SP)", {tcg::kLockingSp, tcg::kMethodActivate}, reply.detail));
    const auto look = look_at_tcg(context_.transport);
    const bool active = look.kind == TcgLook::Kind::present && look.discovery.locking &&
                        look.discovery.locking->enabled;
    if (!reply.succeeded() || !active) {
        session.close();
        return refuse(answer, reply.succeeded()
                                  ? "Activate was answered with SUCCESS, but the Locking SP is not "
                                    "active"
                                  : "Activate: " + reply.detail);
    }
    notes_.edit()[kTcgActiveBeforeKey] = true;
    return true;
}

void TcgRevert::conclude(StartAnswer& answer, const TcgReply& reply) {
    notes_.edit()[kTcgAnswerKey] = tcg_answer_to_keep(reply);
    if (reply.kind == TcgReply::Kind::answered && reply.answer.answered &&
        tcg::changed_nothing(reply.answer.status)) {
        notes_.edit()[kTcgSentKey] = false;
        answer.start = Start::refused;
        answer.detail = "Revert: " + reply.detail;
    } else if (reply.kind == TcgReply::Kind::refused) {
        // The command that carried it, or the one that fetches its answer: the drive's state tells.
        answer.start = Start::unknown;
        answer.detail = "Revert: " + reply.detail;
    } else if (reply.succeeded() || reply.kind == TcgReply::Kind::running) {
        answer.start = Start::accepted;
        answer.detail = reply.detail;
    } else {
        answer.start = Start::unknown;
        answer.detail = "Revert: " + reply.detail;
    }
    notes_.save();
}

void TcgRevert::send(TcgSession& session, const tcg::Discovery& discovery, StartAnswer& answer) {
    const bool enterprise = discovery.ssc()->ssc == Ssc::enterprise;
    const auto object = enterprise ? tcg::kThisSp : tcg::kAdminSp;
    const auto method = enterprise ? tcg::kMethodRevertSp : tcg::kMethodRevert;
    notes_.edit()[kTcgSentKey] = true;
    notes_.edit()[kTcgAnswerKey] = kTcgNoAnswer;
    notes_.edit()[kTcgTperSessionKey] = session.numbers().tper;
    notes_.keep(kTcgHostSessionKey, session.numbers().host);
    const auto reply = session.call(tcg::encode_call(object, method), kTcgRevertPatience);
    answer.commands.push_back(tcg_sent(fmt::format("{} (Admin SP)", tcg::method_name(method)),
                                       {object, method}, reply.detail));
    conclude(answer, reply);
    if (reply.kind == TcgReply::Kind::answered && !reply.answer.succeeded()) {
        session.close();
    }
    // After success the drive has ended the session; while it works, only the answer may be asked
    // for.
    session.forget();
}

StartAnswer TcgRevert::start() {
    auto begun = begin_tcg_start(technique_, context_, notes_);
    if (!begun.go) {
        return begun.refusal;
    }
    const auto& discovery = begun.look.discovery;
    look_for_answer(discovery);
    if (tcg_kept_flag(notes_.all(), kTcgSentKey) &&
        tcg_kept_text(notes_.all(), kTcgAnswerKey) == kTcgRunning) {
        StartAnswer running;  // a new session would abort it
        running.start = Start::accepted;
        running.detail = "the drive is still working on the Revert that was sent before";
        return running;
    }
    const bool was_activated = tcg_kept_flag(notes_.all(), kTcgActivatedKey);
    notes_.edit() = ObjectWriter()
                        .add(kTcgTechniqueKey, to_string(technique_))
                        .add(kTcgSentKey, false)
                        .add(kTcgActivatedKey, was_activated)
                        .add(kTcgActiveBeforeKey, discovery.locking->enabled)
                        .take();
    StartAnswer answer;
    TcgChannel channel(context_.transport, discovery.ssc()->base_com_id, context_.clock,
                       context_.pause);
    if (!prepare(channel, discovery, answer)) {
        return answer;
    }
    TcgSession session(channel, discovery.ssc()->ssc == Ssc::enterprise);
    if (!log_in(session, answer)) {
        return answer;
    }
    if (technique_ == TcgTechnique::activate_revert && !discovery.locking->enabled &&
        !activate(session, answer)) {
        return answer;
    }
    send(session, discovery, answer);
    return answer;
}

/// An answer that was not ready in time is still there, also for another process; a power cycle
/// takes it away.
void TcgRevert::look_for_answer(const tcg::Discovery& discovery) {
    const auto session = tcg_kept_session(notes_.all());
    if (!tcg_kept_flag(notes_.all(), kTcgSentKey) || !session ||
        tcg_kept_text(notes_.all(), kTcgAnswerKey) != kTcgRunning) {
        return;
    }
    TcgChannel channel(context_.transport, discovery.ssc()->base_com_id, context_.clock,
                       context_.pause);
    const auto reply = channel.fetch(*session, std::chrono::milliseconds{0});
    if (reply.kind == TcgReply::Kind::running || reply.kind == TcgReply::Kind::lost) {
        return;
    }
    notes_.keep(kTcgAnswerKey, tcg_answer_to_keep(reply));
}

OperationState TcgRevert::state() {
    auto look = look_at_tcg(context_.transport);
    if (auto without = tcg_state_without_discovery(look)) {
        return *without;
    }
    if (tcg_kept_text(notes_.all(), kTcgAnswerKey) == kTcgRunning) {
        look_for_answer(look.discovery);
        // What was read before the answer came may be older than the end of the Revert.
        look = look_at_tcg(context_.transport);
        if (auto without = tcg_state_without_discovery(look)) {
            return *without;
        }
    }
    OperationState state = judge_revert(look.discovery, notes_.all());
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
