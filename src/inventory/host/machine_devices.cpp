// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "efface/inventory/folder.hpp"

#include "machine_looks.hpp"

namespace efface::inventory {

Seen look_at_persistent_memory(const Look& look) {
    const Folder devices = Folder::open(look.view.sysfs / "bus" / "nd" / "devices");
    const Listing listing = devices.list(".");
    if (listing.reading == Reading::unreadable) {
        return {Presence::unknown, "the regions cannot be read"};
    }
    std::vector<std::string> found;
    bool regions = false;
    for (const auto& name : listing.names) {
        if (!name.starts_with("region")) {
            continue;
        }
        regions = true;
        const Attribute left = devices.read(name + "/available_size");
        if (!left.present()) {
            return {Presence::unknown, name + " does not report its free capacity"};
        }
        if (left.text != "0") {
            found.push_back(fmt::format("{} bytes of {}", safe_text(left.text), name));
        }
    }
    return of_list(found, regions ? "all of it is in namespaces" : "no regions");
}

Seen look_at_nvme(const Look& look) {
    const Folder folder = Folder::open(look.view.sysfs / "class" / "nvme");
    const Listing listing = folder.list(".");
    if (listing.reading == Reading::unreadable) {
        return {Presence::unknown, "the controllers cannot be read"};
    }
    std::vector<std::string> found;
    std::vector<std::string> silent;
    for (const auto& name : listing.names) {
        const Attribute cmb = folder.read(name + "/cmb");
        const Attribute hmb = folder.read(name + "/hmb");
        // `hmb` is shown only by newer kernels, and only where the controller asks for memory.
        if (cmb.reading == Reading::unreadable || !hmb.present()) {
            silent.push_back(name);
        }
        if (cmb.present()) {
            found.push_back(name + " (CMB)");
        }
        if (hmb.present() && hmb.text != "0") {
            found.push_back(name + " (HMB)");
        }
    }
    return of_list(found, silent, listing.names.empty() ? "no NVMe controllers" : "none is in use");
}

Seen look_at_graphics(const Look& look) {
    constexpr std::string_view kDisplay = "0x03";  // base class of PCI
    const Folder devices = Folder::open(look.view.sysfs / "bus" / "pci" / "devices");
    const Listing listing = devices.list(".");
    if (listing.reading == Reading::unreadable) {
        return {Presence::unknown, "the devices cannot be read"};
    }
    std::vector<std::string> found;
    std::vector<std::string> silent;
    for (const auto& name : listing.names) {
        const Attribute kind = devices.read(name + "/class");
        if (!kind.present()) {
            silent.push_back(name);
        } else if (kind.text.starts_with(kDisplay)) {
            found.push_back(name);
        }
    }
    return of_list(found, silent, "no graphics adapter on PCI");
}

Seen look_at_bmc(const Look& look) {
    constexpr std::string_view kDmiType = "38-";  // SMBIOS: IPMI device information
    std::vector<std::string> found;
    const Listing drivers = Folder::open(look.view.sysfs / "class" / "ipmi").list(".");
    found = drivers.names;
    const Listing dmi = Folder::open(look.view.sysfs / "firmware" / "dmi" / "entries").list(".");
    for (const auto& name : dmi.names) {
        if (name.starts_with(kDmiType)) {
            found.push_back("DMI entry " + name);
        }
    }
    if (found.empty() && drivers.reading == Reading::unreadable) {
        return {Presence::unknown, "the list of drivers cannot be read"};
    }
    if (found.empty() && dmi.reading != Reading::present) {
        return {Presence::unknown, "no driver, and the firmware's tables cannot be read"};
    }
    return of_list(found, "neither a driver nor the firmware reports one");
}

Seen look_at_tpm(const Look& look) {
    const Folder folder = Folder::open(look.view.sysfs / "class" / "tpm");
    const Listing drivers = folder.list(".");
    if (!drivers.names.empty()) {
        return of_list(drivers.names, "");
    }
    const Listing tables = Folder::open(look.view.sysfs / "firmware" / "acpi" / "tables").list(".");
    for (const char* table : {"TPM2", "TCPA"}) {
        if (std::find(tables.names.begin(), tables.names.end(), table) != tables.names.end()) {
            return {Presence::present,
                    fmt::format("the firmware reports one ({}), but there is no driver", table)};
        }
    }
    if (drivers.reading == Reading::unreadable) {
        return {Presence::unknown, "the list of drivers cannot be read"};
    }
    return tables.reading == Reading::present
               ? Seen{Presence::absent, "neither a driver nor the firmware reports one"}
               : Seen{Presence::unknown, "no driver, and the firmware's tables cannot be read"};
}

}  // namespace efface::inventory
