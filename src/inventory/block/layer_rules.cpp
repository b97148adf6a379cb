// SPDX-License-Identifier: Apache-2.0
#include "layer_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "efface/base/json.hpp"
#include "efface/inventory/hardware.hpp"

#include "devices.hpp"

namespace efface::inventory {
namespace {

struct DmRule {
    std::string_view type;
    unsigned traits;
    const char* note;
};
enum Trait : unsigned { kPlain = 0, kCopies = 1, kThin = 2, kMirror = 4 };

constexpr std::array<DmRule, 26> kDmRules = {{
    {"linear", kPlain, ""},
    {"striped", kPlain, ""},
    {"crypt", kPlain, ""},
    {"multipath", kPlain, ""},
    {"unstriped", kPlain, ""},
    {"switch", kPlain, ""},
    {"delay", kPlain, ""},
    {"flakey", kPlain, "a fault-injection layer: writes may be dropped"},
    {"dust", kPlain, "a fault-injection layer"},
    {"error", kPlain, "every access fails"},
    {"zero", kPlain, "writes are discarded"},
    {"verity", kPlain, "read-only by design"},
    {"integrity", kPlain, "its journal may keep copies of what was written"},
    {"mirror", kMirror, ""},
    {"raid", kMirror, "legs that failed earlier may keep old blocks"},
    {"raid1", kMirror, ""},
    {"snapshot", kCopies, "a snapshot: blocks are shared with its origin"},
    {"snapshot-origin", kCopies, "overwritten blocks are kept for its snapshots"},
    {"snapshot-merge", kCopies, "a snapshot is being merged"},
    {"thin", kCopies | kThin, "a thin volume: blocks may be shared with snapshots"},
    {"thin-pool", kCopies | kThin, "freed blocks stay in the pool"},
    {"vdo", kCopies | kThin, "deduplicated and compressed"},
    {"cache", kCopies, "a cache device may keep old blocks"},
    {"writecache", kCopies, "a cache device may keep old blocks"},
    {"clone", kCopies, "blocks may still live on the source device"},
    {"zoned", kCopies, "blocks are remapped to other zones"},
}};

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> list) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

/// Disks that a hypervisor or a provider makes up, by what they call themselves.
bool is_virtual_model(std::string_view model) {
    constexpr std::array<std::string_view, 10> kNames = {
        "QEMU",   "VMware", "VBOX", "Virtual",   "PersistentDisk",
        "Google", "Amazon", "Msft", "Microsoft", "Xen"};
    return std::any_of(kNames.begin(), kNames.end(), [model](std::string_view name) {
        return model.find(name) != std::string_view::npos;
    });
}

void append_note(Layer& layer, const std::string& note) {
    layer.note += layer.note.empty() ? note : "; " + note;
}

}  // namespace

Layer make_layer(std::string name, std::string type) {
    Layer layer;
    layer.name = std::move(name);
    layer.type = std::move(type);
    return layer;
}

Layer unknown_layer(std::string name, std::string why) {
    Layer layer = make_layer(std::move(name), "unknown");
    layer.copy_on_write = true;
    layer.note = std::move(why);
    return layer;
}

Layer dm_layer(const std::string& name, const std::string& target_type) {
    Layer layer = make_layer(name, "dm-" + printable(target_type));
    const auto rule = std::find_if(kDmRules.begin(), kDmRules.end(), [&](const DmRule& candidate) {
        return candidate.type == target_type;
    });
    if (rule == kDmRules.end()) {
        layer.copy_on_write = true;
        layer.note = "an unknown device-mapper target: other copies are possible";
        return layer;
    }
    layer.copy_on_write = (rule->traits & kCopies) != 0;
    layer.thin = (rule->traits & kThin) != 0;
    layer.mirror = (rule->traits & kMirror) != 0;
    layer.note = rule->note;
    return layer;
}

Layer dm_layer_by_uuid(const BlockNode& node) {
    if (node.dm_uuid.starts_with("CRYPT-LUKS") || node.dm_uuid.starts_with("CRYPT-PLAIN")) {
        return dm_layer(describe(node), "crypt");
    }
    if (node.dm_uuid.starts_with("mpath-")) {
        return dm_layer(describe(node), "multipath");
    }
    Layer layer = make_layer(describe(node), "dm-unknown");
    layer.copy_on_write = true;
    layer.note = "its table cannot be read: other copies are possible";
    return layer;
}

