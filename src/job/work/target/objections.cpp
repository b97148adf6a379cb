// SPDX-License-Identifier: Apache-2.0
#include "objections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "efface/mandate/identity.hpp"
#include "efface/method/memory.hpp"

namespace efface::job {

const mandate::OrderTarget& target_in(const mandate::Order& order, const std::string& name) {
    const auto found =
        std::find_if(order.targets.begin(), order.targets.end(),
                     [&](const mandate::OrderTarget& target) { return target.name == name; });
    if (found == order.targets.end()) {
        throw Error(ErrorCode::authorisation, ReasonCode::not_in_order,
                    printable(name) + " is not in the order",
                    "add it to the order and have the new order approved");
    }
    return *found;
}

namespace {

bool is_mount_without_size(const TargetPlan& plan, const std::string& name) {
    return inventory::parse_memory_target(name) && plan.identity.contains("rootInode") &&
           !plan.identity.contains("sizeBytes");
}

}  // namespace

void object_to_order(TargetPlan& plan, const mandate::Order& order, const std::string& name,
                     bool again) {
    const auto& target = target_in(order, name);
    const auto text = [&](const char* key) { return plan.identity.value(key, ""); };
    const auto size = plan.identity.value("sizeBytes", plan.size_bytes);
    // While another efface works on it, its size may be one in between. A mount without a size of
    // its own has the one of its content, which a standing order finds changed.
    const bool varies = only_busy(plan) || (again && is_mount_without_size(plan, name));
    const mandate::Found found{text("serial"), text("wwid"),
                               varies ? std::nullopt : std::optional(size)};
    for (const auto& one : mandate::differences(target, found)) {
        const std::string_view key = one.key;
        plan.objections.push_back(
            {{ReasonCode::other_identity, fmt::format("its {} is \"{}\", the order says \"{}\"",
                                                      key == "serial" ? "serial number"
                                                      : key == "wwid" ? "WWID"
                                                                      : "size",
                                                      printable(one.found), printable(one.said))}});
        if (key == "size_bytes" && size == 0) {
            plan.objections.back().reason.text +=
                ": it reports no capacity; name it by its serial or wwid instead";
        }
    }
    for (auto& member : guard::unreleased_members(plan.destroys, target.release_members)) {
        plan.objections.push_back({std::move(member)});
    }
    if (plan.level < order.terms.minimum_level) {
        plan.objections.push_back(
            {{ReasonCode::level_not_reached,
              fmt::format("the order requires {}, but only {} can be claimed",
                          to_string(order.terms.minimum_level), to_string(plan.level))}});
    }
    if (!target.asset_tag.empty()) {
        plan.found["assetTag"] = target.asset_tag;
    }
}

void object_to_level(TargetPlan& plan, method::Level wanted) {
    if (plan.level < wanted && plan.objections.empty()) {
        plan.objections.push_back(
            {{ReasonCode::level_not_reached,
              fmt::format("{} was requested, but {} can only claim {}", to_string(wanted),
                          plan.technique, to_string(plan.level))}});
    }
}

bool only_busy(const TargetPlan& plan) {
    return !plan.objections.empty() &&
           std::all_of(plan.objections.begin(), plan.objections.end(),
                       [](const Objection& one) { return one.reason.code == ReasonCode::busy; });
}

}  // namespace efface::job
