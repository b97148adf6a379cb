// SPDX-License-Identifier: Apache-2.0
#include "plan_text.hpp"

#include <fmt/format.h>

#include "text.hpp"

namespace efface::cli {

namespace {

/// With its code, which efface-reasons(7) explains.
std::string objection_text(const job::Objection& objection) {
    return fmt::format("{}: {}", to_string(objection.reason.code), objection.reason.text);
}

std::string location_text(const job::LocationPlan& location) {
    std::string text = fmt::format("    {} {}\n", job::to_string(location.role), location.path);
    for (const auto& range : location.region.ranges) {
        text += fmt::format("      overwrite {} at byte {}, read back wholly\n",
                            human_bytes(range.length), range.offset);
    }
    for (const auto& reason : location.region.reasons) {
        text += fmt::format("      widened: {}\n", reason);
    }
    return text;
}

std::string slots_text(const Json& header) {
    std::string text;
    for (const auto& slot : header.at("keyslots")) {
        text +=
            fmt::format("{}{} ({} {})", text.empty() ? "" : ", ", slot.at("index").get<int>(),
                        slot.at("type").get<std::string>(), slot.at("state").get<std::string>());
    }
    return text.empty() ? "none readable" : text;
}

std::string volume_text(const job::VolumePlan& volume) {
    std::string text = fmt::format("\n  {}  LUKS UUID {}{}\n", volume.name, volume.uuid,
                                   volume.engine.empty() ? "" : "  " + volume.engine);
    for (const auto& location : volume.locations) {
        text += location_text(location);
    }
    if (!volume.locations.empty()) {
        text += "    keyslots: " + slots_text(volume.locations.front().record.at("header")) + "\n";
    }
    if (volume.objections.empty()) {
        text += fmt::format("    level if verified: {}\n", method::to_string(volume.level));
    }
    for (const auto& exception : volume.exceptions) {
        text += "    exception: " + exception.text + "\n";
    }
    for (const auto& risk : volume.residual_risks) {
        text += "    not claimed: " + risk.text + "\n";
    }
    for (const auto& objection : volume.objections) {
        text += "    REFUSED: " + objection_text(objection) + "\n";
    }
    return text;
}

/// One item of a list, in lines of at most 100 columns.
std::string item(const std::string& label, const std::string& text) {
    constexpr std::size_t kWidth = 100;
    const std::string indent(4 + label.size(), ' ');
    std::string out;
    std::string line = "    " + label;
    std::size_t at = 0;
    while (at < text.size()) {
        auto end = text.find(' ', at);
        end = end == std::string::npos ? text.size() : end;
        const auto word = text.substr(at, end - at);
        if (line.size() > indent.size() && line.size() + 1 + word.size() > kWidth) {
            out += line + "\n";
            line = indent;
        }
        line += (line.size() > indent.size() ? " " : "") + word;
        at = end + 1;
    }
    return out + line + "\n";
}

}  // namespace

std::string plan_text(const job::TargetPlan& plan) {
    std::string text =
        fmt::format("Target {}  ({}, {})\n", plan.name, plan.kind, human_bytes(plan.size_bytes));
    const auto& identity = plan.identity;
    text += fmt::format("  model {}, serial number {}, WWID {}\n",
                        identity.value("model", "").empty() ? "-" : identity.value("model", ""),
                        identity.value("serial", "").empty() ? "-" : identity.value("serial", ""),
                        identity.value("wwid", "").empty() ? "-" : identity.value("wwid", ""));
    text +=
        fmt::format("  technique {} (policy version {})\n", plan.technique, plan.policy_version);
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        text += item(fmt::format("{}. ", i + 1), plan.steps[i]);
    }
    for (const auto& content : plan.destroys) {
        text += item("destroys: ", guard::to_text(content));
    }
    if (plan.objections.empty()) {
        text += fmt::format("  level if verified: {}\n", method::to_string(plan.level));
    }
    for (const auto& area : plan.not_reached) {
        text += item("not reached: ", area);
    }
    for (const auto& exception : plan.exceptions) {
        text += item("exception: ", exception.text);
    }
    for (const auto& risk : plan.residual_risks) {
        text += item("not claimed: ", risk.text);
    }
    for (const auto& objection : plan.objections) {
        text += item("REFUSED: ", objection_text(objection));
    }
    return text + fmt::format("  to confirm, type: {}\n  plan {}\n", plan.confirm_token,
                              job::plan_digest(plan));
}

std::string plan_text(const mandate::Manifest& manifest, const job::ProjectPlan& plan) {
    std::string text = fmt::format("Project {} of {}: destroy the LUKS keys of {} volumes\n",
                                   manifest.project_id, manifest.owner, plan.volumes.size());
    for (const auto& volume : plan.volumes) {
        text += volume_text(volume);
    }
    text += fmt::format(
        "\n{} are overwritten and read back. The payload is not overwritten: it is unreadable "
        "without\nits keys. Copies of keys that the manifest does not list are not reached.\n"
        "Plan {}\n",
        human_bytes(plan.bytes_to_overwrite()), job::plan_digest(manifest, plan));
    return text;
}

}  // namespace efface::cli
