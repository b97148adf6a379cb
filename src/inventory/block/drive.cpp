// SPDX-License-Identifier: Apache-2.0
// Documentation/ABI/testing/sysfs-block, nvme-subsystem of Linux drivers/nvme/host/sysfs.c.
#include "efface/inventory/drive.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "efface/inventory/block_graph.hpp"
#include "efface/inventory/hardware.hpp"

#include "secure_erase.hpp"

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

/// Kernel names of SCSI disks by what paths to one logical unit share.
using PathsByUnit = std::map<std::string, std::vector<std::string>>;

PathsByUnit all_paths(const Folder& class_block) {
    PathsByUnit paths;
    for (const std::string& name : class_block.list(".").names) {
        if (name.starts_with("sd") && class_block.enter(name).read("partition").text.empty()) {
            paths[same_unit_key(class_block, name)].push_back(name);
        }
    }
    return paths;
}

class DriveFinder final {
  public:
    explicit DriveFinder(const SystemView& view)
        : view_(view),
          sysfs_(Folder::open(view.sysfs)),
          class_block_(Folder::open(view.sysfs / "class" / "block")) {}

    [[nodiscard]] const Folder& class_block() const noexcept { return class_block_; }
    /// Kernel name of a whole disk; empty for anything else.
    [[nodiscard]] std::string name_of(const Identity& identity) const;
    [[nodiscard]] Drive find(const Identity& identity, const std::string& name) const;

  private:
    void add_scsi(Drive& drive, const std::string& name) const;

    SystemView view_;
    Folder sysfs_;
    Folder class_block_;
};

std::string DriveFinder::name_of(const Identity& identity) const {
    if (identity.kind != Kind::disk) {
        return {};
    }
    return last_of(sysfs_
                       .link("dev/block/" + std::to_string(identity.major) + ":" +
                             std::to_string(identity.minor))
                       .text);
}

void DriveFinder::add_scsi(Drive& drive, const std::string& name) const {
    const auto path = device_path(view_, name).string();
    // The generic node does not wait while the kernel recovers the disk from an error.
    for (const std::string& entry : class_block_.list(name + "/device/scsi_generic").names) {
        if (entry.starts_with("sg") && digits(entry.substr(2))) {
            drive.command_nodes.push_back((view_.dev / entry).string());
        }
    }
    drive.command_nodes.push_back(path);
    drive.surfaces.push_back({name, path, 0});
}

Drive DriveFinder::find(const Identity& identity, const std::string& name) const {
    Drive drive;
    if (name.empty()) {
        return drive;
    }
    drive.model = identity.model;
    drive.serial = identity.serial;
    drive.wwid = identity.wwid;
    drive.secure_erase = secure_erase_of(class_block_, name);
    if (is_namespace(name)) {
        drive.protocol = Drive::Protocol::nvme;
        add_nvme(drive, sysfs_, name, view_);
    } else if (name.starts_with("sd")) {
        drive.protocol = Drive::Protocol::scsi;
        add_scsi(drive, name);
    } else if (drive.secure_erase.offer != SecureErase::Offer::none) {
        drive.surfaces.push_back({name, device_path(view_, name).string(), 0});
    }
    return drive;
}

/// Other disks that say to be the same logical unit. One WWID on disks with other serial numbers or
/// sizes is a bad dock's: those are several.
void add_other_paths(Drive& drive, const std::string& unit, const PathsByUnit& paths,
                     const SystemView& view) {
    const auto found = paths.find(unit);
    if (drive.protocol != Drive::Protocol::scsi || unit.empty() || found == paths.end()) {
        return;
    }
    for (const std::string& other : found->second) {
        if (other != drive.surfaces.front().name) {
            drive.other_paths.push_back({other, device_path(view, other).string(), 0});
        }
    }
}

}  // namespace

std::vector<Drive> drives_of(const std::vector<Identity>& identities, const SystemView& view) {
    const DriveFinder finder(view);
    PathsByUnit paths;
    std::vector<Drive> drives;
    std::vector<std::string> units;
    drives.reserve(identities.size());
    for (const auto& identity : identities) {
        const std::string name = finder.name_of(identity);
        drives.push_back(finder.find(identity, name));
        units.emplace_back();
        if (drives.back().protocol == Drive::Protocol::scsi) {
            units.back() = same_unit_key(finder.class_block(), name, identity);
            paths[units.back()].push_back(name);
        }
    }
    for (std::size_t i = 0; i < drives.size(); ++i) {
        add_other_paths(drives[i], units[i], paths, view);
    }
    return drives;
}

Drive drive_of(const Identity& identity, const SystemView& view) {
    const DriveFinder finder(view);
    const std::string name = finder.name_of(identity);
    auto drive = finder.find(identity, name);
    if (drive.protocol == Drive::Protocol::scsi) {
        add_other_paths(drive, same_unit_key(finder.class_block(), name, identity),
                        all_paths(finder.class_block()), view);
    }
    return drive;
}

}  // namespace efface::inventory
