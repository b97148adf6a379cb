// SPDX-License-Identifier: Apache-2.0
// Format NVM with secure erase (NVMe Base 2.3, section 5.2.10): what is in namespaces, as far as
// SENS reaches, never what is unallocated. It leaves no status on the drive: what the commands
// answered is kept in the journal.
#include <fmt/format.h>

#include <algorithm>

#include "efface/method/drive/command_sets.hpp"
#include "efface/nvme/status.hpp"

#include "drive/notes.hpp"
#include "parts.hpp"

namespace efface::method {

namespace {

constexpr std::chrono::hours kFormatCryptoMax{1};

nvme::SecureErase secure_erase_of(std::string_view technique) {
    return technique == kNvmeFormatCrypto ? nvme::SecureErase::cryptographic
                                          : nvme::SecureErase::user_data;
}

struct FormatStep {
    std::uint32_t nsid = 0;
    std::uint32_t cdw10 = 0;
};

/// One for each attached namespace, or one for all where any NSID erases all (SENS).
std::vector<FormatStep> steps_by_namespace(const NvmeFacts& facts, nvme::SecureErase erase) {
    std::vector<FormatStep> each;
    for (const auto& one : facts.namespaces) {
        if (one.attached) {
            each.push_back({one.nsid, nvme::format_cdw10(one.identity, erase)});
        }
    }
    if (!each.empty() && facts.controller.erase_reaches_all()) {
        each.resize(1);
    }
    return each;
}

/// One broadcast where there are several, the drive takes it and every namespace keeps its format
/// by it.
std::vector<FormatStep> format_steps(const NvmeFacts& facts, nvme::SecureErase erase) {
    auto each = steps_by_namespace(facts, erase);
    const bool alike = std::all_of(each.begin(), each.end(), [&](const FormatStep& step) {
        return step.cdw10 == each.front().cdw10;
    });
    if (each.size() > 1 && alike && facts.controller.format_broadcast()) {
        return {{nvme::kAllNamespaces, each.front().cdw10}};
    }
    return each;
}

struct Unreached {
    std::vector<std::string> words;
    Json kinds = Json::array();
};

Unreached format_leaves(const NvmeFacts& facts) {
    Unreached left;
    const auto& controller = facts.controller;
    const bool detached = std::any_of(facts.namespaces.begin(), facts.namespaces.end(),
                                      [](const NvmeNamespace& one) { return !one.attached; });
    if (controller.unallocated_bytes != 0) {
        left.words.push_back(
            fmt::format("unallocated capacity of {} bytes, with the content of deleted namespaces",
                        controller.unallocated_bytes));
        left.kinds.push_back("unallocated-capacity");
    }
    if (facts.unaccounted_bytes != 0) {
        left.words.push_back(
            fmt::format("{} bytes that no listed namespace accounts for", facts.unaccounted_bytes));
        left.kinds.push_back("unaccounted-capacity");
    }
    if (detached && !controller.erase_reaches_all()) {
        left.words.emplace_back("namespaces that are not attached to this controller");
        left.kinds.push_back("unattached-namespace");
    }
    if (!facts.all_listed && !controller.erase_reaches_all()) {
        left.words.emplace_back("namespaces that this controller does not list, if there are any");
        left.kinds.push_back("unlisted-namespaces");
    }
    left.words.emplace_back("places that the drive has retired or keeps as spares");
    return left;
}

std::optional<Reason> objection_to_format(const NvmeFacts& facts, nvme::SecureErase erase) {
    if (!facts.controller.has_format()) {
        return Reason{ReasonCode::drive_lacks_technique,
                      fmt::format("the drive has no Format NVM command (OACS {:04x}h)",
                                  facts.controller.oacs)};
    }
    if (erase == nvme::SecureErase::cryptographic && !facts.controller.format_crypto_erase()) {
        return Reason{ReasonCode::drive_lacks_technique,
                      fmt::format("Format NVM of this drive has no cryptographic erase (FNA "
                                  "{:02x}h)",
                                  facts.controller.fna)};
    }
    if (format_steps(facts, erase).empty()) {
        return Reason{ReasonCode::drive_ineffective, "no namespace is attached to this controller"};
    }
    if (facts.sanitize_log) {
        const auto outcome = facts.sanitize_log->outcome();
        if (outcome == nvme::SanitizeOutcome::in_progress) {
            return Reason{ReasonCode::drive_erasing,
                          "a sanitize is running: wait until it has ended, or adopt it"};
        }
        if (outcome == nvme::SanitizeOutcome::failed) {
            return Reason{
                ReasonCode::drive_failed,
                "the last sanitize failed: only a sanitize that succeeds makes the drive usable"};
        }
    }
    return nvme_write_protection(facts);
}

class NvmeFormat final : public Operation {
  public:
    NvmeFormat(std::string_view technique, device::NvmeTransport& transport,
               OperationMemory& memory)
        : technique_(technique), transport_(transport), notes_(memory, "nvmeFormat") {}

