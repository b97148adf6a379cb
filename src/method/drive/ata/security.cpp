// SPDX-License-Identifier: Apache-2.0
// SECURITY ERASE UNIT (ACS-4, section 7.42): a temporary password is journalled, set, and used up
// by the erase; whatever happens between, the drive is never left locked.
#include "efface/ata/security.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "drive/notes.hpp"
#include "link.hpp"

namespace efface::method {

namespace {

constexpr std::chrono::hours kEraseTimeoutMin{12};
/// SG_IO counts milliseconds in 31 bits.
constexpr std::chrono::hours kEraseTimeoutMax{24 * 24};
constexpr int kEraseTimeoutFactor = 2;

/// How far it came, in the journal. The order is the order of events.
constexpr const char* kSent = "sent";          ///< ERASE UNIT goes out, or went out
constexpr const char* kAccepted = "accepted";  ///< the drive said that it was done
constexpr const char* kFailed = "failed";

class AtaSecurityErase final : public Operation {
  public:
    AtaSecurityErase(device::AtaTransport& ata, bool enhanced, Random& random,
                     OperationMemory& memory)
        : ata_(ata), enhanced_(enhanced), random_(random), notes_(memory, "security") {}

    [[nodiscard]] std::string_view technique() const override {
        return enhanced_ ? kAtaSecurityEnhanced : kAtaSecurityNormal;
    }
    [[nodiscard]] Promise promise() const override {
        // Normal mode writes binary zeros; what enhanced mode writes is the vendor's.
        return enhanced_ ? Promise{} : Promise::zeros();
    }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] StartAnswer start() override;
    [[nodiscard]] std::optional<std::string> clean_up(std::vector<SentCommand>& commands) override;

  private:
    [[nodiscard]] std::string outcome() const { return notes_.get("outcome"); }
    [[nodiscard]] bool has_password() const { return notes_.has("password"); }
    [[nodiscard]] SecretBytes password() const;
    void make_password();
    device::AtaCompletion send(const char* name, const device::AtaCommand& command,
                               std::vector<SentCommand>& commands);
    [[nodiscard]] bool set_password(bool locked, StartAnswer& answer);
    void erase(const ata::Identify& identify, StartAnswer& answer);
    [[nodiscard]] std::chrono::milliseconds timeout(const ata::Identify& identify) const;
    [[nodiscard]] std::optional<std::string> remove_password(const ata::SecurityStatus& security,
                                                             std::vector<SentCommand>& commands);

