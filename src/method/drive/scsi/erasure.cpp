// SPDX-License-Identifier: Apache-2.0
// An erase that one command begins and REQUEST SENSE watches. SCSI keeps no record of success:
// what was seen of it is kept in the job's journal, and success is that it was seen to be accepted
// or to run, and then to be over without a failure.
#include "erasure.hpp"

#include <fmt/format.h>

#include "drive/notes.hpp"

namespace efface::method {

namespace {

/// The command only begins the erase, but some disks spin up or flush first.
constexpr std::chrono::milliseconds kScsiStartTimeout{60'000};
/// Without IMMED it is answered at the end: an answer that is given up on means a reset in the
/// middle. SG_IO counts milliseconds in 31 bits.
constexpr std::chrono::hours kScsiWholeTimeout{24 * 24};
constexpr const char* kScsiSending = "sending";
constexpr const char* kScsiAccepted = "accepted";

class ScsiErasure final : public Operation {
  public:
    ScsiErasure(ScsiSession& session, const ScsiTechnique& technique,
                std::vector<ScsiStartCommand> forms, OperationMemory& memory)
        : session_(session),
          technique_(technique),
          forms_(std::move(forms)),
          notes_(memory, "scsi"),
          resets_before_(session.resets()) {}

    [[nodiscard]] std::string_view technique() const override { return technique_.name; }
    [[nodiscard]] Promise promise() const override { return forms_.front().promise; }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] StartAnswer start() override;

  private:
    [[nodiscard]] std::string sent() const { return notes_.get("sent"); }
    [[nodiscard]] bool flag(const char* name) const { return notes_.get(name, false); }
    void note_running(OperationState& state);
    void conclude(OperationState& state);
    [[nodiscard]] std::optional<StartAnswer> answer_without_sending();
    [[nodiscard]] device::ScsiCompletion send(const ScsiStartCommand& form, StartAnswer& answer);

    ScsiSession& session_;
    const ScsiTechnique& technique_;
    std::vector<ScsiStartCommand> forms_;
    Notes notes_;
    /// This object has seen it begin or run: nothing happened behind its back since.
    bool watched_ = false;
    unsigned resets_before_;
    std::optional<double> last_progress_;
};

void ScsiErasure::note_running(OperationState& state) {
    watched_ = true;
    last_progress_ = state.progress;
    if (!flag("seenRunning")) {
        notes_.edit()["adopted"] = sent().empty();
        notes_.keep("seenRunning", true);
    }
    state.technique = flag("adopted") ? "" : technique_.name;
}

/// The disk is ready again. What that is worth depends on what was seen before.
void ScsiErasure::conclude(OperationState& state) {
    const bool accepted = sent() == kScsiAccepted;
    if (!accepted && !flag("seenRunning")) {
        state.detail += sent() == kScsiSending ? "; the command was sent, its answer is unknown"
                                               : "; nothing is known about an earlier erase";
        return;
    }
    const bool survives_power_loss = technique_.work == ScsiWork::sanitize;
    if (!survives_power_loss && (!watched_ || session_.resets() != resets_before_)) {
        state.phase = Phase::unknown;
        state.detail +=
            "; it has ended, but FORMAT UNIT does not survive a reset or a loss of power, and ";
        state.detail +=
            watched_ ? "the disk reported one while it ran" : "nobody watched it to its end";
        return;
    }
    state.phase = Phase::succeeded;
    state.technique = flag("adopted") ? "" : technique_.name;
    std::string seen = "accepted, and ended without a failure before its state was first read";
    if (flag("adopted")) {
        seen =
            "an erase started by someone else (SCSI does not report which) was observed running, "
            "then ended without a failure";
    } else if (flag("seenRunning")) {
        seen = "accepted, observed running, then ended without a failure";
    }
    if (last_progress_) {
        seen += fmt::format(", last seen at {:.0f} %", *last_progress_ * 100.0);
    }
    state.detail = seen + "; " + state.detail + "; SCSI keeps no record of success";
}

OperationState ScsiErasure::state() {
    auto readiness = ask_scsi_readiness(session_);
    const bool other_work = readiness.work != technique_.work;
    auto state = state_of(std::move(readiness));
    if (state.phase == Phase::running && other_work) {
        state.phase = Phase::unknown;
        state.detail += ": not what was requested";
    } else if (state.phase == Phase::running) {
        note_running(state);
    } else if (state.phase == Phase::failed) {
        state.technique = sent().empty() ? "" : technique_.name;
    } else if (state.phase == Phase::idle) {
        conclude(state);
    }
    return state;
}

/// What makes sending pointless or wrong.
std::optional<StartAnswer> ScsiErasure::answer_without_sending() {
    const auto before = ask_scsi_readiness(session_);
    if (before.phase == Phase::running && before.work == technique_.work && !sent().empty()) {
        OperationState state;
        note_running(state);
        StartAnswer accepted;
        accepted.start = Start::accepted;
        accepted.detail = "it is already running: an earlier process sent it";
        return accepted;
    }
    if (before.phase == Phase::running) {
        return refused_start(
            {ReasonCode::drive_erasing,
             before.detail + ": someone else started it; wait until it has ended"});
    }
    if (before.reserved) {
        return refused_start(scsi_reservation());
    }
    if (before.phase == Phase::unknown && before.pages.empty()) {
        return refused_start({ReasonCode::drive_silent, "nothing was sent: " + before.detail});
    }
    return std::nullopt;
}

device::ScsiCompletion ScsiErasure::send(const ScsiStartCommand& form, StartAnswer& answer) {
    device::ScsiCommand command;
    command.cdb = form.cdb;
    command.write_from = form.list;
    command.timeout = form.immediate ? std::chrono::milliseconds(kScsiStartTimeout)
                                     : std::chrono::milliseconds(kScsiWholeTimeout);
    auto completion = session_.send(command);
    auto sent = std::move(answer.commands);
    answer = scsi_start_answer(completion);
    answer.commands = std::move(sent);
    answer.commands.push_back({form.title, form.cdb, scsi_answer_text(completion)});
    const auto sense = scsi_sense(completion);
    if (!form.immediate && answer.start == Start::refused && sense &&
        sense->code == scsi::asc::kSanitizeFailed) {
        answer.start = Start::unknown;  // the end of this one: the disk is asked
    }
    return completion;
}

StartAnswer ScsiErasure::start() {
    auto early = answer_without_sending();
    if (early) {
        return std::move(*early);
    }
    notes_.renew(ObjectWriter()
                     .add("technique", technique_.name)
                     .add("sent", kScsiSending)
                     .add("seenRunning", false)
                     .add("adopted", false)
                     .take());
    resets_before_ = session_.resets();
    StartAnswer answer;
    for (const auto& form : forms_) {
        const auto completion = send(form, answer);
        if (!refuses_form(completion)) {
            break;
        }
    }
    if (answer.start == Start::accepted) {
        // Attentions that were taken on the way are older than the erase.
        resets_before_ = session_.resets();
        watched_ = true;
        notes_.keep("sent", kScsiAccepted);
    } else if (answer.start == Start::refused) {
        notes_.forget();
    }
    return answer;
}

/// The next step after a refusal.
std::string hint_after(const scsi::SenseData& sense) {
    switch (sense.code) {
        case scsi::asc::kInvalidOpcode:
            return "the disk does not know the command: use another technique";
        case scsi::asc::kInvalidFieldInCdb:
        case scsi::asc::kInvalidFieldInList:
            return "the disk does not accept this form of the command: use another technique";
        case scsi::asc::kSanitizeFailed:
            return "an earlier SANITIZE failed, and this one did not start";
        default:
            break;
    }
    if (sense.is(scsi::SenseKey::data_protect)) {
        return "the disk is write protected: remove the write protection first";
    }
    return "the disk has started nothing";
}

}  // namespace

Reason scsi_reservation() {
    return {ReasonCode::busy,
            "reservation conflict: another host holds a reservation on the disk, which must be "
            "released first (sg_persist --in --read-reservation shows its key)"};
}

device::ScsiCompletion scsi_synchronize(ScsiSession& session, std::chrono::milliseconds timeout) {
    device::ScsiCommand command;
    command.timeout = timeout;
    command.cdb = scsi::synchronize_cache_16_cdb();
    auto completion = session.send(command);
    if (refuses_opcode(completion)) {
        command.cdb = scsi::synchronize_cache_10_cdb();
        completion = session.send(command);
    }
    return completion;
}

bool refuses_form(const device::ScsiCompletion& completion) {
    const auto sense = scsi_sense(completion);
    return sense && sense->is(scsi::SenseKey::illegal_request) &&
           (sense->code == scsi::asc::kInvalidFieldInCdb ||
            sense->code == scsi::asc::kInvalidFieldInList ||
            sense->code == scsi::asc::kListLengthError);
}

bool refuses_opcode(const device::ScsiCompletion& completion) {
    const auto sense = scsi_sense(completion);
    return sense && sense->is(scsi::SenseKey::illegal_request) &&
           sense->code == scsi::asc::kInvalidOpcode;
}

StartAnswer scsi_start_answer(const device::ScsiCompletion& completion) {
    StartAnswer answer;  // unknown
    answer.detail = scsi_answer_text(completion);
    const std::string words = answer.detail;
    if (!completion.answered() || completion.good()) {
        answer.start = completion.answered() ? Start::accepted : Start::unknown;
        return answer;
    }
    switch (static_cast<device::ScsiStatus>(completion.status)) {
        case device::ScsiStatus::busy:
        case device::ScsiStatus::task_set_full:
            return refused_start({ReasonCode::busy, words + ": try again later"});
        case device::ScsiStatus::reservation_conflict:
            return refused_start(scsi_reservation());
        default:
            break;
    }
    const auto sense = scsi_sense(completion);
    if (!sense || sense->code == scsi::asc::kSanitizeInProgress ||
        sense->code == scsi::asc::kFormatInProgress) {
        return answer;
    }
    const bool refused =
        sense->is(scsi::SenseKey::illegal_request) || sense->is(scsi::SenseKey::data_protect) ||
        sense->is(scsi::SenseKey::not_ready) || sense->is(scsi::SenseKey::unit_attention) ||
        sense->code == scsi::asc::kSanitizeFailed;
    return refused ? refused_start({sense->is(scsi::SenseKey::data_protect)
                                        ? ReasonCode::drive_write_protected
                                        : ReasonCode::drive_refused,
                                    words + ": " + hint_after(*sense)})
                   : answer;
}

std::unique_ptr<Operation> make_scsi_erasure(ScsiSession& session, const ScsiTechnique& technique,
                                             std::vector<ScsiStartCommand> forms,
                                             OperationMemory& memory) {
    return std::make_unique<ScsiErasure>(session, technique, std::move(forms), memory);
}

}  // namespace efface::method
