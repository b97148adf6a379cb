// SPDX-License-Identifier: Apache-2.0
// Asks an NVMe controller for everything that erasing depends on.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "efface/base/error.hpp"
#include "efface/nvme/status.hpp"

#include "parts.hpp"

namespace efface::method {

namespace {

/// Structures of so many namespaces go into the record; the facts list them all.
constexpr std::size_t kNvmePagesKept = 8;
/// The newest events stand first.
constexpr std::size_t kNvmeEventBytes = 4096;
constexpr std::uint8_t kReadEvents = 0;
constexpr std::uint8_t kEstablishAndReadEvents = 1;
constexpr std::uint8_t kReleaseEvents = 2;
constexpr std::uint64_t kJsonMost = (std::uint64_t{1} << 53U) - 1;

NvmeReading finish(const device::NvmeCompletion& completion, Bytes bytes) {
    NvmeReading reading;
    if (completion.succeeded()) {
        reading.bytes = std::move(bytes);
        return reading;
    }
    reading.error = nvme_answer_text(completion);
    reading.refused = completion.error == 0;
    return reading;
}

std::vector<std::uint32_t> list_of(const NvmeReading& reading) {
    return reading.ok() ? nvme::decode_namespace_list(reading.bytes) : std::vector<std::uint32_t>{};
}

void add_namespaces(device::NvmeTransport& transport, NvmeFacts& facts) {
    const auto active = nvme_read_identify(transport, nvme::Cns::active_namespaces, 0);
    const auto attached = list_of(active);
    auto ids = attached;
    facts.all_listed = active.ok() && !facts.controller.multiple_controllers();
    if (facts.controller.has_namespace_management()) {
        const auto allocated = nvme_read_identify(transport, nvme::Cns::allocated_namespaces, 0);
        const auto listed = list_of(allocated);
        facts.all_listed = active.ok() && allocated.ok();
        std::vector<std::uint32_t> both;
        std::set_union(attached.begin(), attached.end(), listed.begin(), listed.end(),
                       std::back_inserter(both));
        ids = std::move(both);
    }
    facts.all_listed = facts.all_listed && ids.size() < nvme::kNamespacesInList;
    for (const std::uint32_t nsid : ids) {
        NvmeNamespace found;
        found.nsid = nsid;
        found.attached = std::binary_search(attached.begin(), attached.end(), nsid);
        auto page = nvme_read_identify(
            transport, found.attached ? nvme::Cns::name_space : nvme::Cns::allocated_namespace,
            nsid);
        const auto identity = nvme::decode_namespace(page.bytes);
        if (!page.ok() || !identity) {
            facts.all_listed = false;
            continue;
        }
        found.identity = *identity;
        facts.namespaces.push_back(found);
        if (facts.namespaces.size() <= kNvmePagesKept) {
            facts.pages.push_back(
                {fmt::format("NVMe Identify Namespace {}", nsid), std::move(page.bytes)});
        }
    }
}

/// A namespace that the drive does not list, or capacity that it keeps from everybody.
std::uint64_t nvme_unaccounted(const NvmeFacts& facts) {
    std::uint64_t known = facts.controller.unallocated_bytes;
    for (const auto& one : facts.namespaces) {
        const std::uint64_t bytes =
            one.identity.nvm_bytes != 0 ? one.identity.nvm_bytes : one.identity.bytes();
        known = bytes > std::numeric_limits<std::uint64_t>::max() - known
                    ? std::numeric_limits<std::uint64_t>::max()
                    : known + bytes;
    }
    return facts.controller.total_bytes > known ? facts.controller.total_bytes - known : 0;
}

void add_logs(device::NvmeTransport& transport, NvmeFacts& facts) {
    if (facts.controller.sanitize.any()) {
        auto log =
            nvme_read_log(transport, nvme::LogPage::sanitize_status, nvme::kSanitizeLogBytes);
        facts.sanitize_log = nvme::decode_sanitize_log(log.bytes);
        facts.sanitize_log_error = !log.ok() ? log.error
                                   : !facts.sanitize_log
                                       ? "it is all zero and contains no information"
                                       : "";
        if (log.ok()) {
            facts.pages.push_back({"NVMe log 81h", std::move(log.bytes)});
        }
    }
}

}  // namespace

NvmeReading nvme_read_identify(device::NvmeTransport& transport, nvme::Cns cns,
                               std::uint32_t nsid) {
    Bytes page(nvme::kIdentifyBytes);
    const auto completion = transport.submit(nvme::identify(cns, nsid, page));
    return finish(completion, std::move(page));
}

NvmeReading nvme_read_log(device::NvmeTransport& transport, nvme::LogPage page, std::size_t bytes) {
    Bytes content(bytes);
    const auto completion =
        transport.submit(nvme::get_log_page(page, nvme::kAllNamespaces, content));
    return finish(completion, std::move(content));
}

NvmeReading nvme_read_event_log(device::NvmeTransport& transport) {
    const auto ask = [&](MutableByteView into, std::uint8_t action) {
        return transport.submit(nvme::get_log_page(nvme::LogPage::persistent_events,
                                                   nvme::kAllNamespaces, into, 0, action));
    };
    Bytes header(nvme::kEventLogHeaderBytes);
    // A context of someone else, left behind, is released and ours taken.
    auto completion = ask(header, kEstablishAndReadEvents);
    if (completion.error == 0 &&
        nvme::is(completion.status, nvme::Status::command_sequence_error)) {
        (void)ask(header, kReleaseEvents);
        completion = ask(header, kEstablishAndReadEvents);
    }
    if (!completion.succeeded()) {
        return finish(completion, {});
    }
    const auto length = nvme::event_log_bytes(header);
    Bytes content(
        std::clamp<std::uint64_t>(length.value_or(0) / 4 * 4, header.size(), kNvmeEventBytes));
    completion = ask(content, kReadEvents);
    (void)ask(header, kReleaseEvents);
    auto reading = finish(completion, std::move(content));
    if (reading.ok() && !length) {
        reading = {.bytes = {}, .error = "it is not an event log", .refused = true};
    }
    return reading;
}

std::string nvme_answer_text(const device::NvmeCompletion& completion) {
    if (completion.error != 0) {
        return "no answer: " + errno_text(completion.error);
    }
    return completion.succeeded() ? "accepted" : nvme::status_text(completion.status);
}

std::string nvme_refusal_text(const device::NvmeCompletion& completion) {
    const std::string step = completion.error == 0 ? nvme::next_step(completion.status) : "";
    return nvme_answer_text(completion) + (step.empty() ? "" : "; " + step);
}

SentCommand nvme_sent(const std::string& name, const device::NvmeCommand& command,
                      const device::NvmeCompletion& completion) {
    return {name, nvme::command_dwords(command), nvme_answer_text(completion)};
}

Json nvme_json_count(std::uint64_t value) {
    return std::min(value, kJsonMost);
}

NvmeFacts read_nvme_facts(device::NvmeTransport& transport) {
    NvmeFacts facts;
    auto page = nvme_read_identify(transport, nvme::Cns::controller, 0);
    const auto controller = nvme::decode_controller(page.bytes);
    if (!page.ok() || !controller) {
        facts.error = "Identify Controller: " +
                      (page.ok() ? "the drive returned an empty structure" : page.error);
        return facts;
    }
    facts.controller = *controller;
    facts.pages.push_back({"NVMe Identify Controller", std::move(page.bytes)});
    add_namespaces(transport, facts);
    facts.unaccounted_bytes = nvme_unaccounted(facts);
    add_logs(transport, facts);
    return facts;
}

std::optional<Reason> nvme_write_protection(const NvmeFacts& facts) {
    const auto found =
        std::find_if(facts.namespaces.begin(), facts.namespaces.end(),
                     [](const NvmeNamespace& one) { return one.identity.write_protected; });
    if (found == facts.namespaces.end()) {
        return std::nullopt;
    }
    const auto status = static_cast<std::uint16_t>(nvme::Status::namespace_write_protected);
    return Reason{
        ReasonCode::drive_write_protected,
        fmt::format("namespace {} is write protected: {}", found->nsid, nvme::next_step(status))};
}

}  // namespace efface::method
