// SPDX-License-Identifier: Apache-2.0
// New media keys, one by one: of the global range and every range in use (GenKey, Core 2.01 section
// 5.7.3.1), or of each band of an Enterprise drive (Erase). What is set up on the drive stays.
#include <fmt/format.h>

#include <algorithm>

#include "session.hpp"

namespace efface::method {

namespace {

constexpr std::uint64_t kTcgRangesMax =
    1024;  ///< Enterprise allows 1023 bands beside the global one

constexpr const char* kTcgNotSent = "not sent";

struct KeyToChange {
    tcg::Uid object = 0;
    std::string name;  ///< "range 3", "band 0"
};

std::string key_answer(const Json& key) {
    return key.is_object() ? tcg_kept_text(key, kTcgAnswerKey) : std::string(kTcgNoAnswer);
}

std::string key_name(const Json& key) {
    return key.is_object() ? tcg_kept_text(key, "name") : std::string("a key");
}

OperationState judge_genkey(const tcg::Discovery& discovery, const Json& kept) {
    OperationState state;
    const auto say = [&](Phase phase, std::string detail) {
        state.phase = phase;
        state.detail = std::move(detail);
        return state;
    };
    const auto& removal = discovery.data_removal;
    if (removal && removal->processing) {
        return say(Phase::running, "the drive removes data");
    }
    const auto keys = kept.find(kTcgKeysKey);
    if (!tcg_kept_flag(kept, kTcgSentKey) || keys == kept.end() || !keys->is_array() ||
        keys->empty()) {
        return say(Phase::idle, "no key was changed");
    }
    if (removal && removal->interrupted) {
        return say(Phase::failed, "the data removal was interrupted: start it again");
    }
    for (const auto& key : *keys) {
        const std::string answer = key_answer(key);
        if (answer == kTcgRunning) {
            return say(Phase::running, key_name(key) + ": the drive has not answered yet");
        }
        if (answer == kTcgNoAnswer) {
            return say(
                Phase::unknown,
                fmt::format("{}: the drive's answer is unknown: start it again", key_name(key)));
        }
        if (answer != kTcgSuccess) {
            return say(Phase::failed, fmt::format("{}: {}", key_name(key), answer));
        }
    }
    return say(Phase::succeeded,
               fmt::format("{} keys changed, each answered with SUCCESS", keys->size()));
}

class TcgGenKey final : public Operation {
  public:
    TcgGenKey(const TcgContext& context, OperationMemory& memory)
        : context_(context), notes_(tcg_notes(memory)) {}

    [[nodiscard]] std::string_view technique() const override {
        return to_string(TcgTechnique::genkey);
    }
    [[nodiscard]] Promise promise() const override { return {}; }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] StartAnswer start() override;
    [[nodiscard]] std::vector<SentCommand> sent_before() override { return tcg_take_sent(notes_); }

  private:
    [[nodiscard]] StartAnswer begin();
    [[nodiscard]] StartAnswer begin_fresh(const tcg::Discovery& discovery, bool may_reset);
    /// Of the key whose answer nobody has seen. False: there is none.
    bool fetch_answer(TcgChannel& channel, std::chrono::milliseconds patience);
    [[nodiscard]] Json* unseen_key();
    [[nodiscard]] TcgChannel channel_of(const tcg::Discovery& discovery) const {
        return {context_.transport, discovery.ssc()->base_com_id, context_.clock, context_.pause};
    }
    [[nodiscard]] bool list_ranges(TcgSession& session, StartAnswer& answer);
    [[nodiscard]] bool list_bands(TcgSession& session, StartAnswer& answer);
    void change(TcgSession& session, tcg::Uid method, StartAnswer& answer);

