// SPDX-License-Identifier: Apache-2.0
// Documentation/ABI/testing/sysfs-block, nvme-subsystem of Linux drivers/nvme/host/sysfs.c.
#include "efface/inventory/drive.hpp"

#include <algorithm>
#include <set>

#include "efface/inventory/secure_erase.hpp"

#include "block_graph.hpp"

namespace efface::inventory {

namespace {

/// A machine has fewer; a tree that claims more is wrong.
constexpr std::size_t kControllersMax = 64;
constexpr std::size_t kSurfacesMax = 1024;

bool digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char character) {
        return character >= '0' && character <= '9';
    });
}

/// "nvme0"
bool is_controller(std::string_view name) {
    return name.starts_with("nvme") && digits(name.substr(4));
}

/// "nvme0n1", but not the hidden path "nvme0c1n1".
bool is_namespace(std::string_view name) {
    const auto n = name.find('n', 4);
    return name.starts_with("nvme") && n != std::string_view::npos &&
           digits(name.substr(4, n - 4)) && digits(name.substr(n + 1));
}

std::string last_of(const std::string& link) {
    return std::filesystem::path(link).filename().string();
}

/// The subsystem's folder that lists this controller or namespace; else the controller's own.
Folder subsystem_of(const Folder& sysfs, const std::string& name) {
    const Folder subsystems = sysfs.enter("class").enter("nvme-subsystem");
    for (const std::string& subsystem : subsystems.list(".").names) {
        Folder folder = subsystems.enter(subsystem);
        const auto names = folder.list(".").names;
        if (std::find(names.begin(), names.end(), name) != names.end()) {
            return folder;
        }
    }
    return sysfs.enter("class").enter("nvme").enter("no subsystem");
}

void add_nvme(Drive& drive, const Folder& sysfs, const std::string& name, const SystemView& view) {
    const Folder class_block = sysfs.enter("class").enter("block");
    const Folder class_nvme = sysfs.enter("class").enter("nvme");
    // "nvme0" or, for a namespace that several controllers reach, "nvme-subsys0".
    const std::string owner = last_of(class_block.enter(name).link("device").text);
    const Folder subsystem = subsystem_of(sysfs, is_controller(owner) ? owner : name);
    std::set<std::string> controllers;
    std::vector<std::string> namespaces{name};
    if (is_controller(owner)) {
        controllers.insert(owner);
    }
    const auto collect = [&](const Folder& folder) {
        for (const std::string& entry : folder.list(".").names) {
            if (is_controller(entry) && controllers.size() < kControllersMax) {
                controllers.insert(entry);
            } else if (is_namespace(entry) && namespaces.size() < kSurfacesMax) {
                namespaces.push_back(entry);
            }
        }
    };
    collect(subsystem);
    for (const std::string& controller : std::set<std::string>(controllers)) {
        collect(class_nvme.enter(controller));
    }
    for (const std::string& controller : controllers) {
        const Attribute state = class_nvme.enter(controller).read("state");
        const auto node = (view.dev / controller).string();
        if (state.present() && state.text == "live") {
            drive.command_nodes.insert(drive.command_nodes.begin(), node);
        } else {
            drive.command_nodes.push_back(node);
        }
    }
    std::set<std::string> seen_names;
    std::set<std::uint64_t> seen_nsids;
    for (const std::string& entry : namespaces) {
        if (!seen_names.insert(entry).second) {
            continue;
        }
        const auto nsid = number_or(class_block.enter(entry).read("nsid").text, 0);
        const DriveSurface surface{entry, device_path(view, entry).string(),
                                   static_cast<std::uint32_t>(nsid)};
        const bool first = nsid == 0 || seen_nsids.insert(nsid).second;
        (first ? drive.surfaces : drive.other_paths).push_back(surface);
    }
}

/// Other disks that say to be the same logical unit.
void add_scsi(Drive& drive, const Folder& sysfs, const std::string& name, const Identity& identity,
              const SystemView& view) {
    const auto path = device_path(view, name).string();
    // The generic node does not wait while the kernel recovers the disk from an error.
    const Folder generic =
        sysfs.enter("class").enter("block").enter(name).enter("device").enter("scsi_generic");
    for (const std::string& entry : generic.list(".").names) {
        if (entry.starts_with("sg") && digits(entry.substr(2))) {
            drive.command_nodes.push_back((view.dev / entry).string());
        }
    }
    drive.command_nodes.push_back(path);
    drive.surfaces.push_back({name, path, 0});
    if (identity.wwid.empty()) {
        return;
    }
    const Folder class_block = sysfs.enter("class").enter("block");
    for (const std::string& other : class_block.list(".").names) {
        if (other == name || !other.starts_with("sd")) {
            continue;
        }
        const Attribute wwid = class_block.enter(other).enter("device").read("wwid");
        if (wwid.present() && printable(wwid.text) == identity.wwid) {
            drive.other_paths.push_back({other, device_path(view, other).string(), 0});
        }
    }
}

}  // namespace

Drive drive_of(const Identity& identity, const SystemView& view) {
    Drive drive;
    const Folder sysfs = Folder::open(view.sysfs);
    const Attribute link = sysfs.enter("dev").enter("block").link(
        std::to_string(identity.major) + ":" + std::to_string(identity.minor));
    if (identity.kind != Kind::disk || !link.present()) {
        return drive;
    }
    drive.model = identity.model;
    drive.serial = identity.serial;
    drive.wwid = identity.wwid;
    const std::string name = last_of(link.text);
    drive.secure_erase = secure_erase_of(identity, view).offer != SecureErase::Offer::none;
    if (is_namespace(name)) {
        drive.protocol = Drive::Protocol::nvme;
        add_nvme(drive, sysfs, name, view);
    } else if (name.starts_with("sd")) {
        drive.protocol = Drive::Protocol::scsi;
        add_scsi(drive, sysfs, name, identity, view);
    } else if (drive.secure_erase) {
        drive.surfaces.push_back({name, device_path(view, name).string(), 0});
    }
    return drive;
}

}  // namespace efface::inventory
