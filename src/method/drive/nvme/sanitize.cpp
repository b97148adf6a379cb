// SPDX-License-Identifier: Apache-2.0
// Sanitize (NVMe Base 2.3, sections 5.2.23 and 8.1.24): the whole NVM subsystem, every namespace,
// attached or not, and what no host can address.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "efface/nvme/status.hpp"

#include "drive/notes.hpp"
#include "parts.hpp"

namespace efface::method {

namespace {

using nvme::SanitizeAction;
using nvme::SanitizeOutcome;

constexpr std::uint8_t kDeallocatedReadsZero = 1;
constexpr std::uint8_t kDeallocatedReadsOnes = 2;
constexpr std::uint32_t kPassesOfEstimate = 16;

struct SanitizeTechnique {
    std::string_view name;
    SanitizeAction action;
    const char* words;
    bool nvme::SanitizeCapabilities::*offered;
};
constexpr std::array kSanitizeTechniques{
    SanitizeTechnique{kNvmeSanitizeBlock, SanitizeAction::block_erase, "block erase",
                      &nvme::SanitizeCapabilities::block_erase},
    SanitizeTechnique{kNvmeSanitizeCrypto, SanitizeAction::crypto_erase, "crypto erase",
                      &nvme::SanitizeCapabilities::crypto_erase},
    SanitizeTechnique{kNvmeSanitizeOverwrite, SanitizeAction::overwrite, "overwrite",
                      &nvme::SanitizeCapabilities::overwrite},
};

const SanitizeTechnique* technique_named(std::string_view name) {
    const auto* at = std::find_if(kSanitizeTechniques.begin(), kSanitizeTechniques.end(),
                                  [&](const SanitizeTechnique& one) { return one.name == name; });
    return at == kSanitizeTechniques.end() ? nullptr : at;
}

/// AUSE stays 0: a drive whose sanitize failed must not come back into service unnoticed.
nvme::Sanitize command_for(const SanitizeTechnique& technique,
                           const nvme::SanitizeCapabilities& offered, ByteView pattern) {
    nvme::Sanitize sanitize;
    sanitize.action = technique.action;
    if (technique.action == SanitizeAction::overwrite) {
        sanitize.overwrite_passes = 1;
        // What was written stays readable for our verification, where the drive lets it.
        sanitize.no_deallocate =
            !offered.no_deallocate_inhibited && offered.nodmmas == nvme::Nodmmas::not_modified;
        // Deallocated blocks read as zeros at best: there, zeros are what can be looked for.
        sanitize.pattern = sanitize.no_deallocate ? read_le<std::uint32_t>(pattern, 0) : 0;
    } else {
        sanitize.enter_media_verification = offered.media_verification;
    }
    return sanitize;
}

Json reasons_for(const nvme::Sanitize& sanitize, const nvme::SanitizeCapabilities& offered) {
    Json reasons = Json::object();
    reasons["ause"] = "0: a drive that fails stays locked until a sanitize succeeds";
    if (sanitize.action != SanitizeAction::overwrite) {
        reasons["ndas"] = sanitize.enter_media_verification
                              ? "0: media verification shows the medium before it is deallocated"
                              : "0: erased media need not be readable, and the drive stays fast";
    } else if (sanitize.no_deallocate) {
        reasons["ndas"] = "1: the pattern of this job stays on the medium and is read back";
    } else if (offered.no_deallocate_inhibited) {
        reasons["ndas"] = "0: the drive inhibits no-deallocate (NDI)";
    } else {
        reasons["ndas"] = fmt::format(
            "0: the drive does not promise to leave the medium as it was written (NODMMAS {})",
            static_cast<unsigned>(offered.nodmmas));
    }
    return reasons;
}

std::string command_words(const char* words, const nvme::Sanitize& sanitize) {
    return fmt::format(
        "Sanitize ({}): SANACT {}, AUSE 0, OWPASS {}, NDAS {}, EMVS {} (CDW10 {:08x}h){}", words,
        static_cast<unsigned>(sanitize.action), sanitize.overwrite_passes,
        sanitize.no_deallocate ? 1 : 0, sanitize.enter_media_verification ? 1 : 0,
        nvme::sanitize_cdw10(sanitize), sanitize.no_deallocate ? ", OVRPAT drawn for the job" : "");
}

std::optional<std::chrono::seconds> estimate_for(const nvme::Sanitize& sanitize,
                                                 const nvme::SanitizeLog& log) {
    auto seconds = sanitize.action == SanitizeAction::block_erase    ? log.block_erase_seconds
                   : sanitize.action == SanitizeAction::crypto_erase ? log.crypto_erase_seconds
                                                                     : log.overwrite_seconds;
    if (sanitize.action == SanitizeAction::overwrite) {
        // 0 in a field that older drives do not have.
        if (sanitize.no_deallocate && log.overwrite_no_deallocate_seconds.value_or(0) != 0) {
            seconds = log.overwrite_no_deallocate_seconds;
        }
        if (seconds) {
            seconds = (*seconds + kPassesOfEstimate - 1) / kPassesOfEstimate;
        }
    }
    if (!seconds) {
        return std::nullopt;
    }
    std::chrono::seconds total{*seconds};
    if (sanitize.enter_media_verification) {
        total += std::chrono::seconds(log.deallocation_seconds.value_or(0));
    }
    return total;
}

std::optional<Reason> objection_to(const SanitizeTechnique& technique, const NvmeFacts& facts) {
    const auto& offered = facts.controller.sanitize;
    if (!offered.any()) {
        return Reason{ReasonCode::drive_lacks_technique,
                      "the drive has no Sanitize command (SANICAP 0)"};
    }
    if (!(offered.*technique.offered)) {
        return Reason{ReasonCode::drive_lacks_technique,
                      fmt::format("the drive has Sanitize without {} (SANICAP {:08x}h)",
                                  technique.words, offered.raw)};
    }
    if (!facts.sanitize_log) {
        return Reason{
            ReasonCode::drive_state_unknown,
            "the Sanitize Status log cannot be read, so nothing would show how it ends: " +
                facts.sanitize_log_error};
    }
    if (facts.sanitize_log->outcome() == SanitizeOutcome::in_progress) {
        const auto running = nvme_sanitize_technique(facts.sanitize_log->scdw10);
        if (running != technique.name) {
            return Reason{
                ReasonCode::drive_erasing,
                fmt::format("the drive is running {}: wait until it has ended, or adopt it",
                            running.empty() ? "another sanitize" : running)};
        }
    }
    return nvme_write_protection(facts);
}

/// The newest start of a sanitize in the drive's event log, as a name; "none" where it has none,
/// empty where there is no such log.
std::string newest_start(device::NvmeTransport& transport) {
    const auto page = nvme_read_event_log(transport);
    if (!page.ok()) {
        return "";
    }
    std::uint64_t count = 0;
    std::uint64_t newest = 0;
    for (const auto& event : nvme::decode_erasure_events(page.bytes)) {
        if (event.type == nvme::ErasureEvent::Type::sanitize_start) {
            ++count;
            newest = std::max(newest, event.milliseconds);
        }
    }
    return count == 0 ? "none" : fmt::format("{} of {}", newest, count);
}

class NvmeSanitize final : public Operation {
  public:
    NvmeSanitize(const SanitizeTechnique& technique, device::NvmeTransport& transport,
                 OperationMemory& memory)
        : technique_(technique),
          transport_(transport),
          pattern_(memory.pattern),
          notes_(memory, "nvmeSanitize") {}

