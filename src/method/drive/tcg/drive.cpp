// SPDX-License-Identifier: Apache-2.0
#include <thread>
#include <utility>

#include "efface/method/drive/command_sets.hpp"

#include "operation.hpp"

namespace efface::method {

namespace {

class TcgDriveCommands final : public CommandSet {
  public:
    TcgDriveCommands(device::SecurityTransport& transport, const TcgCredential& credential,
                     const Clock& clock, TcgPause pause)
        : transport_(transport),
          credential_{SecretBytes(credential.secret.view()), credential.authority},
          clock_(clock),
          pause_(std::move(pause)) {}

    [[nodiscard]] std::string_view name() const override { return "tcg"; }
    [[nodiscard]] DriveSurvey survey() override;
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] std::unique_ptr<Operation> make(std::string_view technique,
                                                  OperationMemory& memory) override;
    [[nodiscard]] OpenedAreas open_hidden_areas(OperationMemory& /*memory*/) override { return {}; }
    [[nodiscard]] ReadStatus read_status(const std::string& /*surface*/, std::uint64_t /*offset*/,
                                         MutableByteView /*into*/) override {
        return {.status = "TCG has no command to read user data"};
    }

  private:
    device::SecurityTransport& transport_;
    TcgCredential credential_;
    const Clock& clock_;
    TcgPause pause_;
};

DriveSurvey TcgDriveCommands::survey() {
    DriveSurvey survey;
    auto look = look_at_tcg(transport_);
    if (look.kind == TcgLook::Kind::silent) {
        survey.error = look.detail;
        return survey;
    }
    survey.pages = std::move(look.pages);
    const bool present = look.kind == TcgLook::Kind::present;
    survey.facts = tcg_drive_facts(present ? &look.discovery : nullptr);
    if (look.kind == TcgLook::Kind::unreadable) {
        for (const TcgTechnique technique : kTcgTechniques) {
            survey.techniques.push_back(tcg_unreadable_facts(technique, look.detail));
        }
    }
    if (!present) {
        return survey;
    }
    const auto* ssc = look.discovery.ssc();
    if (ssc == nullptr) {
        return survey;
    }
    for (const TcgTechnique technique : kTcgTechniques) {
        survey.techniques.push_back(tcg_technique_facts(technique, look.discovery, credential_));
    }
    if (look.discovery.locking && look.discovery.locking->locked) {
        survey.residual_risks.push_back(
            {ReasonCode::drive_locked,
             "ranges of the drive are locked: no canary can be placed there, so nothing can be "
             "proved for them; without any canary the run ends as indeterminate (tcg-psid-revert "
             "unlocks the drive, and another technique then erases it with canaries)"});
    }
    if (auto unusual = tcg_unusual_form(credential_)) {
        survey.residual_risks.push_back(*std::move(unusual));
    }
    if (tcg::encrypts(ssc->ssc)) {
        survey.residual_risks.push_back({ReasonCode::drive_word,
                                         "only the drive reports that no copy of a media key was "
                                         "left: a host sees only that the content changed"});
    }
    return survey;
}

OperationState TcgDriveCommands::state() {
    auto look = look_at_tcg(transport_);
    OperationState state;
    state.pages = std::move(look.pages);
    state.detail = look.detail;
    if (look.kind == TcgLook::Kind::silent || look.kind == TcgLook::Kind::unreadable) {
        return state;
    }
    state.phase = Phase::idle;
    if (look.kind == TcgLook::Kind::present && look.discovery.data_removal) {
        if (look.discovery.data_removal->processing) {
            state.phase = Phase::running;
            state.detail = "the drive removes data";
        } else if (look.discovery.data_removal->interrupted) {
            state.phase = Phase::failed;
            state.detail = "a data removal was interrupted";
        }
    }
    return state;
}

std::unique_ptr<Operation> TcgDriveCommands::make(std::string_view technique,
                                                  OperationMemory& memory) {
    const auto known = tcg_technique_named(technique);
    if (!known) {
        return nullptr;
    }
    const TcgContext context{transport_, credential_, clock_, pause_};
    return *known == TcgTechnique::genkey ? make_tcg_genkey(context, memory)
                                          : make_tcg_revert(*known, context, memory);
}

}  // namespace

std::unique_ptr<CommandSet> make_tcg_drive(device::SecurityTransport& transport,
                                           const TcgCredential& credential, const Clock& clock,
                                           TcgPause pause) {
    if (!pause) {
        pause = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
    }
    return std::make_unique<TcgDriveCommands>(transport, credential, clock, std::move(pause));
}

}  // namespace efface::method
