// SPDX-License-Identifier: Apache-2.0
#include "character_nodes.hpp"

#include <filesystem>
#include <sstream>

#include "efface/inventory/folder.hpp"

namespace efface::guard {

using inventory::Folder;

namespace {

/// The device whose number is in the attribute "dev" of the folder.
void add_node(const Folder& folder, const std::string& path, std::vector<CharacterNode>& nodes) {
    std::istringstream number(folder.read("dev").text);
    CharacterNode node;
    char colon = '\0';
    if (number >> node.major >> colon >> node.minor && colon == ':') {
        node.path = path;
        nodes.push_back(std::move(node));
    }
}

bool is_nvme_controller(const std::string& name) {
    return name.starts_with("nvme") && name.size() > 4 &&
           name.find_first_not_of("0123456789", 4) == std::string::npos;
}

}  // namespace

std::vector<CharacterNode> character_nodes_of(const inventory::SystemView& view,
                                              const std::string& disk) {
    std::vector<CharacterNode> nodes;
    const Folder classes = Folder::open(view.sysfs / "class");
    const Folder device = classes.enter("block").enter(disk).enter("device");
    if (disk.starts_with("sd")) {
        for (const char* kind : {"scsi_generic", "bsg"}) {
            const Folder folder = device.enter(kind);
            for (const auto& name : folder.list(".").names) {
                const std::string path = kind == std::string("bsg") ? "/dev/bsg/" : "/dev/";
                add_node(folder.enter(name), path + name, nodes);
            }
        }
        return nodes;
    }
    if (!disk.starts_with("nvme")) {
        return nodes;
    }
    const auto generic = "ng" + disk.substr(4);
    add_node(classes.enter("nvme-generic").enter(generic), "/dev/" + generic, nodes);
    // "nvme0", or "nvme-subsys0" for a namespace that several controllers reach.
    const auto owner = std::filesystem::path(classes.enter("block").enter(disk).link("device").text)
                           .filename()
                           .string();
    if (is_nvme_controller(owner)) {
        add_node(classes.enter("nvme").enter(owner), "/dev/" + owner, nodes);
        return nodes;
    }
    for (const auto& name : classes.enter("nvme-subsystem").enter(owner).list(".").names) {
        if (is_nvme_controller(name)) {
            add_node(classes.enter("nvme").enter(name), "/dev/" + name, nodes);
        }
    }
    return nodes;
}

}  // namespace efface::guard