    TcgContext context_;
    Notes notes_;
    std::vector<KeyToChange> keys_;
};

/// Every range that has blocks, with the key that is active for it.
bool TcgGenKey::list_ranges(TcgSession& session, StartAnswer& answer) {
    const auto ranges = session.number(tcg::kLockingInfo, tcg::kColumnMaxRanges, "");
    if (!ranges || *ranges > kTcgRangesMax) {
        answer.detail = "the drive does not report how many ranges it has";
        return false;
    }
    for (std::uint64_t number = 0; number <= *ranges; ++number) {
        const auto range = tcg::locking_range(static_cast<std::uint16_t>(number));
        const auto length = number == 0 ? std::optional<std::uint64_t>(1)
                                        : session.number(range, tcg::kColumnRangeLength, "");
        const auto key = length.value_or(0) != 0 ? session.bytes(range, tcg::kColumnActiveKey, "")
                                                 : std::optional<SecretBytes>(SecretBytes());
        if (!length || !key || (*length != 0 && key->size() != sizeof(tcg::Uid))) {
            answer.detail = fmt::format("Admin1 cannot read range {} (single user mode?)", number);
            return false;
        }
        if (*length == 0) {
            continue;
        }
        const auto uid = read_be<tcg::Uid>(std::as_const(*key).view(), 0);
        if (uid == 0) {
            answer.detail = fmt::format("range {} is not encrypted: it has no key", number);
            return false;
        }
        keys_.push_back({uid, fmt::format("range {}", number)});
    }
    return true;
}

bool TcgGenKey::list_bands(TcgSession& session, StartAnswer& answer) {
    auto bands = session.number(tcg::kLockingInfo, 0, "MaxRanges");
    if (!bands) {
        bands = session.number(tcg::kLockingInfoTable, 0, "MaxRanges");
    }
    if (!bands || *bands > kTcgRangesMax) {
        answer.detail = "the drive does not report how many bands it has";
        return false;
    }
    for (std::uint64_t number = 0; number <= *bands; ++number) {
        keys_.push_back({tcg::enterprise_band(static_cast<std::uint16_t>(number)),
                         fmt::format("band {}", number)});
    }
    return true;
}

void TcgGenKey::change(TcgSession& session, tcg::Uid method, StartAnswer& answer) {
    Json kept = Json::array();
    for (const auto& key : keys_) {
        kept.push_back(ObjectWriter().add("name", key.name).add(kTcgAnswerKey, kTcgNotSent).take());
    }
    notes_.edit()[kTcgKeysKey] = std::move(kept);
    notes_.edit()[kTcgSentKey] = true;
    for (std::size_t i = 0; i < keys_.size(); ++i) {
        tcg_note_sent(notes_, fmt::format("{} ({})", tcg::method_name(method), keys_[i].name),
                      {keys_[i].object, method});
        notes_.edit()[kTcgKeysKey][i][kTcgAnswerKey] = kTcgNoAnswer;
        notes_.save();
        const auto reply = session.call(tcg::encode_call(keys_[i].object, method), kTcgKeyPatience);
        tcg_note_answer(notes_, reply.detail);
        notes_.edit()[kTcgKeysKey][i][kTcgAnswerKey] = tcg_answer_to_keep(reply);
        notes_.save();
        if (reply.succeeded()) {
            continue;
        }
        if (!reply.has_status()) {
            session.forget();  // it may still work on it
        }
        const bool untouched =
            i == 0 && reply.has_status() && tcg::changed_nothing(reply.answer.status);
        if (untouched) {
            notes_.keep(kTcgSentKey, false);
        }
        answer.start = untouched ? Start::refused : Start::unknown;
        answer.detail = fmt::format("{}: {}", keys_[i].name, reply.detail);
        return;
    }
    answer.start = Start::accepted;
    answer.detail = fmt::format("{} keys changed", keys_.size());
}

StartAnswer TcgGenKey::start() {
    auto answer = begin();
    answer.commands = tcg_take_sent(notes_);
    return answer;
}

Json* TcgGenKey::unseen_key() {
    if (!tcg_kept_flag(notes_.all(), kTcgSentKey) || !notes_.has(kTcgKeysKey)) {
        return nullptr;
    }
    auto& keys = notes_.edit()[kTcgKeysKey];
    for (std::size_t i = 0; keys.is_array() && i < keys.size(); ++i) {
        if (keys[i].is_object() && tcg_unseen(key_answer(keys[i]))) {
            return &keys[i];
        }
    }
    return nullptr;
}

bool TcgGenKey::fetch_answer(TcgChannel& channel, std::chrono::milliseconds patience) {
    const auto session = tcg_kept_session(notes_.all());
    Json* const key = unseen_key();
    if (!session || key == nullptr) {
        return false;
    }
    const auto reply = channel.fetch(*session, patience);
    const auto answer = tcg_answer_to_keep(reply);
    if (reply.kind != TcgReply::Kind::lost && reply.kind != TcgReply::Kind::refused &&
        answer != key_answer(*key)) {
        (*key)[kTcgAnswerKey] = answer;
        notes_.save();
    }
    return true;
}

StartAnswer TcgGenKey::begin() {
    const auto look = look_at_tcg(context_.transport);
    bool may_reset = true;
    if (unseen_key() != nullptr) {
        StartAnswer unknown;
        unknown.detail = "the drive may still work on the key that was to be changed before";
        if (look.kind != TcgLook::Kind::present || look.discovery.ssc() == nullptr) {
            return unknown;
        }
        auto channel = channel_of(look.discovery);
        if (fetch_answer(channel, kTcgKeyPatience) && unseen_key() != nullptr) {
            const bool running = key_answer(*unseen_key()) == kTcgRunning;
            const auto rest = running
                                  ? TcgRest::busy
                                  : tcg_rest_of(channel, *tcg_kept_session(notes_.all()),
                                                look.discovery.ssc()->ssc == tcg::Ssc::enterprise);
            if (rest == TcgRest::busy) {
                return unknown;
            }
            may_reset = rest == TcgRest::idle;
        }
    }
    if (auto objection = tcg_start_objection(TcgTechnique::genkey, look, context_, notes_)) {
        return refused_start(*objection);
    }
    return begin_fresh(look.discovery, may_reset);
}

StartAnswer TcgGenKey::begin_fresh(const tcg::Discovery& discovery, bool may_reset) {
    const tcg::Ssc ssc = discovery.ssc()->ssc;
    const bool enterprise = ssc == tcg::Ssc::enterprise;
    const auto login = tcg_login(TcgTechnique::genkey, ssc);
    auto channel = channel_of(discovery);
    TcgDoor door(channel, notes_, enterprise, may_reset);
    auto problem = door.settle();
    TcgSession session(channel, enterprise);
    if (!problem && !enterprise) {  // is the drive free, before a credential is shown to it?
        problem = door.open(session, login.sp);
        if (problem && problem->code == ReasonCode::drive_refused) {
            problem.reset();  // nobody comes in without a password
        }
        session.close();
    }
    if (!problem) {
        problem = door.log_in(session, login, context_.credential.secret.view());
    }
    if (problem) {
        return refused_start({problem->code, problem->detail});
    }
    notes_.edit()[kTcgTechniqueKey] = to_string(TcgTechnique::genkey);
    notes_.keep(kTcgSentKey, false);
    keys_.clear();
    StartAnswer answer;
    answer.start = Start::refused;
    if (enterprise ? list_bands(session, answer) : list_ranges(session, answer)) {
        change(session, enterprise ? tcg::kMethodErase : tcg::kMethodGenKey, answer);
    }
    session.close();
    return answer;
}

OperationState TcgGenKey::state() {
    auto look = look_at_tcg(context_.transport);
    if (auto without = tcg_state_without_discovery(look)) {
        return *without;
    }
    auto channel = channel_of(look.discovery);
    (void)fetch_answer(channel, std::chrono::milliseconds{0});
    OperationState state = judge_genkey(look.discovery, notes_.all());
    if (state.phase != Phase::idle) {
        state.technique = technique();
    }
    state.pages = std::move(look.pages);
    return state;
}

}  // namespace

std::unique_ptr<Operation> make_tcg_genkey(const TcgContext& context, OperationMemory& memory) {
    return std::make_unique<TcgGenKey>(context, memory);
}

}  // namespace efface::method