Layer md_layer(const BlockNode& node) {
    Layer layer =
        make_layer(node.name, "md-" + printable(node.md_level.empty() ? "unknown" : node.md_level));
    if (is_one_of(node.md_level, {"raid1", "raid10"})) {
        layer.mirror = true;
        layer.note = "spares and members that failed earlier may keep old blocks";
    } else if (is_one_of(node.md_level, {"raid4", "raid5", "raid6"})) {
        layer.note = "parity, a write journal and members that failed earlier may keep old blocks";
    } else if (!is_one_of(node.md_level, {"raid0", "linear"})) {
        layer.copy_on_write = true;
        layer.note = "an unknown RAID level: other copies are possible";
    }
    return layer;
}

Layer memory_layer(const BlockNode& node) {
    Layer layer = make_layer(node.name, to_string(node.kind));
    layer.note = "memory";
    if (node.kind == Kind::zram) {
        layer.copy_on_write = true;
        append_note(layer,
                    "an overwritten page is stored in a new place; the old one is only freed");
        if (!node.backing_file.empty()) {
            append_note(layer, "pages are written back to " + safe_text(node.backing_file));
        }
    }
    return layer;
}

Layer medium_layer(const Folder& class_block, const BlockNode& node) {
    const std::string transport = transport_of(class_block, node);
    Layer layer = make_layer(node.name, node.kind == Kind::disk ? "disk" : transport);
    const Folder folder = class_block.enter(node.name);
    const std::string model = folder.read("device/model").text;
    layer.remote = is_one_of(transport, {"nbd", "rbd", "drbd", "ublk", "iscsi", "fc"}) ||
                   transport.starts_with("nvme-") ||
                   model.find("Elastic Block Store") != std::string::npos;
    if (layer.remote) {
        append_note(layer, fmt::format("the medium is remote ({})", transport));
    }
    if (is_one_of(transport, {"virtio", "virtio-scsi", "xen"}) || is_virtual_model(model)) {
        append_note(layer, "a hypervisor may keep copies");
    } else if (const auto controller = raid_controller_of(folder.read("device/vendor").text, model);
               !controller.empty()) {
        append_note(layer, fmt::format("{} ({}): what it leaves on the drives is unknown",
                                       kVirtualDiskNote, controller));
    } else if (is_one_of(transport, {"nvme", "sata", "sas", "usb", "mmc", "scsi"})) {
        layer.flash = folder.read("queue/rotational").text == "0";
    }
    if (is_one_of(transport, {"bcache", "zvol", "other"})) {
        layer.copy_on_write = true;
        append_note(layer, "old blocks may remain in the layer below");
    }
    return layer;
}

Layer filesystem_layer(const device::ExtentReport& extents, const std::string& on) {
    Layer layer = make_layer(fmt::format("{} file system{}", printable(extents.filesystem), on),
                             "filesystem");
    layer.copy_on_write = extents.copy_on_write;
    layer.remote = extents.remote;
    if (extents.memory) {
        append_note(layer, "memory; its pages may have been swapped out");
    } else if (!extents.supported) {
        append_note(layer, "it does not report where the blocks of the file are");
    }
    if (extents.shared_count > 0) {
        layer.copy_on_write = true;
        append_note(layer, fmt::format("{} of {} extents are shared with other files or snapshots",
                                       extents.shared_count, extents.extent_count));
    }
    if (extents.encoded_count > 0) {
        append_note(layer, fmt::format("{} extents are compressed, encrypted or packed",
                                       extents.encoded_count));
    }
    return layer;
}

Layer filesystem_layer_by_type(const std::string& type, const std::string& on) {
    Layer layer = make_layer(fmt::format("{} file system{}", printable(type), on), "filesystem");
    layer.copy_on_write =
        is_one_of(type, {"btrfs", "bcachefs", "zfs", "nilfs2", "f2fs", "overlay"});
    layer.remote = is_one_of(type, {"nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "hostfs"}) ||
                   type.starts_with("fuse");
    if (is_one_of(type, {"tmpfs", "ramfs"})) {
        append_note(layer, "memory; its pages may have been swapped out");
    }
    return layer;
}

}  // namespace efface::inventory
