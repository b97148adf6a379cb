// SPDX-License-Identifier: Apache-2.0
#include "operation.hpp"

namespace efface::method {

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

std::optional<tcg::SessionNumbers> tcg_kept_session(const Json& kept) {
    const auto tper = kept.find(kTcgTperSessionKey);
    const auto host = kept.find(kTcgHostSessionKey);
    if (tper == kept.end() || host == kept.end() || !tper->is_number_unsigned() ||
        !host->is_number_unsigned()) {
        return std::nullopt;
    }
    return tcg::SessionNumbers{tper->get<std::uint32_t>(), host->get<std::uint32_t>()};
}

SentCommand tcg_sent(std::string name, std::initializer_list<tcg::Uid> uids, std::string answer) {
    SentCommand sent{std::move(name), Bytes(uids.size() * sizeof(tcg::Uid), 0), std::move(answer)};
    std::size_t at = 0;
    for (const tcg::Uid uid : uids) {
        write_be(MutableByteView(sent.bytes), at, uid);
        at += sizeof(uid);
    }
    return sent;
}

std::string tcg_answer_to_keep(const TcgReply& reply) {
    if (reply.kind == TcgReply::Kind::running) {
        return kTcgRunning;
    }
    if (reply.kind != TcgReply::Kind::answered || !reply.answer.answered) {
        return kTcgNoAnswer;
    }
    return tcg::status_name(reply.answer.status);
}

TcgStart begin_tcg_start(TcgTechnique technique, const TcgContext& context, const Notes& notes) {
    TcgStart start;
    start.look = look_at_tcg(context.transport);
    start.refusal.start = Start::refused;
    if (start.look.kind != TcgLook::Kind::present) {
        start.refusal.detail = start.look.detail;
        return start;
    }
    const auto& removal = start.look.discovery.data_removal;
    if (removal && removal->processing && tcg_kept_flag(notes.all(), kTcgSentKey)) {
        start.refusal.start = Start::accepted;
        start.refusal.detail = "the data removal that was started before is still running";
        return start;
    }
    // Activated by an earlier start of ours: what is left to do is the Revert.
    const auto& locking = start.look.discovery.locking;
    const bool activated = technique == TcgTechnique::activate_revert && locking &&
                           locking->enabled && tcg_kept_flag(notes.all(), kTcgActivatedKey);
    const TcgTechnique rest = activated ? TcgTechnique::revert : technique;
    if (auto objection = tcg_objection(rest, start.look.discovery, context.credentials)) {
        start.refusal = refused_start(*objection);
        return start;
    }
    start.go = true;
    return start;
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