    [[nodiscard]] std::string_view technique() const override { return technique_; }
    /// What it leaves is not defined by the specification.
    [[nodiscard]] Promise promise() const override { return {}; }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] StartAnswer start() override;

  private:
    void judge(const Json& steps, OperationState& now) const;
    [[nodiscard]] bool still_formatting(OperationState& now);
    void send_all(const std::vector<FormatStep>& steps, StartAnswer& answer);
    [[nodiscard]] bool send(std::size_t index, StartAnswer& answer);

    std::string technique_;
    device::NvmeTransport& transport_;
    Notes notes_;
};

/// Where the drive has an indicator (FPI), a format that outlived its command is seen there.
bool NvmeFormat::still_formatting(OperationState& now) {
    const auto facts = read_nvme_facts(transport_);
    if (!facts.error.empty()) {
        now.phase = Phase::unknown;
        now.detail = facts.error;
        return true;
    }
    now.pages = facts.pages;
    for (const auto& one : facts.namespaces) {
        const auto remaining = one.identity.format_remaining_percent.value_or(0);
        if (remaining != 0) {
            now.phase = Phase::running;
            now.progress = 1.0 - std::min<unsigned>(remaining, 100) / 100.0;
            now.detail =
                fmt::format("namespace {} is being formatted, {} % remain", one.nsid, remaining);
            return true;
        }
    }
    return false;
}

void NvmeFormat::judge(const Json& steps, OperationState& now) const {
    now.technique = technique_;
    for (const auto& step : steps) {
        const auto text = step.value("answer", "");
        if (text.empty()) {
            now.phase = Phase::unknown;
            now.detail = fmt::format("Format NVM of namespace {:x}h was not answered",
                                     step.value("nsid", 0U));
            return;
        }
        if (!step.value("succeeded", false)) {
            now.phase = Phase::failed;
            now.detail =
                fmt::format("Format NVM of namespace {:x}h: {}", step.value("nsid", 0U), text);
            return;
        }
    }
    now.phase = Phase::succeeded;
    now.detail = fmt::format("every Format NVM ({}) was answered with success", steps.size());
}

OperationState NvmeFormat::state() {
    OperationState now;
    if (notes_.get("technique") != technique_) {
        const auto page = nvme_read_identify(transport_, nvme::Cns::controller, 0);
        now.phase = page.ok() ? Phase::idle : Phase::unknown;
        now.detail = page.ok() ? "no Format NVM was sent" : page.error;
        return now;
    }
    if (still_formatting(now)) {
        now.technique = technique_;
        return now;
    }
    judge(notes_.get("steps", Json::array()), now);
    if (now.phase == Phase::succeeded || now.phase == Phase::failed) {
        if (auto events = nvme_read_event_log(transport_); events.ok()) {
            now.pages.push_back({"NVMe log 0Dh, newest events", std::move(events.bytes)});
        }
    }
    return now;
}

/// False when there is no sense in going on.
bool NvmeFormat::send(std::size_t index, StartAnswer& answer) {
    const Json step = notes_.edit()["steps"][index];
    const bool crypto = technique_ == kNvmeFormatCrypto;
    const auto command = nvme::format_nvm(step.value("nsid", 0U), step.value("cdw10", 0U),
                                          crypto ? kFormatCryptoMax : kNvmeFormatMax);
    const auto completion = transport_.submit(command);
    answer.commands.push_back(
        nvme_sent(fmt::format("Format NVM (namespace {:x}h, SES {})", command.nsid, crypto ? 2 : 1),
                  command, completion));
    answer.detail = nvme_refusal_text(completion);
    if (completion.error != 0) {
        answer.start = Start::unknown;
        return false;
    }
    Json& kept = notes_.edit()["steps"][index];
    kept["answer"] = nvme_answer_text(completion);
    kept["succeeded"] = completion.succeeded();
    notes_.save();
    // What came before is erased: then it is over, and has failed.
    answer.start = completion.succeeded() || index > 0 ? Start::finished : Start::refused;
    return completion.succeeded();
}

void NvmeFormat::send_all(const std::vector<FormatStep>& steps, StartAnswer& answer) {
    Json list = Json::array();
    for (const auto& step : steps) {
        list.push_back(ObjectWriter().add("nsid", step.nsid).add("cdw10", step.cdw10).take());
    }
    notes_.renew(ObjectWriter().add("technique", technique_).add("steps", std::move(list)).take());
    for (std::size_t index = 0; index < steps.size() && send(index, answer); ++index) {
    }
}

StartAnswer NvmeFormat::start() {
    StartAnswer answer;
    const auto facts = read_nvme_facts(transport_);
    const auto steps = facts.error.empty() ? format_steps(facts, secure_erase_of(technique_))
                                           : std::vector<FormatStep>{};
    if (steps.empty()) {
        answer.start = Start::refused;
        answer.detail = facts.error.empty() ? "no namespace is attached" : facts.error;
        return answer;
    }
    send_all(steps, answer);
    if (answer.start == Start::refused && steps.front().nsid == nvme::kAllNamespaces) {
        // Some say that they take it, and do not.
        send_all(steps_by_namespace(facts, secure_erase_of(technique_)), answer);
    }
    if (answer.start == Start::refused) {
        notes_.forget();  // it has changed nothing
    }
    return answer;
}

}  // namespace

