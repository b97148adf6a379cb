// SPDX-License-Identifier: Apache-2.0
#include "place.hpp"

#include "efface/base/json.hpp"

namespace efface::inventory {

PathNames read_path_names(const SystemView& view) {
    PathNames names;
    const Folder folder = Folder::open(view.dev / "disk" / "by-path");
    for (const auto& name : folder.list(".").names) {
        const Attribute link = folder.link(name);
        if (link.present()) {
            names.try_emplace(std::filesystem::path(link.text).filename().string(), name);
        }
    }
    return names;
}

std::string place_of(const Folder& class_block, const std::string& disk, const PathNames& names) {
    constexpr std::string_view kEnclosure = "enclosure_device:";
    for (const auto& name : class_block.list(disk + "/device").names) {
        if (name.starts_with(kEnclosure)) {
            return "bay " + safe_text(name.substr(kEnclosure.size()));
        }
    }
    const auto found = names.find(disk);
    return found == names.end() ? std::string() : safe_text(found->second);
}

std::string vendor_of(const Folder& class_block, const std::string& disk) {
    const Attribute vendor = class_block.read(disk + "/device/vendor");
    // Of a translation layer, and the number of a virtio or PCI device: no name.
    const bool name = vendor.present() && vendor.text != "ATA" && !vendor.text.starts_with("0x");
    return name ? printable(vendor.text) : std::string();
}

}  // namespace efface::inventory
