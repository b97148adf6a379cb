// SPDX-License-Identifier: Apache-2.0
// Which technique of a drive is taken: of those it has, by the policy and what was asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/job/host.hpp"
#include "efface/mandate/order.hpp"
#include "efface/policy/firmware.hpp"

namespace efface::job {

/// One technique on this drive, judged.
struct TechniqueChoice {
    const policy::FirmwareTechnique* technique = nullptr;
    method::TechniqueFacts facts;
    policy::FirmwareFacts policy_facts;
    method::Level level = method::Level::none;  ///< that success would claim
    std::vector<Reason> refusals;               ///< of the drive or the policy
};

/// Why it is not taken unless somebody names it; nothing: it is. Refusals hold even then.
[[nodiscard]] std::optional<Reason> hindrance(const TechniqueChoice& choice);

/// What a drive said when it was asked: one survey a command set.
struct DriveSurveys {
    std::vector<std::string> sets;
    std::vector<method::DriveSurvey> surveys;
    std::vector<TechniqueChoice> techniques;  ///< in the policy's order of preference
    std::string
        running;  ///< technique that the drive says to carry out; empty: none, or not reported
    bool busy = false;          ///< it carries one out, named or not
    method::HealthLook health;  ///< of a drive that is at nothing
};
/// Asks every command set of the connection. `wanted` says how it is to be verified. `begun`: a
/// technique that this job has started already, or empty; like one that runs, it is not held back
/// by what the drive objects now.
[[nodiscard]] DriveSurveys survey_drive(DriveConnection& connection,
                                        const mandate::ErasureChoice& wanted,
                                        const std::string& begun);

/// Empty when the choice names no file. Throws Error(usage) when it is missing.
[[nodiscard]] method::TcgCredential credential_of(const mandate::ErasureChoice& choice);

struct ChosenTechnique {
    const TechniqueChoice* choice = nullptr;  ///< nullptr: none of those allowed
    std::vector<Reason> objections;           ///< why not, when there is none
};
/// The technique named, never a fallback; for kPolicyAuto the first that reaches the wanted level,
/// an erase that runs already before all others.
[[nodiscard]] ChosenTechnique choose(const DriveSurveys& surveys,
                                     const mandate::ErasureChoice& wanted);

/// One look at a drive: made once, and handed on.
struct DriveLook {
    inventory::Identity identity;  ///< of the device that was named
    inventory::Drive drive;
    /// Of `drive.surfaces`, in the same order; none where the drive was not looked at as a whole.
    std::vector<inventory::Identity> surfaces;
    /// What it answered; nullopt while it was not asked.
    std::optional<DriveSurveys> surveys;
};
/// Who it is with all its surfaces, by the kernel alone: asks the drive nothing.
[[nodiscard]] DriveLook look_at_drive(Host& host, const std::string& path);
/// And asks it. Has the kernel look again where sectors were formatted behind its back.
[[nodiscard]] DriveLook look_and_survey(Host& host, const std::string& path,
                                        const mandate::ErasureChoice& wanted,
                                        const method::TcgCredential& credential,
                                        const std::string& begun);

/// Fills in `surfaces`.
void identify_surfaces(Host& host, DriveLook& look);

/// What the drive has and the kernel does not show, by the first of its surveys that tells.
[[nodiscard]] std::vector<method::HiddenArea> not_shown_areas(
    const DriveLook& look, const std::vector<method::DriveSurvey>& surveys);
struct PassedOver {
    std::string technique;
    Reason why;
};
struct Settled {
    /// With the technique that will be taken; its fallbacks are those that come after it, for a
    /// drive that refuses the command itself.
    mandate::ErasureChoice choice;
    std::vector<PassedOver> passed_over;  ///< named before it
    /// What it was settled by; nullopt where the drive was not asked.
    std::optional<DriveLook> look;
};
/// What was asked for, fallbacks and kPolicyAuto settled by what is at `path`. For kPolicyAuto
/// everything else that reaches the level is a fall-back. Unchanged when nothing fits: the look
/// says why.
[[nodiscard]] Settled settle(Host& host, const std::string& path, mandate::ErasureChoice wanted);

}  // namespace efface::job
