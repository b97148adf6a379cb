// SPDX-License-Identifier: Apache-2.0
// The identity of one block device from sysfs.
#include "devices.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include "efface/base/json.hpp"
#include "efface/inventory/hardware.hpp"

namespace efface::inventory {
namespace {

constexpr std::array<std::string_view, 4> kNvmeFabrics = {"tcp", "rdma", "fc", "loop"};

/// The first of several attributes of one device that says something.
std::string first_of(const Folder& class_block, const std::string& device,
                     std::initializer_list<const char*> names) {
    for (const char* name : names) {
        const Attribute attribute = class_block.read(device + name);
        if (!printable(attribute.text).empty()) {
            return printable(attribute.text);
        }
    }
    return {};
}

void add_hardware(const Folder& class_block, const std::string& disk, Identity& identity) {
    auto hardware = hardware_of(class_block, disk);
    identity.model = std::move(hardware.model);
    identity.serial = std::move(hardware.serial);
    identity.bridge_serial = std::move(hardware.bridge_serial);
    identity.serial_by_drive = hardware.serial_by_drive;
    identity.wwid = std::move(hardware.wwid);
}

/// Newer kernels name it without a look at the disk.
std::string partition_uuid_in(const std::string& uevent) {
    std::istringstream lines{uevent};
    constexpr std::string_view kKey = "PARTUUID=";
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(kKey)) {
            return printable(std::string_view{line}.substr(kKey.size()));
        }
    }
    return {};
}

}  // namespace

const BlockNode& disk_below(const BlockNode& node, const NodeLookup& lookup) {
    const BlockNode* current = &node;
    for (std::size_t depth = 0; depth < kDepthMax; ++depth) {
        std::string next = current->parent;
        // Paths of a multipath map are one disk; members of an array are several.
        const bool one = current->slaves.size() == 1 ||
                         (current->dm_uuid.starts_with("mpath-") && !current->slaves.empty());
        if (next.empty() && one) {
            next = current->slaves.front();
        }
        const BlockNode* lower = next.empty() ? nullptr : lookup(next);
        if (lower == nullptr) {
            break;
        }
        current = lower;
    }
    return *current;
}

std::string transport_of(const Folder& class_block, const BlockNode& disk) {
    switch (disk.kind) {
        case Kind::loop:
        case Kind::device_mapper:
        case Kind::md:
        case Kind::zram:
        case Kind::ram:
            return to_string(disk.kind);
        default:
            break;
    }
    const std::string& name = disk.name;
    const std::string& place = disk.sysfs_link;
    if (name.starts_with("nvme")) {
        // Only what is named a fabric is elsewhere: an SSD on a SoC has a transport of its own.
        const std::string told = first_of(class_block, name, {"/device/transport"});
        const auto fabric = std::find(kNvmeFabrics.begin(), kNvmeFabrics.end(), told);
        return fabric == kNvmeFabrics.end() ? "nvme" : "nvme-" + told;
    }
    constexpr std::array<std::pair<std::string_view, const char*>, 10> kByName = {
        {{"vd", "virtio"},
         {"xvd", "xen"},
         {"mmcblk", "mmc"},
         {"nbd", "nbd"},
         {"rbd", "rbd"},
         {"drbd", "drbd"},
         {"pmem", "nvdimm"},
         {"zd", "zvol"},
         {"bcache", "bcache"},
         {"ublkb", "ublk"}}};
    for (const auto& [prefix, transport] : kByName) {
        if (name.starts_with(prefix)) {
            return transport;
        }
    }
    // SCSI disks: the nearest transport class in the path. USB bridges come first, as a SATA disk
    // behind one is spoken to over USB.
    constexpr std::array<std::pair<std::string_view, const char*>, 6> kByPlace = {
        {{"/usb", "usb"},
         {"/ata", "sata"},
         {"/end_device-", "sas"},
         {"/session", "iscsi"},
         {"/rport-", "fc"},
         {"/virtio", "virtio-scsi"}}};
    for (const auto& [part, transport] : kByPlace) {
        if (place.find(part) != std::string::npos) {
            return transport;
        }
    }
    return disk.kind == Kind::disk ? "scsi" : "other";
}

Identity identity_of(const Folder& class_block, const BlockNode& node, const NodeLookup& lookup) {
    Identity identity;
    identity.kind = node.kind;
    identity.major = node.major;
    identity.minor = node.minor;
    identity.size_bytes = node.size_bytes;
    identity.device_mapper_uuid = printable(node.dm_uuid);
    identity.backing_file = node.kind == Kind::loop ? safe_text(node.backing_file) : "";
    const bool is_partition = !node.parent.empty();
    const BlockNode* disk = is_partition ? lookup(node.parent) : &node;
    identity.read_only = node.read_only || (disk != nullptr && disk->read_only);
    const std::string whole = disk == nullptr ? node.name : disk->name;
    identity.logical_block_bytes = static_cast<std::uint32_t>(
        number_or(class_block.read(whole + "/queue/logical_block_size").text, 512));
    identity.host_managed_zones = class_block.read(whole + "/queue/zoned").text == "host-managed";
    identity.rotational = class_block.read(whole + "/queue/rotational").text == "1";
    const Attribute sequence = class_block.read(whole + "/diskseq");
    if (sequence.present()) {
        identity.disk_sequence = number_or(sequence.text, 0);
    }
    if (is_partition) {
        identity.partition_uuid = partition_uuid_in(class_block.read(node.name + "/uevent").text);
    }
    identity.transport = transport_of(class_block, disk == nullptr ? node : *disk);
    const BlockNode& hardware = disk_below(node, lookup);
    if (hardware.kind == Kind::disk) {
        add_hardware(class_block, hardware.name, identity);
    }
    return identity;
}

}  // namespace efface::inventory
