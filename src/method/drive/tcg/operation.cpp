// SPDX-License-Identifier: Apache-2.0
#include "operation.hpp"

namespace efface::method {

namespace {

/// Activate alone erases nothing.
OperationState judge_activate(const std::string& answer) {
    OperationState state;
    state.phase = Phase::failed;
    if (answer.empty()) {
        state.phase = Phase::idle;
        state.detail = "no Revert was sent";
    } else if (answer == kTcgRunning) {
        state.phase = Phase::running;
        state.detail = "the drive has not answered Activate yet";
    } else {
        state.detail = (answer == kTcgNoAnswer ? std::string("the answer to Activate is lost")
                                               : "Activate was answered with " + answer) +
                       ", and no Revert was sent: start it again";
    }
    return state;
}

}  // namespace

Notes tcg_notes(OperationMemory& memory) {
    constexpr const char* kPart = "tcg";
    for (const char* key :
         {kTcgTechniqueKey, kTcgSentKey, kTcgAnswerKey, kTcgActiveBeforeKey, kTcgActivatedKey,
          kTcgTperSessionKey, kTcgHostSessionKey, kTcgKeysKey}) {
        if (const auto found = memory.kept.find(key); found != memory.kept.end()) {
            Json value = std::move(*found);
            memory.kept.erase(found);
            memory.kept[kPart][key] = std::move(value);
        }
    }
    return {memory, kPart};
}

bool tcg_kept_flag(const Json& kept, const char* key) {
    const auto found = kept.find(key);
    return found != kept.end() && found->is_boolean() && found->get<bool>();
}

std::string tcg_kept_text(const Json& kept, const char* key) {
    const auto found = kept.find(key);
    return found != kept.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool tcg_unseen(const std::string& answer) {
    return answer == kTcgNoAnswer || answer == kTcgRunning;
}

std::optional<tcg::SessionNumbers> tcg_kept_session(const Json& kept) {
    const auto tper = kept.find(kTcgTperSessionKey);
    const auto host = kept.find(kTcgHostSessionKey);
    if (tper == kept.end() || host == kept.end() || !tper->is_number_unsigned() ||
        !host->is_number_unsigned()) {
        return std::nullopt;
    }
    return tcg::SessionNumbers{tper->get<std::uint32_t>(), host->get<std::uint32_t>()};
}

void tcg_note_sent(Notes& notes, const std::string& name, std::initializer_list<tcg::Uid> uids) {
    Bytes bytes(uids.size() * sizeof(tcg::Uid), 0);
    std::size_t at = 0;
    for (const tcg::Uid uid : uids) {
        write_be(MutableByteView(bytes), at, uid);
        at += sizeof(uid);
    }
    auto& list = notes.edit()[kTcgSentListKey];
    list.push_back(ObjectWriter()
                       .add("name", name)
                       .add("bytes", to_hex(bytes))
                       .add("answer", "not answered")
                       .take());
}

void tcg_note_answer(Notes& notes, const std::string& answer) {
    auto& list = notes.edit()[kTcgSentListKey];
    if (list.is_array() && !list.empty()) {  // a journal may be damaged
        list.back()["answer"] = answer;
    }
}

std::vector<SentCommand> tcg_take_sent(Notes& notes) {
    std::vector<SentCommand> commands;
    if (!notes.has(kTcgSentListKey)) {
        return commands;
    }
    const Json list = std::move(notes.edit()[kTcgSentListKey]);
    notes.edit().erase(kTcgSentListKey);
    for (const auto& one : list.is_array() ? list : Json::array()) {
        if (one.is_object()) {
            commands.push_back({tcg_kept_text(one, "name"),
                                from_hex(tcg_kept_text(one, "bytes")).value_or(Bytes{}),
                                tcg_kept_text(one, "answer")});
        }
    }
    return commands;
}

std::string tcg_answer_to_keep(const TcgReply& reply) {
    if (reply.kind == TcgReply::Kind::running) {
        return kTcgRunning;
    }
    if (!reply.has_status()) {
        return kTcgNoAnswer;
    }
    return tcg::status_name(reply.answer.status);
}

std::optional<Reason> tcg_start_objection(TcgTechnique technique, const TcgLook& look,
                                          const TcgContext& context, const Notes& notes) {
    if (look.kind != TcgLook::Kind::present) {
        return Reason{ReasonCode::drive_refused, look.detail};
    }
    // Activated by an earlier start of ours: what is left to do is the Revert.
    const auto& locking = look.discovery.locking;
    const bool activated = technique == TcgTechnique::activate_revert && locking &&
                           locking->enabled && tcg_kept_flag(notes.all(), kTcgActivatedKey);
    return tcg_objection(activated ? TcgTechnique::revert : technique, look.discovery,
                         context.credential);
}

OperationState judge_tcg_revert(const tcg::Discovery& discovery, const Json& kept) {
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
        return judge_activate(tcg_kept_text(kept, kTcgActivateAnswerKey));
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
    const bool active_before = discovery.locking && tcg_kept_flag(kept, kTcgActiveBeforeKey);
    const bool enterprise = discovery.ssc()->ssc == tcg::Ssc::enterprise;
    if (enterprise && success) {
        return say(Phase::succeeded, "the drive answered its Revert with SUCCESS");
    }
    if (!active_before) {
        return say(Phase::unknown, "whether the Locking SP was and is active is not reported");
    }
    if (!discovery.locking->enabled) {
        return say(Phase::succeeded, success
                                         ? "Revert was answered with SUCCESS, and the Locking SP "
                                           "is inactive now"
                                         : "the answer is lost, but the Locking SP, which was "
                                           "active, is inactive now: the Revert took place");
    }
    if (enterprise) {
        return say(Phase::unknown,
                   "the answer to the Revert is lost, and this Enterprise drive keeps no sign of "
                   "it: start it again");
    }
    if (success) {
        return say(Phase::failed,
                   "the drive answered Revert with SUCCESS, but its Locking SP is still active");
    }
    return say(removal ? Phase::failed : Phase::unknown,
               "the answer is lost and the Locking SP is still active: the Revert did not "
               "take place; start it again");
}

std::optional<OperationState> tcg_state_without_discovery(const TcgLook& look) {
    if (look.kind == TcgLook::Kind::present && look.discovery.ssc() != nullptr) {
        return std::nullopt;
    }
    OperationState state;
    state.pages = look.pages;
    state.detail =
        look.kind == TcgLook::Kind::present ? "the drive reports no subsystem class" : look.detail;
    return state;
}

}  // namespace efface::method