    [[nodiscard]] std::string_view technique() const override { return technique_.name; }
    [[nodiscard]] Promise promise() const override;
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] StartAnswer start() override;
    [[nodiscard]] bool leave_verification(std::vector<SentCommand>& commands) override;

  private:
    [[nodiscard]] bool was_sent() const { return notes_.exist(); }
    void doubt_success(OperationState& state);
    [[nodiscard]] bool has_started_since();
    void note_running();

    const SanitizeTechnique& technique_;
    device::NvmeTransport& transport_;
    const Bytes& pattern_;
    Notes notes_;
};

/// What a deallocated block reads as (DLFEAT): zeros, ones, or either where that is not reported.
Bytes deallocated_values(const NvmeFacts& facts) {
    constexpr std::uint8_t kOnes = 0xff;
    Bytes values;
    for (const auto& one : facts.namespaces) {
        const auto reads = one.identity.deallocated_reads;
        if (reads != kDeallocatedReadsOnes) {
            values.push_back(0);
        }
        if (reads != kDeallocatedReadsZero) {
            values.push_back(kOnes);
        }
    }
    return values;
}

/// Only an overwrite leaves something known: its pattern where the blocks are not deallocated after
/// it, zeros where deallocated ones read so. Zeros after the others would prove nothing.
Promise NvmeSanitize::promise() const {
    if (technique_.action != SanitizeAction::overwrite) {
        return {};
    }
    const auto facts = read_nvme_facts(transport_);
    if (!facts.error.empty() || !facts.sanitize_log || facts.namespaces.empty()) {
        return {};
    }
    // One of someone else, adopted, may have had another pattern: log page 81h does not tell. Of
    // ours it is known what was sent; some drives give back SANACT alone.
    if (!was_sent()) {
        return {};
    }
    const auto sent = nvme::decode_sanitize(notes_.get("cdw10", 0U));
    if (!sent.no_deallocate) {
        const bool zeros = std::all_of(
            facts.namespaces.begin(), facts.namespaces.end(), [](const NvmeNamespace& one) {
                return one.identity.deallocated_reads == kDeallocatedReadsZero;
            });
        return zeros ? Promise::zeros() : Promise{};
    }
    // Only SOS 4 says that blocks were deallocated nevertheless, not which; after SOS 1 a drive
    // that shows zeros has but forgotten its map.
    return facts.sanitize_log->outcome() == SanitizeOutcome::success_deallocated
               ? Promise{pattern_, deallocated_values(facts)}
               : Promise{pattern_, {}};
}

void NvmeSanitize::note_running() {
    if (was_sent() && !notes_.get("running", false)) {
        notes_.keep("running", true);
    }
}

/// The log tells of the last sanitize that the drive knows. It must be ours.
void NvmeSanitize::doubt_success(OperationState& state) {
    if (!state.technique.empty() && state.technique != technique_.name) {
        state.phase = Phase::unknown;
        state.detail =
            fmt::format("the drive reports {}, not this one: {}", state.technique, state.detail);
        return;
    }
    if (!was_sent() || notes_.get("running", false) || state.pages.empty()) {
        return;
    }
    // A success sets GDE; the same page with GDE 0 is that of an earlier one, written over since,
    // or of a drive that never sets it and was fast. One that accepted the command is believed,
    // unless its event log has no start since; what it did, the canaries show.
    const auto log = nvme::decode_sanitize_log(state.pages.front().bytes);
    const bool same = log && !log->global_data_erased() &&
                      to_hex(state.pages.front().bytes) == notes_.get("logBefore");
    if (same && (!notes_.get("accepted", false) || !has_started_since())) {
        state.phase = Phase::unknown;
        state.detail = "the status is from before the command: it reports an earlier sanitize; " +
                       state.detail;
    }
}

/// False: the event log has the same newest start as before the command.
bool NvmeSanitize::has_started_since() {
    const auto newest = newest_start(transport_);
    return newest.empty() || newest != notes_.get("startBefore");
}

OperationState NvmeSanitize::state() {
    auto now = read_nvme_sanitize_state(transport_);
    if (now.phase == Phase::running || now.phase == Phase::verifying) {
        note_running();
    }
    if (now.phase == Phase::succeeded) {
        doubt_success(now);
    }
    if (now.phase == Phase::succeeded || now.phase == Phase::failed) {
        if (auto events = nvme_read_event_log(transport_); events.ok()) {
            now.pages.push_back({"NVMe log 0Dh, newest events", std::move(events.bytes)});
        }
    }
    return now;
}

StartAnswer NvmeSanitize::start() {
    StartAnswer answer;
    const auto page = nvme_read_identify(transport_, nvme::Cns::controller, 0);
    const auto controller = nvme::decode_controller(page.bytes);
    const auto log =
        nvme_read_log(transport_, nvme::LogPage::sanitize_status, nvme::kSanitizeLogBytes);
    const auto before = nvme_sanitize_state(log);
    if (!page.ok() || !controller || before.phase == Phase::unknown) {
        answer.start = Start::refused;  // nothing was sent
        answer.why = ReasonCode::drive_state_unknown;
        answer.detail =
            "the drive does not report its state: " + (page.ok() ? before.detail : page.error);
        return answer;
    }
    if (before.phase == Phase::running || before.phase == Phase::verifying) {
        const bool ours = was_sent() && before.technique == technique_.name;
        answer.start = ours ? Start::accepted : Start::refused;
        answer.why = ReasonCode::drive_erasing;
        answer.detail = ours
                            ? "it was already running"
                            : "a sanitize is already running: wait until it has ended, or adopt it";
        return answer;
    }
    const auto command = nvme::encode(command_for(technique_, controller->sanitize, pattern_));
    notes_.renew(ObjectWriter()
                     .add("cdw10", command.cdw10)
                     .add("logBefore", to_hex(log.bytes))
                     .add("startBefore", newest_start(transport_))
                     .take());
    const auto completion = transport_.submit(command);
    if (completion.succeeded()) {
        notes_.keep("accepted", true);
    }
    answer.commands.push_back(
        nvme_sent(fmt::format("Sanitize ({})", technique_.words), command, completion));
    answer.start = completion.succeeded()  ? Start::accepted
                   : completion.error != 0 ? Start::unknown
                                           : Start::refused;
    answer.detail = nvme_refusal_text(completion);
    return answer;
}

bool NvmeSanitize::leave_verification(std::vector<SentCommand>& commands) {
    const auto command = nvme::encode({SanitizeAction::exit_media_verification});
    const auto completion = transport_.submit(command);
    commands.push_back(nvme_sent("Sanitize (exit media verification)", command, completion));
    return completion.succeeded() || read_nvme_sanitize_state(transport_).phase != Phase::verifying;
}

}  // namespace

