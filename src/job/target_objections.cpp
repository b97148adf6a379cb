// SPDX-License-Identifier: Apache-2.0
#include "target_objections.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace efface::job {

const OrderTarget& target_in(const Order& order, const std::string& name) {
    const auto found = std::find_if(order.targets.begin(), order.targets.end(),
                                    [&](const OrderTarget& target) { return target.name == name; });
    if (found == order.targets.end()) {
        throw Error(ErrorCode::authorisation, ReasonCode::not_in_order,
                    printable(name) + " does not stand in the order",
                    "add it to the order and have that approved");
    }
    return *found;
}

void object_to_order(TargetPlan& plan, const Order& order, const std::string& name) {
    const auto& target = target_in(order, name);
    const auto differs = [&](const char* what, const std::string& found, const std::string& said) {
        plan.objections.push_back(
            {{ReasonCode::other_identity, fmt::format("its {} is \"{}\", the order says \"{}\"",
                                                      what, printable(found), printable(said))}});
    };
    const auto text = [&](const char* key) { return plan.identity.value(key, ""); };
    if (target.serial && *target.serial != text("serial")) {
        differs("serial number", text("serial"), *target.serial);
    }
    if (target.wwid && *target.wwid != text("wwid")) {
        differs("WWID", text("wwid"), *target.wwid);
    }
    const auto size = plan.identity.value("sizeBytes", plan.size_bytes);
    if (target.size_bytes && *target.size_bytes != size) {
        differs("size", std::to_string(size), std::to_string(*target.size_bytes));
    }
    for (auto& member : guard::unreleased_members(plan.destroys, target.release_members)) {
        plan.objections.push_back({std::move(member)});
    }
    if (plan.level < order.terms.minimum_level) {
        plan.objections.push_back(
            {{ReasonCode::level_not_reached,
              fmt::format("the order asks for {}, only {} can be claimed",
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
              fmt::format("{} was asked for, {} can only claim {}", to_string(wanted),
                          plan.technique, to_string(plan.level))}});
    }
}

namespace {

/// Of a target that is there; why another is not, its own run says.
void append_identity(Host& host, const std::string& name, std::vector<std::string>& names,
                     std::vector<inventory::Identity>& identities) {
    if (name.starts_with("memory:")) {
        return;
    }
    try {
        identities.push_back(host.identify(name));
        names.push_back(printable(name));
    } catch (const Error&) {
        return;
    }
}

}  // namespace

void check_distinct(Host& host, const std::vector<TargetRequest>& requests) {
    std::vector<std::string> names;
    std::vector<inventory::Identity> identities;
    for (const auto& request : requests) {
        append_identity(host, request.target, names, identities);
    }
    for (const auto& [one, other] : host.overlapping(identities)) {
        throw Error(ErrorCode::usage, ReasonCode::same_storage_twice,
                    fmt::format("{} and {} are the same storage, or one is a part of the other",
                                names[one], names[other]),
                    "name it once");
    }
}

void refuse_outputs(Host& host, const std::vector<std::string>& targets,
                    const std::vector<std::string>& outputs) {
    std::vector<std::string> names;
    std::vector<inventory::Identity> identities;
    for (const auto& output : outputs) {
        append_identity(host, output, names, identities);
    }
    const auto count = identities.size();
    if (count == 0) {
        return;  // a terminal or pipes, as most often
    }
    for (const auto& target : targets) {
        append_identity(host, target, names, identities);
    }
    for (const auto& [one, other] : host.overlapping(identities)) {
        if (one < count && other >= count) {
            throw Error(ErrorCode::usage, ReasonCode::own_document,
                        fmt::format("{}: this run would write its own output there ({})",
                                    names[other], printable(identities[one].canonical_path)),
                        "send events and output to another file, or to a pipe");
        }
    }
}

bool only_busy(const TargetPlan& plan) {
    return !plan.objections.empty() &&
           std::all_of(plan.objections.begin(), plan.objections.end(),
                       [](const Objection& one) { return one.reason.code == ReasonCode::busy; });
}

}  // namespace efface::job
