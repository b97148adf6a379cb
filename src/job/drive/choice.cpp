// SPDX-License-Identifier: Apache-2.0
#include "choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/inventory/hardware.hpp"
#include "efface/job/guard.hpp"
#include "efface/policy/overwrite.hpp"

namespace efface::job {

namespace {

TechniqueChoice judged(const method::DriveSurvey& survey, const method::TechniqueFacts& facts,
                       const mandate::ErasureChoice& wanted, bool going) {
    const bool canaries = wanted.verification != mandate::Verification::none;
    TechniqueChoice choice;
    choice.technique = policy::find_firmware_technique(facts.name);
    EFFACE_ASSERT(choice.technique != nullptr);
    choice.facts = facts;
    choice.policy_facts = {facts.name,   survey.model, survey.firmware,
                           survey.facts, facts.facts,  canaries};
    choice.level = policy::firmware_level(choice.policy_facts);
    if (facts.objection && !going) {
        choice.refusals.push_back(*facts.objection);
    }
    if (const auto controller =
            inventory::raid_controller_of(survey.facts.value("vendor", ""), survey.model);
        !controller.empty()) {
        choice.refusals.push_back(
            {ReasonCode::virtual_disk,
             fmt::format("it is a virtual disk of a RAID controller ({}), and a command to it does "
                         "not erase the drives: set the controller to HBA, IT or JBOD mode and "
                         "erase each drive by itself",
                         controller)});
    }
    if (wanted.whole_medium && !choice.technique->leaves_known) {
        choice.refusals.push_back(
            {ReasonCode::nothing_to_compare,
             "full verification was requested, but it leaves no known content to compare with: "
             "omit --verify, or use a technique that leaves zeros or a pattern"});
    }
    const auto found = policy::reasons_of(policy::examine_firmware(choice.policy_facts));
    choice.refusals.insert(choice.refusals.end(), found.refusals.begin(), found.refusals.end());
    return choice;
}

const TechniqueChoice* find(const DriveSurveys& surveys, const std::string& name) {
    const auto found =
        std::find_if(surveys.techniques.begin(), surveys.techniques.end(),
                     [&](const TechniqueChoice& one) { return name == one.technique->name; });
    return found == surveys.techniques.end() ? nullptr : &*found;
}

Reason why_not(const TechniqueChoice& choice) {
    auto reason = hindrance(choice).value_or(Reason{
        ReasonCode::level_not_reached, fmt::format("claims only {}", to_string(choice.level))});
    reason.text = fmt::format("{}: {}", choice.technique->name, reason.text);
    return reason;
}

ChosenTechnique choose_by_level(const DriveSurveys& surveys, method::Level level) {
    ChosenTechnique chosen;
    const auto fits = [&](const TechniqueChoice& one) {
        return !hindrance(one) && one.level >= level;
    };
    if (const auto* adopted = find(surveys, surveys.running);
        adopted != nullptr && fits(*adopted)) {
        chosen.choice = adopted;
        return chosen;
    }
    for (const auto& one : surveys.techniques) {
        if (fits(one)) {
            chosen.choice = &one;
            return chosen;
        }
        chosen.objections.push_back(why_not(one));
    }
    chosen.objections.insert(
        chosen.objections.begin(),
        {ReasonCode::level_not_reached,
         fmt::format("no technique of this drive reaches {}", to_string(level))});
    return chosen;
}

bool overwrites(const std::string& name) {
    return policy::find_overwrite_policy(name) != nullptr;
}

/// Nobody has it: whether the drive could, or the path passes no command that would tell.
Reason why_nobody(const DriveSurveys& surveys, const std::string& name) {
    const auto* known = policy::find_firmware_technique(name);
    const auto has = [&](std::string_view set) {
        return std::find(surveys.sets.begin(), surveys.sets.end(), set) != surveys.sets.end();
    };
    if (known != nullptr && std::string_view(known->command_set) == "ata" && has("scsi") &&
        !has("ata")) {
        return {ReasonCode::drive_path,
                name +
                    ": the path rejects ATA PASS-THROUGH, so an ATA drive behind it cannot be "
                    "asked: attach it to a SATA port or a plain HBA"};
    }
    return {ReasonCode::drive_lacks_technique, name + ": the drive does not support it"};
}

/// Everything on this drive that reaches the level, the best first; kPolicyAuto when there is none.
std::vector<std::string> by_level(const DriveSurveys& surveys, method::Level level) {
    const auto chosen = choose_by_level(surveys, level);
    if (chosen.choice == nullptr) {
        return {mandate::kPolicyAuto};
    }
    std::vector<std::string> names{chosen.choice->technique->name};
    for (const auto& one : surveys.techniques) {
        if (&one != chosen.choice && one.refusals.empty() && one.level >= level) {
            names.emplace_back(one.technique->name);
        }
    }
    return names;
}

/// The names from this one on, each once, as many as a choice may hold.
std::vector<std::string> tail(const std::vector<std::string>& names, std::size_t from) {
    std::vector<std::string> list;
    for (std::size_t i = from; i < names.size() && list.size() < mandate::kFallbacksMax; ++i) {
        const auto taken = names.begin() + static_cast<std::ptrdiff_t>(i);
        if (std::find(names.begin(), taken, names[i]) == taken) {
            list.push_back(names[i]);
        }
    }
    return list;
}

struct Running {
    std::string_view set;
    std::string technique;  ///< empty: not reported
};
std::optional<Running> running_on(DriveConnection& connection) {
    for (auto* set : connection.command_sets()) {
        const auto state = set->state();
        if (state.phase == method::Phase::running || state.phase == method::Phase::verifying) {
            return Running{set->name(), state.technique};
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<Reason> hindrance(const TechniqueChoice& choice) {
    if (!choice.refusals.empty()) {
        return choice.refusals.front();
    }
    if (choice.facts.untold.empty()) {
        return std::nullopt;
    }
    return Reason{ReasonCode::drive_not_told,
                  choice.facts.untold + "; name it with --technique to try it"};
}

method::TcgCredential credential_of(const mandate::ErasureChoice& choice) {
    if (choice.credential_file.empty()) {
        return {};
    }
    return {read_credential({choice.credential_file, true}), mandate::authority_of(choice)};
}

DriveSurveys survey_drive(DriveConnection& connection, const mandate::ErasureChoice& wanted,
                          const std::string& begun) {
    DriveSurveys all;
    const auto running = running_on(connection);
    all.busy = running.has_value();
    all.running = running ? running->technique : "";
    for (auto* set : connection.command_sets()) {
        all.sets.emplace_back(set->name());
    }
    all.surveys = connection.surveys();
    EFFACE_ASSERT(all.surveys.size() == all.sets.size());
    for (std::size_t i = 0; i < all.surveys.size(); ++i) {
        const auto& survey = all.surveys[i];
        for (const auto& facts : survey.techniques) {
            if (find(all, facts.name) != nullptr) {
                continue;
            }
            const bool going = facts.name == begun || facts.name == all.running;
            auto choice = judged(survey, facts, wanted, going);
            if (running && running->set != all.sets[i] && !going) {
                choice.refusals.push_back(
                    {ReasonCode::drive_erasing,
                     fmt::format("an erase by {} commands is running on the drive, and this "
                                 "technique cannot watch it: wait until it has ended",
                                 running->set)});
            }
            all.techniques.push_back(std::move(choice));
        }
    }
    const bool silent = std::any_of(all.surveys.begin(), all.surveys.end(),
                                    [](const auto& survey) { return !survey.error.empty(); });
    if (!all.busy && !silent && begun.empty()) {
        all.health = connection.health();
    }
    std::stable_sort(all.techniques.begin(), all.techniques.end(),
                     [](const TechniqueChoice& a, const TechniqueChoice& b) {
                         return a.technique < b.technique;  // the policy's table is the order
                     });
    return all;
}

ChosenTechnique choose(const DriveSurveys& surveys, const mandate::ErasureChoice& wanted) {
    if (wanted.policy == mandate::kPolicyAuto) {
        return choose_by_level(surveys, wanted.level);
    }
    ChosenTechnique chosen;
    const auto* one = find(surveys, wanted.policy);
    if (one == nullptr) {
        chosen.objections.push_back(why_nobody(surveys, wanted.policy));
    } else if (!one->refusals.empty() || one->level < wanted.level) {
        chosen.objections.push_back(why_not(*one));
    } else {
        chosen.choice = one;
    }
    return chosen;
}

void identify_surfaces(Host& host, DriveLook& look) {
    for (const auto& surface : look.drive.surfaces) {
        look.surfaces.push_back(surface.path == look.identity.canonical_path
                                    ? look.identity
                                    : host.identify(surface.path));
    }
}

DriveLook look_at_drive(Host& host, const std::string& path) {
    DriveLook look;
    look.identity = host.identify(path);
    look.drive = host.drive_of(look.identity);
    identify_surfaces(host, look);
    return look;
}

namespace {

/// The drive has sectors that the kernel can address, which has not looked since it had none.
bool is_stale(const inventory::Identity& identity, const DriveSurveys& surveys) {
    const auto shows = [](const method::DriveSurvey& survey) {
        return !survey.sizes.empty() && method::can_be_addressed(survey.sizes.front().block_bytes);
    };
    return identity.size_bytes == 0 &&
           std::any_of(surveys.surveys.begin(), surveys.surveys.end(), shows);
}

}  // namespace

DriveLook look_and_survey(Host& host, const std::string& path, const mandate::ErasureChoice& wanted,
                          const method::TcgCredential& credential, const std::string& begun) {
    auto look = look_at_drive(host, path);
    if (look.drive.surfaces.empty()) {
        return look;
    }
    const auto connection = host.connect(look.drive, credential);
    auto surveys = survey_drive(*connection, wanted, begun);
    if (wanted.sector_bytes != 0 && is_stale(look.identity, surveys)) {
        connection->rescan();
        look = look_at_drive(host, path);
    }
    look.surveys = std::move(surveys);
    return look;
}

std::vector<method::HiddenArea> not_shown_areas(const DriveLook& look,
                                                const std::vector<method::DriveSurvey>& surveys) {
    std::vector<method::SurfaceSize> seen;
    for (std::size_t i = 0; i < look.surfaces.size(); ++i) {
        seen.push_back({look.drive.surfaces[i].name, look.surfaces[i].size_bytes,
                        look.surfaces[i].logical_block_bytes});
    }
    std::vector<method::HiddenArea> areas;
    for (const auto& survey : surveys) {
        for (const auto& part : method::not_shown(survey, seen)) {
            areas.push_back(method::hidden_area_of(part));
        }
        if (!areas.empty()) {
            break;  // one drive: the others tell the same
        }
    }
    return areas;
}

Settled settle(Host& host, const std::string& path, mandate::ErasureChoice wanted) {
    Settled settled;
    if (!mandate::asks_the_drive(wanted)) {
        settled.choice = std::move(wanted);
        return settled;
    }
    auto look = look_and_survey(host, path, wanted, credential_of(wanted), "");
    const auto& surveys = look.surveys;
    auto names = surveys && wanted.policy == mandate::kPolicyAuto
                     ? by_level(*surveys, wanted.level)
                     : std::vector<std::string>{wanted.policy};
    names.insert(names.end(), wanted.fallbacks.begin(), wanted.fallbacks.end());
    // Overwriting is what every medium has, and clear is what it reaches.
    if (wanted.policy == mandate::kPolicyAuto && wanted.level == method::Level::clear) {
        names.emplace_back(mandate::kPolicyDefault);
    }
    settled.choice = wanted;
    for (std::size_t i = 0; i < names.size(); ++i) {
        auto one = mandate::with_technique(wanted, names[i], {});
        if (overwrites(names[i])) {
            settled.choice = one;
            settled.look = std::move(look);
            return settled;
        }
        const auto chosen =
            surveys ? choose(*surveys, one)
                    : ChosenTechnique{nullptr,
                                      {{ReasonCode::no_drive_commands,
                                        "it is not a drive that accepts erase commands"}}};
        if (chosen.choice != nullptr) {
            one.fallbacks = tail(names, i + 1);
            settled.choice = one;
            settled.look = std::move(look);
            return settled;
        }
        settled.passed_over.push_back({names[i], chosen.objections.front()});
    }
    return {std::move(wanted), {}, std::move(look)};
}

}  // namespace efface::job