std::vector<TechniqueFacts> nvme_sanitize_techniques(const NvmeFacts& facts) {
    std::vector<TechniqueFacts> found;
    for (const auto& technique : kSanitizeTechniques) {
        const auto& offered = facts.controller.sanitize;
        const auto command = command_for(technique, offered, Bytes(kOverwritePatternBytes));
        TechniqueFacts one;
        one.name = technique.name;
        one.objection = objection_to(technique, facts);
        if (facts.sanitize_log) {
            one.estimate = estimate_for(command, *facts.sanitize_log);
        }
        one.sends.push_back(command_words(technique.words, command));
        if (command.enter_media_verification) {
            one.sends.emplace_back(
                "Sanitize (exit media verification): SANACT 5 (CDW10 00000005h)");
        }
        one.facts = ObjectWriter()
                        .add("method", "sanitize")
                        .add("cryptographic", technique.action == SanitizeAction::crypto_erase)
                        .add("wholeDrive", true)
                        .add("nodmmas", static_cast<unsigned>(offered.nodmmas))
                        .add("mediaVerification", command.enter_media_verification)
                        .add("noDeallocate", command.no_deallocate)
                        .add("hiddenAreasNotCovered", Json::array())
                        .add("reasons", reasons_for(command, offered))
                        .take();
        found.push_back(std::move(one));
    }
    return found;
}

std::unique_ptr<Operation> make_nvme_sanitize(std::string_view technique,
                                              device::NvmeTransport& transport,
                                              OperationMemory& memory) {
    const auto* found = technique_named(technique);
    return found == nullptr ? nullptr : std::make_unique<NvmeSanitize>(*found, transport, memory);
}

}  // namespace efface::method
