// SPDX-License-Identifier: Apache-2.0
#include "behind.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace efface::job {

namespace {

bool has_commands(const inventory::Identity& identity, const inventory::Drive& drive) {
    return identity.kind == inventory::Kind::disk && !drive.surfaces.empty() &&
           drive.protocol != inventory::Drive::Protocol::none;
}

/// Asks for its health alone; never throws.
method::HealthLook health_behind(Host& host, const inventory::Identity& identity) {
    try {
        const auto drive = host.drive_of(identity);
        return has_commands(identity, drive)
                   ? host.connect(drive, method::TcgCredential())->health()
                   : method::HealthLook();
    } catch (const Error&) {
        return {};
    }
}

}  // namespace

std::optional<Reason> odd_sectors(const std::vector<method::DriveSurvey>& surveys) {
    for (const auto& survey : surveys) {
        for (const auto& size : survey.sizes) {
            if (!method::can_be_addressed(size.block_bytes)) {
                return Reason{
                    ReasonCode::odd_sectors,
                    fmt::format("it has sectors of {} bytes, which Linux cannot address, so "
                                "nothing of it can be read or checked: plan it with --sector-size "
                                "512 (or 4096), and the job formats it first",
                                size.block_bytes)};
            }
        }
    }
    return std::nullopt;
}

bool has_sizes(const DriveSurveys& surveys) {
    return std::any_of(surveys.surveys.begin(), surveys.surveys.end(),
                       [](const auto& survey) { return !survey.sizes.empty(); });
}

FormatPlan plan_format(const DriveSurveys& surveys, std::uint32_t bytes,
                       const TechniqueChoice* chosen) {
    FormatPlan plan;
    const auto object = [&](const std::string& text) {
        plan.objections.push_back({ReasonCode::odd_sectors, text});
    };
    if (chosen != nullptr && std::string_view(chosen->technique->command_set) != "scsi") {
        object(
            fmt::format("only with a SCSI technique its sectors are formatted first, and {} is "
                        "none: name one with --technique",
                        chosen->technique->name));
    }
    for (const auto& survey : surveys.surveys) {
        const auto able = std::find_if(
            survey.techniques.begin(), survey.techniques.end(),
            [](const method::TechniqueFacts& facts) { return facts.name == "scsi-format-unit"; });
        if (able == survey.techniques.end()) {
            continue;
        }
        if (able->objection) {
            object("its sectors cannot be formatted to another size: " + able->objection->text);
        }
        const auto& time = survey.format_estimate;
        plan.step = fmt::format(
            "format the disk from sectors of {} bytes to {} (MODE SELECT, FORMAT UNIT), by which "
            "all data on it is lost: {}",
            survey.sizes.empty() ? std::string("unknown")
                                 : std::to_string(survey.sizes.front().block_bytes),
            bytes,
            time ? fmt::format("about {} min", std::max<std::int64_t>((time->count() + 59) / 60, 1))
                 : std::string("the disk gives no estimate"));
        return plan;
    }
    object("no SCSI command reaches it, so its sectors cannot be formatted");
    return plan;
}

BehindDisk look_behind(Host& host, DriveLook look) {
    if (!has_commands(look.identity, look.drive)) {
        return {};
    }
    try {
        if (look.surveys) {
            return {not_shown_areas(look, look.surveys->surveys), look.surveys->health,
                    odd_sectors(look.surveys->surveys)};
        }
        identify_surfaces(host, look);
        const auto connection = host.connect(look.drive, method::TcgCredential());
        const auto surveys = connection->surveys();
        return {not_shown_areas(look, surveys), connection->health(), odd_sectors(surveys)};
    } catch (const Error&) {
        return {};  // no commands reach it: the certificate says that nothing was examined
    }
}

void add_health(Host& host, const Clock& clock, const std::optional<inventory::Identity>& identity,
                const Json& before, method::Outcome& outcome) {
    Json after;
    if (identity && identity->kind == inventory::Kind::disk) {
        after = method::health_look_json(health_behind(host, *identity), to_rfc3339(clock.now()));
    }
    outcome.record["health"] =
        method::observed_health(before, after, to_rfc3339(clock.now()), outcome);
}

}  // namespace efface::job
