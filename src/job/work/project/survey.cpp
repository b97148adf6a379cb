// SPDX-License-Identifier: Apache-2.0
#include "survey.hpp"

#include <fmt/format.h>

#include "efface/inventory/folder.hpp"
#include "efface/job/guard.hpp"

#include "guard/key_copies.hpp"
#include "guard/location.hpp"
#include "host/machine.hpp"
#include "workers.hpp"

namespace efface::job {

namespace {

/// What overlapping() asks of a place.
inventory::Identity identity_of(const LocationPlan& location) {
    inventory::Identity identity;
    identity.canonical_path = location.path;
    identity.kind = location.inode == 0 ? inventory::Kind::other : inventory::Kind::file;
    identity.inode = location.inode;
    const auto number = location.record.at("identity").at("deviceNumber").get<std::string>();
    const auto colon = number.find(':');
    identity.major = static_cast<unsigned>(inventory::number_or(number.substr(0, colon), 0));
    identity.minor = static_cast<unsigned>(inventory::number_or(number.substr(colon + 1), 0));
    return identity;
}

/// Two names of one place (a link, a second path) would be erased twice, the second time in vain.
void object_to_repetitions(Host& host, ProjectPlan& plan) {
    std::vector<inventory::Identity> identities;
    std::vector<VolumePlan*> owners;
    for (auto& volume : plan.volumes) {
        for (const auto& location : volume.locations) {
            identities.push_back(identity_of(location));
            owners.push_back(&volume);
        }
    }
    for (const auto& [one, other] : host.overlapping(identities)) {
        owners[other]->objections.push_back(
            {{ReasonCode::same_storage_twice,
              fmt::format("{}: {} is the same storage as another place of {}, or part of it",
                          owners[other]->name, identities[other].canonical_path,
                          owners[one]->name)}});
    }
}

/// The owner states that all copies are listed; what is attached can be looked at.
void object_to_key_copies(Host& host, const mandate::Manifest& manifest, ProjectPlan& plan) {
    std::vector<const VolumePlan*> plans;
    for (const auto& volume : plan.volumes) {
        plans.push_back(&volume);
    }
    auto copies = find_key_copies(host, manifest, places_of(plans));
    for (auto& copy : copies.found) {
        Objector(plan.volumes[copy.volume]).object(copy.reason.code, copy.reason.text);
    }
    for (auto& volume : plan.volumes) {
        volume.residual_risks.insert(volume.residual_risks.end(), copies.unknown.begin(),
                                     copies.unknown.end());
    }
}

}  // namespace

ProjectPlan survey_volumes(RunContext& context, const mandate::Manifest& manifest,
                           unsigned workers) {
    ProjectPlan plan;
    plan.volumes.resize(manifest.volumes.size());
    for_each_in_parallel(manifest.volumes.size(), workers, [&](std::size_t i) {
        Guard guard(context.host, context.random);
        plan.volumes[i] = guard.survey(manifest.volumes[i], manifest);
    });
    object_to_repetitions(context.host, plan);
    object_to_key_copies(context.host, manifest, plan);
    return plan;
}

}  // namespace efface::job
