// SPDX-License-Identifier: Apache-2.0
#include "efface/job/drives.hpp"

#include <algorithm>

#include "efface/policy/firmware.hpp"

#include "choice.hpp"
#include "host/drive.hpp"

namespace efface::job {

namespace {

/// A SCSI disk says that it erases itself, not by which command.
constexpr const char* kUnnamed = "an erase whose technique it does not report";

DriveAbility ability_of(const inventory::Drive& drive) {
    DriveAbility ability;
    try {
        const method::TcgCredential nothing;
        const auto connection = connect_linux_drive(drive, nothing);
        const auto surveys = survey_drive(*connection, mandate::ErasureChoice(), "");
        ability.running = surveys.busy && surveys.running.empty() ? kUnnamed : surveys.running;
        for (const auto& survey : surveys.surveys) {
            if (ability.error.empty()) {
                ability.error = survey.error;
            }
            // Several command sets tell of one drive.
            for (const auto& area : survey.hidden_areas) {
                auto text = area.kind + ": " + printable(area.detail);
                auto& listed = ability.hidden_areas;
                if (std::find(listed.begin(), listed.end(), text) == listed.end()) {
                    listed.push_back(std::move(text));
                }
            }
        }
        ability.health = method::to_json(surveys.health.health);
        ability.health_text = method::to_text(surveys.health.health);
        for (const auto& one : surveys.techniques) {
            TechniqueAbility technique;
            technique.name = one.technique->name;
            technique.level = one.level;
            const auto reason = hindrance(one);
            technique.why_not = reason ? printable(reason->text) : "";
            if (one.facts.estimate) {
                technique.estimate_seconds =
                    static_cast<std::uint64_t>(one.facts.estimate->count());
            }
            ability.techniques.push_back(std::move(technique));
        }
    } catch (const std::exception& error) {
        ability.error = printable(error.what());
    }
    return ability;
}

/// Of a device without commands of its own: what sysfs tells of the block layer. Nothing is opened.
std::optional<DriveAbility> ability_of_block_layer(const inventory::SecureErase& found) {
    if (found.why.empty()) {
        return std::nullopt;
    }
    const auto* known = policy::find_firmware_technique("block-secure-erase");
    EFFACE_ASSERT(known != nullptr);
    TechniqueAbility technique;
    technique.name = known->name;
    technique.level = known->on_flash;
    if (found.offer != inventory::SecureErase::Offer::yes) {
        technique.why_not = found.why;
    }
    if (found.offer == inventory::SecureErase::Offer::not_told) {
        technique.why_not += ": efface plan --technique block-secure-erase asks its driver";
    }
    DriveAbility ability;
    ability.techniques.push_back(std::move(technique));
    return ability;
}

DriveAbility ability_from(const Json& json) {
    DriveAbility ability;
    json.at("error").get_to(ability.error);
    json.at("running").get_to(ability.running);
    json.at("hiddenAreas").get_to(ability.hidden_areas);
    ability.health = json.at("health");
    json.at("healthText").get_to(ability.health_text);
    for (const auto& one : json.at("techniques")) {
        TechniqueAbility technique;
        one.at("name").get_to(technique.name);
        technique.level = method::level_from_string(one.at("level").get<std::string>())
                              .value_or(method::Level::none);
        one.at("whyNot").get_to(technique.why_not);
        if (!one.at("estimateSeconds").is_null()) {
            technique.estimate_seconds = one.at("estimateSeconds").get<std::uint64_t>();
        }
        ability.techniques.push_back(std::move(technique));
    }
    return ability;
}

}  // namespace

Json to_json(const DriveAbility& ability) {
    Json techniques = Json::array();
    for (const auto& one : ability.techniques) {
        techniques.push_back(ObjectWriter()
                                 .add("name", one.name)
                                 .add("level", to_string(one.level))
                                 .add("whyNot", one.why_not)
                                 .add("estimateSeconds", one.estimate_seconds)
                                 .take());
    }
    return ObjectWriter()
        .add("error", ability.error)
        .add("running", ability.running)
        .add("hiddenAreas", ability.hidden_areas)
        .add("techniques", std::move(techniques))
        .add("health", ability.health)
        .add("healthText", ability.health_text)
        .take();
}

void DriveAbilities::look_at(const std::vector<inventory::Identity>& all) {
    drives_ = inventory::drives_of(all);
    abilities_.assign(all.size(), std::nullopt);
    for (std::size_t i = 0; i < drives_.size(); ++i) {
        if (drives_[i].protocol == inventory::Drive::Protocol::none) {
            abilities_[i] = ability_of_block_layer(drives_[i].secure_erase);
        }
    }
}

bool DriveAbilities::asks(std::size_t i) const {
    const auto& drive = drives_.at(i);
    return drive.protocol != inventory::Drive::Protocol::none && !drive.command_nodes.empty();
}

/// What runs must not be read now: who reads there would be held until the drive is at its end.
inventory::DiskQuestions::Answer DriveAbilities::ask(std::size_t i) const {
    const auto ability = ability_of(drives_.at(i));
    return {to_json(ability), ability.running.empty() ? "" : "it is running " + ability.running};
}

void DriveAbilities::take(std::size_t i, const Json& told) {
    abilities_.at(i) = ability_from(told);
}

void DriveAbilities::give_up(std::size_t i, const std::string& why) {
    abilities_.at(i).emplace().error = why;
}

}  // namespace efface::job
