// SPDX-License-Identifier: Apache-2.0
// New media keys, one by one: of the global range and every range in use (GenKey, Core 2.01 section
// 5.7.3.1), or of each band of an Enterprise drive (Erase). What is set up on the drive stays.
#include <fmt/format.h>

#include <algorithm>

#include "operation.hpp"

namespace efface::method {

namespace {

constexpr std::uint64_t kTcgRangesMax =
    1024;  ///< Enterprise allows 1023 bands beside the global one

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
        if (answer == kTcgNoAnswer || answer == kTcgRunning) {
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

  private:
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
        kept.push_back(
            ObjectWriter().add("name", key.name).add(kTcgAnswerKey, kTcgNoAnswer).take());
    }
    notes_.edit()[kTcgKeysKey] = std::move(kept);
    notes_.keep(kTcgSentKey, true);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
        const auto reply = session.call(tcg::encode_call(keys_[i].object, method), kTcgKeyPatience);
        notes_.edit()[kTcgKeysKey][i][kTcgAnswerKey] = tcg_answer_to_keep(reply);
        notes_.save();
        answer.commands.push_back(
            tcg_sent(fmt::format("{} ({})", tcg::method_name(method), keys_[i].name),
                     {keys_[i].object, method}, reply.detail));
        if (reply.succeeded()) {
            continue;
        }
        const bool untouched = i == 0 && reply.kind == TcgReply::Kind::answered &&
                               reply.answer.answered && tcg::changed_nothing(reply.answer.status);
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
    auto begun = begin_tcg_start(TcgTechnique::genkey, context_, notes_);
    if (!begun.go) {
        return begun.refusal;
    }
    const auto& discovery = begun.look.discovery;
    const bool enterprise = discovery.ssc()->ssc == tcg::Ssc::enterprise;
    notes_.edit() = ObjectWriter()
                        .add(kTcgTechniqueKey, to_string(TcgTechnique::genkey))
                        .add(kTcgSentKey, false)
                        .take();
    keys_.clear();
    StartAnswer answer;
    answer.start = Start::refused;
    TcgChannel channel(context_.transport, discovery.ssc()->base_com_id, context_.clock,
                       context_.pause);
    TcgSession session(channel, enterprise);
    const auto sp = enterprise ? tcg::kLockingSpEnterprise : tcg::kLockingSp;
    const auto authority = enterprise ? tcg::kAuthorityEraseMaster : tcg::kAuthorityAdmin1;
    const auto problem = session.open(sp, authority, context_.credentials.locking_admin.view());
    answer.commands.push_back(tcg_sent(
        fmt::format("StartSession (Locking SP, {})", enterprise ? "EraseMaster" : "Admin1"),
        {sp, authority}, problem ? problem->detail : kTcgSuccess));
    if (problem) {
        answer.why = ReasonCode::drive_credential;
        answer.detail = problem->detail;
        return answer;
    }
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