std::vector<TechniqueFacts> nvme_format_techniques(const NvmeFacts& facts) {
    std::vector<TechniqueFacts> found;
    for (const auto name : {kNvmeFormatCrypto, kNvmeFormatUserData}) {
        const auto erase = secure_erase_of(name);
        auto left = format_leaves(facts);
        TechniqueFacts one;
        one.name = name;
        one.objection = objection_to_format(facts, erase);
        for (const auto& step : format_steps(facts, erase)) {
            one.sends.push_back(fmt::format("Format NVM: NSID {:x}h, SES {} (CDW10 {:08x}h)",
                                            step.nsid, static_cast<unsigned>(erase), step.cdw10));
        }
        one.not_reached = std::move(left.words);
        one.facts = ObjectWriter()
                        .add("method", "format")
                        .add("cryptographic", erase == nvme::SecureErase::cryptographic)
                        .add("wholeDrive", left.kinds.empty())
                        .add("nodmmas", static_cast<unsigned>(facts.controller.sanitize.nodmmas))
                        .add("erasesAllNamespaces", facts.controller.erase_reaches_all())
                        .add("hiddenAreasNotCovered", left.kinds)
                        .take();
        found.push_back(std::move(one));
    }
    return found;
}

std::unique_ptr<Operation> make_nvme_format(std::string_view technique,
                                            device::NvmeTransport& transport,
                                            OperationMemory& memory) {
    if (technique != kNvmeFormatCrypto && technique != kNvmeFormatUserData) {
        return nullptr;
    }
    return std::make_unique<NvmeFormat>(technique, transport, memory);
}

}  // namespace efface::method
