// SPDX-License-Identifier: Apache-2.0
#include "behind.hpp"

#include <fmt/format.h>

#include <bit>

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

/// Linux drivers/scsi/sd.c: what sd takes; of anything else it shows a device without a byte.
std::optional<Reason> odd_sectors(const std::vector<method::DriveSurvey>& surveys) {
    constexpr std::uint32_t kSectorMin = 512;
    for (const auto& survey : surveys) {
        for (const auto& size : survey.sizes) {
            if (size.block_bytes < kSectorMin || !std::has_single_bit(size.block_bytes)) {
                return Reason{
                    ReasonCode::odd_sectors,
                    fmt::format("it has sectors of {} bytes, which Linux cannot address, so "
                                "nothing of it can be read or checked: format it to 512 bytes "
                                "first, by which all data on it is lost (sg_format --format "
                                "--size=512, on its sg device), then erase it",
                                size.block_bytes)};
            }
        }
    }
    return std::nullopt;
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
