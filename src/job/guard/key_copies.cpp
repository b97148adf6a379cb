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

/// Of these, storage of its own: by no other name what is listed, nor one before.
std::vector<guard::LuksDevice> without_aliases(Host& host,
                                               std::vector<inventory::Identity> identities,
                                               std::vector<guard::LuksDevice> devices) {
    if (devices.empty()) {
        return devices;
    }
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

KeyCopies find_key_copies(Host& host, const mandate::Manifest& manifest) {
    auto devices = host.luks_devices();
    auto listed = listed_storage(host, manifest);
    std::set<std::string> paths;
    for (const auto& identity : listed) {
        paths.insert(identity.canonical_path);
    }
    const auto is_listed = [&](const std::string& path) { return paths.contains(path); };
    KeyCopies copies;
    for (const auto& path : devices.unread) {
        if (!is_listed(path)) {
            copies.unknown.push_back(
                {ReasonCode::facts_unknown,
                 fmt::format("whether {} holds a copy of a LUKS header is unknown: it cannot be "
                             "read",
                             printable(path))});
        }
    }
    std::erase_if(devices.found, [&](const guard::LuksDevice& device) {
        return !is_of_a_volume(device, manifest) || is_listed(device.identity.canonical_path) ||
               std::any_of(device.above.begin(), device.above.end(), is_listed);
    });
    for (const auto& device : without_aliases(host, std::move(listed), std::move(devices.found))) {
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
