// SPDX-License-Identifier: Apache-2.0
#include "key_copies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "location.hpp"

namespace efface::job {

namespace {

/// Every place of the manifest that is there.
std::vector<inventory::Identity> listed_storage(Host& host, const mandate::Manifest& manifest) {
    std::vector<inventory::Identity> listed;
    for (const auto& path : mandate::places_of(manifest)) {
        try {
            if (host.exists(path)) {
                listed.push_back(host.identify(path));
            }
        } catch (const Error&) {
            continue;  // who surveys the volume says why
        }
    }
    return listed;
}

bool has_uuid(const guard::LuksDevice& device, const std::string& uuid) {
    return std::any_of(device.uuids.begin(), device.uuids.end(),
                       [&](const std::string& its) { return same_uuid(its, uuid); });
}

/// Whether what is on top of it is one of these, whatever its name.
bool is_below(const guard::LuksDevice& device, const std::vector<inventory::Identity>& listed) {
    return std::any_of(listed.begin(), listed.end(), [&](const inventory::Identity& one) {
        return one.kind != inventory::Kind::file &&
               std::any_of(device.above.begin(), device.above.end(),
                           [&](const inventory::Identity& above) {
                               return above.major == one.major && above.minor == one.minor;
                           });
    });
}

/// Of these, storage of its own: by no other name what is listed, nor one before.
std::vector<guard::LuksDevice> without_listed(Host& host, const mandate::Manifest& manifest,
                                              std::vector<guard::LuksDevice> devices) {
    if (devices.empty()) {
        return devices;
    }
    auto identities = listed_storage(host, manifest);
    std::erase_if(devices, [&](const auto& device) { return is_below(device, identities); });
    const auto first = identities.size();
    for (const auto& device : devices) {
        identities.push_back(device.identity);
    }
    std::set<std::size_t> same;
    for (const auto& [one, other] : host.overlapping(identities)) {
        if (!same.contains(one)) {
            same.insert(other);
        }
    }
    std::vector<guard::LuksDevice> own;
    for (std::size_t i = 0; i < devices.size(); ++i) {
        if (!same.contains(first + i)) {
            own.push_back(std::move(devices[i]));
        }
    }
    return own;
}

bool is_of_a_volume(const guard::LuksDevice& device, const mandate::Manifest& manifest) {
    return std::any_of(
        manifest.volumes.begin(), manifest.volumes.end(),
        [&](const mandate::Volume& volume) { return has_uuid(device, volume.uuid); });
}

}  // namespace

std::set<std::string> places_of(const std::vector<const VolumePlan*>& plans) {
    std::set<std::string> places;
    for (const auto* plan : plans) {
        for (const auto& location : plan->locations) {
            places.insert(location.path);
            places.insert(location.data_path);
        }
    }
    return places;
}

KeyCopies find_key_copies(Host& host, const mandate::Manifest& manifest,
                          const std::set<std::string>& surveyed) {
    auto devices = host.luks_devices();
    const auto is_surveyed = [&](const std::string& path) { return surveyed.contains(path); };
    KeyCopies copies;
    for (const auto& path : devices.unread) {
        if (!is_surveyed(path)) {
            copies.unknown.push_back(
                {ReasonCode::facts_unknown,
                 fmt::format("whether {} holds a copy of a LUKS header is unknown: it cannot be "
                             "read",
                             printable(path))});
        }
    }
    std::erase_if(devices.found, [&](const guard::LuksDevice& device) {
        return !is_of_a_volume(device, manifest) || is_surveyed(device.identity.canonical_path) ||
               std::any_of(device.above.begin(), device.above.end(),
                           [&](const auto& above) { return is_surveyed(above.canonical_path); });
    });
    for (const auto& device : without_listed(host, manifest, std::move(devices.found))) {
        for (std::size_t i = 0; i < manifest.volumes.size(); ++i) {
            const auto& uuid = manifest.volumes[i].uuid;
            if (has_uuid(device, uuid)) {
                copies.found.push_back(
                    {i,
                     {ReasonCode::key_copy_attached,
                      fmt::format("{} has a LUKS header with the UUID {}, and the manifest does "
                                  "not list it: a copy of the keys is there",
                                  printable(device.identity.canonical_path), uuid)}});
            }
        }
    }
    return copies;
}

}  // namespace efface::job
