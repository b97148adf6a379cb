// SPDX-License-Identifier: Apache-2.0
// The drive behind a disk that is overwritten.
#pragma once

#include "choice.hpp"

namespace efface::job {

/// Of a disk that is overwritten, which reaches only what the kernel shows.
struct BehindDisk {
    std::vector<method::HiddenArea> areas;  ///< as not_shown_areas()
    method::HealthLook health;
    std::optional<Reason> odd_sectors;  ///< as below
};
/// Why a disk that reports sectors which Linux cannot address is refused, with the next step;
/// nothing where no survey reports any.
[[nodiscard]] std::optional<Reason> odd_sectors(const std::vector<method::DriveSurvey>& surveys);

/// The format of odd sectors to `bytes`, before what was chosen: why it cannot be done, and what a
/// plan says of it.
struct FormatPlan {
    std::vector<Reason> objections;
    std::string step;
};
[[nodiscard]] bool has_sizes(const DriveSurveys& surveys);
[[nodiscard]] FormatPlan plan_format(const DriveSurveys& surveys, std::uint32_t bytes,
                                     const TechniqueChoice* chosen);

/// Asks the drive, unless it was asked. Nothing where no drive is behind the disk, or it can't be
/// asked.
[[nodiscard]] BehindDisk look_behind(Host& host, DriveLook look);
/// What it reports after the work goes into the outcome's record beside `before`; what has grown is
/// an observation, too. `identity`: as surveyed.
void add_health(Host& host, const Clock& clock, const std::optional<inventory::Identity>& identity,
                const Json& before, method::Outcome& outcome);

}  // namespace efface::job
