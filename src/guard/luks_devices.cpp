// SPDX-License-Identifier: Apache-2.0
#include "efface/guard/luks_devices.hpp"

#include <algorithm>
#include <set>

#include "efface/base/json.hpp"
#include "efface/device/bounded_questions.hpp"
#include "efface/device/linux_target.hpp"
#include "efface/luks/header.hpp"

namespace efface::guard {

using inventory::BlockNode;

namespace {

constexpr const char* kUuids = "uuids";
constexpr const char* kUnread = "unread";

/// Asked in another process.
Json look_at(const std::string& path) {
    std::vector<std::string> uuids;
    bool unread = false;
    try {
        const auto target = device::LinuxTarget::open(path, device::Access::read_only);
        const auto headers = luks::find_header_copies(*target);
        unread = headers.unreadable_places != 0;
        for (const auto& copy : headers.copies) {
            if (!copy.uuid.empty() &&
                std::find(uuids.begin(), uuids.end(), copy.uuid) == uuids.end()) {
                uuids.push_back(copy.uuid);
            }
        }
    } catch (const Error& error) {
        unread = error.code() != ErrorCode::usage;  // else there is no device or no medium
    }
    return ObjectWriter().add(kUuids, uuids).add(kUnread, unread).take();
}

inventory::Identity identity_of(const BlockNode& node, const std::string& path) {
    inventory::Identity identity;
    identity.path = identity.canonical_path = path;
    identity.kind = node.kind;
    identity.major = node.major;
    identity.minor = node.minor;
    identity.size_bytes = node.size_bytes;
    return identity;
}

std::vector<inventory::Identity> devices_above(const inventory::MachineState& machine,
                                               const BlockNode& node) {
    std::vector<inventory::Identity> above;
    std::set<std::size_t> seen;
    std::vector<const BlockNode*> work{&node};
    while (!work.empty()) {
        const BlockNode& next = *work.back();
        work.pop_back();
        for (const auto& edge : next.above) {
            if (edge.kind != inventory::EdgeKind::partition && seen.insert(edge.to).second) {
                work.push_back(&machine.graph().at(edge.to));
                above.push_back(identity_of(
                    *work.back(),
                    inventory::device_path(machine.view(), work.back()->name).string()));
            }
        }
    }
    return above;
}

}  // namespace

LuksDevices luks_devices(const inventory::MachineState& machine,
                         std::chrono::milliseconds deadline) {
    LuksDevices devices;
    if (!machine.view().live) {
        return devices;
    }
    std::vector<const BlockNode*> nodes;
    std::vector<std::string> paths;
    for (const auto& node : machine.graph().nodes()) {
        if (node.size_bytes > 0) {
            nodes.push_back(&node);
            paths.push_back(inventory::device_path(machine.view(), node.name).string());
        }
    }
    const auto asked = std::min(nodes.size(), device::kQuestionsMax);
    const auto answers = device::ask_all(
        asked, [&](std::size_t i, const device::Tell& tell) { tell(look_at(paths[i]).dump()); },
        deadline, device::Descriptors::closed);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (i >= asked || answers[i].empty()) {
            devices.unread.push_back(paths[i]);
            continue;
        }
        const Json told = parse_json(answers[i].front(), paths[i]);
        if (told.at(kUnread).get<bool>()) {
            devices.unread.push_back(paths[i]);
        }
        if (auto uuids = told.at(kUuids).get<std::vector<std::string>>(); !uuids.empty()) {
            devices.found.push_back({identity_of(*nodes[i], paths[i]), std::move(uuids),
                                     devices_above(machine, *nodes[i])});
        }
    }
    return devices;
}

}  // namespace efface::guard