    device::AtaTransport& ata_;
    bool enhanced_;
    Random& random_;
    Notes notes_;
};

SecretBytes AtaSecurityErase::password() const {
    const auto& text = notes_.at("password").get_ref<const std::string&>();
    SecretBytes bytes(ata::kPasswordBytes);
    std::copy_n(text.begin(), std::min(text.size(), bytes.size()), bytes.view().begin());
    return bytes;
}

/// Printable, so that it can be typed into another tool should ours be lost.
void AtaSecurityErase::make_password() {
    SecretBytes random(ata::kPasswordBytes / 2);
    random_.fill(random.view());
    auto text = to_hex(random.view());
    notes_.keep("password", text);  // durable before the drive learns of it
    cleanse({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

device::AtaCompletion AtaSecurityErase::send(const char* name, const device::AtaCommand& command,
                                             std::vector<SentCommand>& commands) {
    auto completion = ata_.submit(command);
    commands.push_back(ata_sent(name, command, completion));
    return completion;
}

std::chrono::milliseconds AtaSecurityErase::timeout(const ata::Identify& identify) const {
    const auto& told = enhanced_ ? identify.enhanced_erase : identify.normal_erase;
    const std::chrono::minutes wanted =
        told ? told->at_least * kEraseTimeoutFactor : std::chrono::minutes(0);
    // An answer that is given up on means a reset in the middle of the erase.
    return std::clamp<std::chrono::milliseconds>(wanted, kEraseTimeoutMin, kEraseTimeoutMax);
}

/// True when the drive has our password and is unlocked.
bool AtaSecurityErase::set_password(bool locked, StartAnswer& answer) {
    const auto secret = password();
    const auto block =
        locked ? ata::password_block(secret.view()) : ata::password_block_set(secret.view());
    const auto completion = locked
                                ? send("SECURITY UNLOCK (temporary password)",
                                       ata::security_unlock(block.view()), answer.commands)
                                : send("SECURITY SET PASSWORD (temporary, user, level high)",
                                       ata::security_set_password(block.view()), answer.commands);
    const auto now = ata_identify(ata_);
    const auto& security = now.identify.security;
    if (now.error.empty() && security.enabled && !security.locked && !ata_refused(completion)) {
        return true;
    }
    answer.detail =
        fmt::format("the drive did not {}: {}{}",
                    locked ? "unlock with the temporary password" : "take the temporary password",
                    ata_answer_text(completion), now.error.empty() ? "" : "; " + now.error);
    return false;
}

void AtaSecurityErase::erase(const ata::Identify& identify, StartAnswer& answer) {
    const auto secret = password();
    const auto block = ata::password_block_erase(secret.view(), enhanced_);
    notes_.keep("outcome", kSent);
    const auto prepare =
        send("SECURITY ERASE PREPARE", ata::security_erase_prepare(), answer.commands);
    if (!ata_taken(prepare)) {
        notes_.forget("outcome");
        answer.detail = "SECURITY ERASE PREPARE: " + ata_answer_text(prepare);
        return;
    }
    const auto completion =
        send(enhanced_ ? "SECURITY ERASE UNIT (enhanced)" : "SECURITY ERASE UNIT (normal)",
             ata::security_erase_unit(block.view(), timeout(identify)), answer.commands);
    answer.detail = ata_answer_text(completion);
    if (ata_taken(completion)) {
        notes_.keep("outcome", kAccepted);
        answer.start = Start::finished;
    } else if (ata_refused(completion)) {
        // It may have come a part of the way.
        notes_.keep("why", "SECURITY ERASE UNIT: " + answer.detail);
        notes_.keep("outcome", kFailed);
        answer.start = Start::finished;
    } else {
        answer.start = Start::unknown;
    }
}

StartAnswer AtaSecurityErase::start() {
    StartAnswer answer;
    answer.start = Start::refused;
    const auto look = ata_look(ata_);
    const bool sent_before = outcome() == kSent || outcome() == kAccepted;
    if (!look.error.empty()) {
        answer.start = sent_before ? Start::unknown : Start::refused;
        answer.why = ReasonCode::drive_silent;
        answer.detail = look.error;
        return answer;
    }
    const auto& security = look.identify.security;
    if (sent_before && !security.enabled) {
        answer.start = Start::finished;
        answer.detail = "already carried out: the drive has switched its security off";
        return answer;
    }
    if (const auto objection = ata_security_objection(look, enhanced_, has_password())) {
        return refused_start(*objection);
    }
    if (!has_password()) {
        make_password();
    }
    if ((security.enabled && !security.locked) || set_password(security.locked, answer)) {
        erase(look.identify, answer);
    }
    return answer;
}

OperationState AtaSecurityErase::state() {
    OperationState state;
    const auto came_to = outcome();
    auto now = ata_identify(ata_);
    if (!now.error.empty()) {
        state.detail = now.error;
        return state;
    }
    state.technique = came_to.empty() ? "" : technique();
    state.pages.push_back({"ATA IDENTIFY DEVICE", std::move(now.page)});
    const auto& security = now.identify.security;
    if (came_to.empty()) {
        state.phase = Phase::idle;
        state.detail = "no SECURITY ERASE UNIT was sent";
    } else if (came_to == kFailed) {
        state.phase = Phase::failed;
        state.detail = notes_.get("why", std::string("the erase failed"));
    } else if (security.enabled) {
        state.phase = Phase::failed;
        state.detail = came_to == kAccepted ? "the drive reported success, but its security is "
                                              "still enabled: a completed erase switches it off"
                                            : "the erase did not finish: security is still enabled";
    } else {
        state.phase = Phase::succeeded;
        state.detail = came_to == kAccepted ? "completed, and security is off again (word 128)"
                                            : "the answer was lost, but security is off again "
                                              "(word 128), which only the end of the erase does";
    }
    return state;
}

std::optional<std::string> AtaSecurityErase::remove_password(const ata::SecurityStatus& security,
                                                             std::vector<SentCommand>& commands) {
    if (security.frozen || security.count_expired) {
        return fmt::format(
            "the temporary password is still set and the drive's security is {}: switch the drive "
            "off and on{}, then run efface resume JOB",
            security.frozen ? "frozen" : "closed after too many attempts",
            security.frozen ? " (pull it and insert it again while the host runs)" : "");
    }
    const auto secret = password();
    const auto block = ata::password_block(secret.view());
    if (security.locked) {
        const auto unlocked = send("SECURITY UNLOCK (temporary password)",
                                   ata::security_unlock(block.view()), commands);
        if (ata_refused(unlocked)) {
            return "the drive is locked and does not accept its temporary password: " +
                   ata_answer_text(unlocked) +
                   "; switch it off and on and run efface resume JOB (the password is kept in the "
                   "journal of this job)";
        }
    }
    const auto disabled = send("SECURITY DISABLE PASSWORD (temporary password)",
                               ata::security_disable_password(block.view()), commands);
    const auto now = ata_identify(ata_);
    if (!now.error.empty() || now.identify.security.enabled) {
        return fmt::format(
            "the temporary password could not be removed ({}): switch the drive off and on and run "
            "efface resume JOB (the password is kept in the journal of this job)",
            now.error.empty() ? ata_answer_text(disabled) : now.error);
    }
    return std::nullopt;
}

std::optional<std::string> AtaSecurityErase::clean_up(std::vector<SentCommand>& commands) {
    if (!has_password()) {
        return std::nullopt;
    }
    const auto now = ata_identify(ata_);
    if (!now.error.empty()) {
        return "the drive does not answer; its temporary password may still be set: " + now.error +
               "; run efface resume JOB when it is back";
    }
    if (now.identify.security.enabled) {
        // From here on a drive without a password is not a sign of a completed erase.
        if (outcome() == kSent || outcome() == kAccepted) {
            notes_.keep("why", "security was still enabled after SECURITY ERASE UNIT");
            notes_.keep("outcome", kFailed);
        }
        if (auto problem = remove_password(now.identify.security, commands)) {
            return problem;
        }
    }
    notes_.forget("password");
    return std::nullopt;
}

}  // namespace

std::unique_ptr<Operation> make_ata_security_erase(device::AtaTransport& ata, bool enhanced,
                                                   Random& random, OperationMemory& memory) {
    return std::make_unique<AtaSecurityErase>(ata, enhanced, random, memory);
}

}  // namespace efface::method
