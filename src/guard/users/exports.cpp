// SPDX-License-Identifier: Apache-2.0
// drivers/target/target_core_configfs.c, drivers/nvme/target/configfs.c,
// drivers/usb/gadget/function/f_mass_storage.c of Linux.
#include "exports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace efface::guard {

using inventory::Folder;
using inventory::Reading;

namespace {

Folder configfs(const inventory::MachineState& state) {
    for (const auto& mount : state.mounts()) {
        if (mount.type == "configfs" && mount.process.empty() && state.view().live) {
            return Folder::open(mount.target);
        }
    }
    return Folder::open(state.view().sysfs / "kernel" / "config");
}

/// The path in "... File: /srv/disk.img  Size: ..." of an info attribute.
std::string path_in(const std::string& info) {
    for (const std::string_view key : {"File: ", "UDEV PATH: "}) {
        const auto at = info.find(key);
        if (at != std::string::npos) {
            const auto begin = at + key.size();
            return info.substr(begin, info.find_first_of(" \t\n", begin) - begin);
        }
    }
    return {};
}

void add_lio(const Folder& root, Exports& exports) {
    const Folder core = root.enter("target").enter("core");
    for (const auto& plugin : core.list(".").names) {
        const bool memory = plugin.starts_with("rd_mcp") || plugin.starts_with("user_");
        if (memory || plugin == "alua") {
            continue;  // of a process (user_), which has it open, or of nobody
        }
        const Folder backends = core.enter(plugin);
        for (const auto& name : backends.list(".").names) {
            const Folder backend = backends.enter(name);
            const auto enabled = backend.read("enable");
            if (!enabled.present() || enabled.text == "0") {
                continue;
            }
            auto path = backend.read("udev_path").text;
            if (path.empty()) {
                path = path_in(backend.read("info").text);
            }
            const auto what = fmt::format("LIO exports it as {}/{}", plugin, name);
            if (path.empty()) {
                exports.problems.push_back(fmt::format(
                    "LIO exports {}/{} but does not name the storage behind it", plugin, name));
            } else {
                exports.list.push_back({path, what});
            }
        }
    }
}

void add_nvmet(const Folder& root, Exports& exports) {
    const Folder subsystems = root.enter("nvmet").enter("subsystems");
    for (const auto& subsystem : subsystems.list(".").names) {
        const Folder namespaces = subsystems.enter(subsystem).enter("namespaces");
        for (const auto& number : namespaces.list(".").names) {
            const Folder one = namespaces.enter(number);
            const auto path = one.read("device_path").text;
            if (one.read("enable").text != "0" && !path.empty()) {
                exports.list.push_back(
                    {path, fmt::format("nvmet exports it as namespace {} of {}", number,
                                       inventory::safe_text(subsystem))});
            }
        }
    }
}

void add_gadgets(const Folder& root, Exports& exports) {
    const Folder gadgets = root.enter("usb_gadget");
    for (const auto& gadget : gadgets.list(".").names) {
        const Folder functions = gadgets.enter(gadget).enter("functions");
        for (const auto& function : functions.list(".").names) {
            if (!function.starts_with("mass_storage.")) {
                continue;
            }
            const Folder storage = functions.enter(function);
            for (const auto& unit : storage.list(".").names) {
                const auto path =
                    unit.starts_with("lun.") ? storage.enter(unit).read("file").text : "";
                if (!path.empty()) {
                    exports.list.push_back({path, "the USB gadget " + gadget + " exports it"});
                }
            }
        }
    }
}

}  // namespace

Exports read_exports(const inventory::MachineState& state) {
    Exports exports;
    const Folder root = configfs(state);
    const auto listing = root.list(".");
    if (root.reading() == Reading::unreadable || listing.reading == Reading::unreadable) {
        exports.problems.emplace_back(
            "exports of the kernel cannot be checked: configfs cannot be read");
    } else if (root.reading() == Reading::present && listing.names.empty()) {
        const Folder modules = Folder::open(state.view().sysfs / "module");
        for (const char* module : {"target_core_mod", "nvmet", "usb_f_mass_storage"}) {
            if (modules.enter(module).reading() == Reading::present) {
                exports.problems.push_back(
                    fmt::format("exports of the kernel cannot be checked ({} is loaded): mount "
                                "configfs at /sys/kernel/config",
                                module));
            }
        }
    }
    add_lio(root, exports);
    add_nvmet(root, exports);
    add_gadgets(root, exports);
    return exports;
}

}  // namespace efface::guard
