// SPDX-License-Identifier: Apache-2.0
#include "text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace efface::cli {

std::string human_bytes(std::uint64_t bytes) {
    constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        return fmt::format("{} B", bytes);
    }
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024.0 && unit + 1 < kUnits.size()) {
        value /= 1024.0;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

std::string human_seconds(std::uint64_t seconds) {
    if (seconds >= 3600) {
        return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += i + 1 < row.size() ? fmt::format("{:<{}}  ", row[i], widths[i]) : row[i];
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

namespace {

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
        text += "    exception: " + exception + "\n";
    }
    for (const auto& risk : volume.residual_risks) {
        text += "    not claimed: " + risk + "\n";
    }
    for (const auto& objection : volume.objections) {
        text += "    REFUSED: " + objection.what + "\n";
    }
    return text;
}

}  // namespace

std::string plan_text(const job::Manifest& manifest, const job::ProjectPlan& plan) {
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
