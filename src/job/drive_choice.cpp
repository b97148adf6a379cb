// SPDX-License-Identifier: Apache-2.0
#include "drive_choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/job/guard.hpp"

namespace efface::job {

namespace {

TechniqueChoice judged(const method::DriveSurvey& survey, const method::TechniqueFacts& facts,
                       bool canaries, bool going) {
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
    const auto texts = policy::texts_of(policy::examine_firmware(choice.policy_facts));
    choice.refusals.insert(choice.refusals.end(), texts.refusals.begin(), texts.refusals.end());
    return choice;
}

const TechniqueChoice* find(const DriveSurveys& surveys, const std::string& name) {
    const auto found =
        std::find_if(surveys.techniques.begin(), surveys.techniques.end(),
                     [&](const TechniqueChoice& one) { return name == one.technique->name; });
    return found == surveys.techniques.end() ? nullptr : &*found;
}

std::string why_not(const TechniqueChoice& choice) {
    const std::string reason = hindrance(choice);
    return fmt::format(
        "{}: {}", choice.technique->name,
        reason.empty() ? fmt::format("claims {} only", to_string(choice.level)) : reason);
}

ChosenTechnique choose_by_level(const DriveSurveys& surveys, method::Level level) {
    ChosenTechnique chosen;
    const auto fits = [&](const TechniqueChoice& one) {
        return hindrance(one).empty() && one.level >= level;
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
        fmt::format("no technique of this drive reaches {}", to_string(level)));
    return chosen;
}

/// nullopt when it is idle; empty when it does not tell which one.
std::optional<std::string> running_technique(DriveConnection& connection) {
    for (auto* set : connection.command_sets()) {
        const auto state = set->state();
        if (state.phase == method::Phase::running || state.phase == method::Phase::verifying) {
            return state.technique;
        }
    }
    return std::nullopt;
}

}  // namespace

std::string hindrance(const TechniqueChoice& choice) {
    if (!choice.refusals.empty()) {
        return choice.refusals.front();
    }
    return choice.facts.untold.empty() ? std::string()
                                       : choice.facts.untold + "; name it to have it tried";
}

SecretBytes credential_of(const ErasureChoice& choice) {
    return choice.credential_file.empty() ? SecretBytes()
                                          : read_credential({choice.credential_file, true});
}

DriveSurveys survey_drive(DriveConnection& connection, bool canaries, const std::string& begun) {
    DriveSurveys all;
    const auto running = running_technique(connection);
    all.busy = running.has_value();
    all.running = running.value_or("");
    for (auto* set : connection.command_sets()) {
        all.sets.emplace_back(set->name());
        all.surveys.push_back(set->survey());
        for (const auto& facts : all.surveys.back().techniques) {
            if (find(all, facts.name) == nullptr) {
                const bool going = facts.name == begun || facts.name == all.running;
                all.techniques.push_back(judged(all.surveys.back(), facts, canaries, going));
            }
        }
    }
    std::stable_sort(all.techniques.begin(), all.techniques.end(),
                     [](const TechniqueChoice& a, const TechniqueChoice& b) {
                         return a.technique < b.technique;  // the policy's table is the order
                     });
    return all;
}

ChosenTechnique choose(const DriveSurveys& surveys, const ErasureChoice& wanted) {
    if (wanted.policy == kPolicyAuto) {
        return choose_by_level(surveys, wanted.level);
    }
    std::vector<std::string> names{wanted.policy};
    names.insert(names.end(), wanted.fallbacks.begin(), wanted.fallbacks.end());
    ChosenTechnique chosen;
    for (const auto& name : names) {
        const auto* one = find(surveys, name);
        if (one == nullptr) {
            chosen.objections.push_back(name + ": the drive does not have it");
        } else if (!one->refusals.empty() || one->level < wanted.level) {
            chosen.objections.push_back(why_not(*one));
        } else {
            chosen.choice = one;
            chosen.objections.clear();
            return chosen;
        }
    }
    return chosen;
}

ErasureChoice settle(Host& host, const std::string& path, ErasureChoice wanted) {
    if (!asks_the_drive(wanted)) {
        return wanted;
    }
    const auto drive = host.drive_of(host.identify(path));
    const auto overwrites = [](const std::string& name) {
        return policy::find_overwrite_policy(name) != nullptr;
    };
    const auto take = [&](const std::string& name) {
        wanted.policy = name;
        wanted.fallbacks.clear();
        if (overwrites(name)) {
            wanted.credential_file.clear();
        }
        return wanted;
    };
    ChosenTechnique chosen;
    if (!drive.surfaces.empty()) {
        const auto credential = credential_of(wanted);
        const auto connection = host.connect(drive, credential);
        const auto surveys =
            survey_drive(*connection, wanted.verification != policy::Verification::none, "");
        if (wanted.policy == kPolicyAuto) {
            chosen = choose(surveys, wanted);
            if (chosen.choice != nullptr) {
                return take(chosen.choice->technique->name);
            }
        }
        std::vector<std::string> names{wanted.policy};
        names.insert(names.end(), wanted.fallbacks.begin(), wanted.fallbacks.end());
        for (const auto& name : names) {
            auto one = wanted;
            one.policy = name;
            one.fallbacks.clear();
            if (overwrites(name) || choose(surveys, one).choice != nullptr) {
                return take(name);
            }
        }
    } else {
        for (const auto& name : wanted.fallbacks) {
            if (overwrites(name)) {
                return take(name);
            }
        }
    }
    // Overwriting is what every medium has, and clear is what it reaches.
    const bool clear = wanted.policy == kPolicyAuto && wanted.level == method::Level::clear;
    return clear ? take(policy::kOverwritePolicyDefault) : wanted;
}

}  // namespace efface::job
