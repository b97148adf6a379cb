// SPDX-License-Identifier: Apache-2.0
// Namespace Attachment (NVMe Base 2.3, section 5.2.20): a namespace that no controller of ours has
// holds data like every other one. It is attached so that it can be marked and looked at, and
// detached when the erase is over.
#include <fmt/format.h>

#include "efface/nvme/status.hpp"

#include "parts.hpp"

namespace efface::method {

namespace {

/// A part of OperationMemory: a list of namespace ids, not an object.
constexpr const char* kNvmeAttached = "nvmeAttached";

std::vector<std::uint32_t> attached_by_us(const OperationMemory& memory) {
    return memory.kept.value(kNvmeAttached, std::vector<std::uint32_t>());
}

void keep_attached(OperationMemory& memory, const std::vector<std::uint32_t>& ids) {
    if (ids.empty()) {
        memory.kept.erase(kNvmeAttached);
    } else {
        memory.kept[kNvmeAttached] = ids;
    }
    memory.save();
}

}  // namespace

OpenedAreas nvme_attach_all(device::NvmeTransport& transport, OperationMemory& memory) {
    OpenedAreas areas;
    const auto facts = read_nvme_facts(transport);
    if (!facts.error.empty()) {
        areas.refused.push_back({kUnattachedNamespace, facts.error});
        return areas;
    }
    if (!facts.controller.has_namespace_management()) {
        return areas;
    }
    const auto list = nvme::controller_list(facts.controller.controller_id);
    auto ours = attached_by_us(memory);
    for (const auto& one : facts.namespaces) {
        if (one.attached) {
            continue;
        }
        ours.push_back(one.nsid);
        keep_attached(memory, ours);  // whatever becomes of the answer
        const auto command = nvme::attach_namespace(one.nsid, list);
        const auto completion = transport.submit(command);
        areas.commands.push_back(
            nvme_sent(fmt::format("Namespace Attachment (attach, namespace {})", one.nsid), command,
                      completion));
        if (completion.succeeded()) {
            areas.opened.emplace_back(kUnattachedNamespace);
        } else {
            areas.refused.push_back({kUnattachedNamespace, nvme_refusal_text(completion)});
            if (completion.error == 0) {
                ours.pop_back();
                keep_attached(memory, ours);
            }
        }
    }
    return areas;
}

std::optional<std::string> nvme_detach_attached(device::NvmeTransport& transport,
                                                OperationMemory& memory,
                                                std::vector<SentCommand>& commands) {
    const auto ours = attached_by_us(memory);
    if (ours.empty()) {
        return std::nullopt;
    }
    const auto page = nvme_read_identify(transport, nvme::Cns::controller, 0);
    const auto controller = nvme::decode_controller(page.bytes);
    std::vector<std::uint32_t> left;
    std::string problem = page.ok() ? "the drive returned an empty structure" : page.error;
    for (const auto nsid : ours) {
        if (!controller) {
            left.push_back(nsid);
            continue;
        }
        const auto list = nvme::controller_list(controller->controller_id);
        const auto command = nvme::detach_namespace(nsid, list);
        const auto completion = transport.submit(command);
        commands.push_back(nvme_sent(
            fmt::format("Namespace Attachment (detach, namespace {})", nsid), command, completion));
        const bool gone = completion.error == 0 &&
                          nvme::is(completion.status, nvme::Status::namespace_not_attached);
        if (!completion.succeeded() && !gone) {
            left.push_back(nsid);
            problem = nvme_refusal_text(completion);
        }
    }
    keep_attached(memory, left);
    if (left.empty()) {
        return std::nullopt;
    }
    return fmt::format(
        "{} namespaces that were attached for checking are still attached ({}): detach them",
        left.size(), problem);
}

}  // namespace efface::method
