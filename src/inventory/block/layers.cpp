// SPDX-License-Identifier: Apache-2.0
// The walk downward from a target to the media: where an overwrite really lands.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <deque>
#include <set>

#include "efface/device/linux_target.hpp"
#include "efface/inventory/machine_state.hpp"

#include "devices.hpp"
#include "layer_rules.hpp"

namespace efface::inventory {
namespace {

/// A device of the graph, or a file when `file` says so.
struct Step {
    std::size_t node = 0;
    std::string file = {};
    std::string loop = {};  ///< the loop device that the file came from, or empty
    std::size_t depth = 0;
};

class LayerWalk final {
  public:
    explicit LayerWalk(const MachineState& state) : state_(state) {}

    std::vector<Layer> run(Step start) {
        work_.push_back(std::move(start));
        while (!work_.empty()) {
            const Step step = std::move(work_.front());
            work_.pop_front();
            if (step.depth >= kDepthMax || layers_.size() >= kLayersMax) {
                layers_.push_back(unknown_layer("more", "too many layers"));
                break;
            }
            if (step.file.empty()) {
                add_device(step);
            } else {
                add_file(step);
            }
        }
        return std::move(layers_);
    }

  private:
    void add_device(const Step& step) {
        if (!seen_.insert(step.node).second) {
            return;
        }
        const BlockNode& node = state_.graph().at(step.node);
        if (node.kind == Kind::device_mapper) {
            add_device_mapper(node);
        } else if (node.kind == Kind::md) {
            layers_.push_back(md_layer(node));
        } else if (node.kind == Kind::partition || node.kind == Kind::loop) {
            layers_.push_back(make_layer(node.name, to_string(node.kind)));
        } else if (node.kind == Kind::zram || node.kind == Kind::ram) {
            layers_.push_back(memory_layer(node));
        } else {
            const Folder class_block = Folder::open(state_.view().sysfs / "class" / "block");
            layers_.push_back(medium_layer(class_block, node));
        }
        for (const std::size_t lower : node.below) {
            work_.push_back({.node = lower, .depth = step.depth + 1});
        }
        if (node.kind == Kind::loop && node.below.empty()) {
            if (node.size_bytes == 0) {
                return;  // nothing is attached
            }
            if (node.backing_file.empty()) {
                layers_.push_back(unknown_layer(node.name, "its backing file is unknown"));
                return;
            }
            work_.push_back({0, node.backing_file, node.name, step.depth + 1});
        }
    }

    void add_device_mapper(const BlockNode& node) {
        std::set<std::string> types;
        if (state_.view().live) {
            for (const device::DmTarget& target : device::dm_table(node.major, node.minor)) {
                types.insert(target.type);
            }
        }
        if (types.empty()) {
            layers_.push_back(dm_layer_by_uuid(node));
        }
        for (const std::string& type : types) {
            layers_.push_back(dm_layer(describe(node), type));
        }
    }

    /// The file as the kernel holds it, so that another file under the same name is noticed.
    UniqueFd open_file_of(const Step& step) const {
        UniqueFd fd{::open(step.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
        struct stat status {};
        if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
            return UniqueFd{};
        }
        if (step.loop.empty()) {
            return fd;
        }
        try {
            const auto backing = device::loop_backing(device_path(state_.view(), step.loop));
            const bool same =
                backing && backing->inode == status.st_ino && backing->device == status.st_dev;
            return same ? std::move(fd) : UniqueFd{};
        } catch (const Error&) {
            return UniqueFd{};  // what cannot be asked is an unknown layer
        }
    }

    /// " on sda1, sdb1", or nothing.
    std::string words_of(const std::vector<std::size_t>& devices) const {
        std::string on;
        for (const std::size_t device : devices) {
            on += (on.empty() ? " on " : ", ") + state_.graph().at(device).name;
        }
        return on;
    }

    void add_file(const Step& step) {
        layers_.push_back(make_layer(safe_text(step.file), "file"));
        const std::vector<std::size_t> devices = state_.devices_of_file(step.file);
        const std::string on = words_of(devices);
        if (state_.view().live) {
            const UniqueFd fd = open_file_of(step);
            if (!fd) {
                add_removed_file(step);
                return;
            }
            layers_.push_back(filesystem_layer(device::extents_of(fd.get()), on));
        } else {
            const Mount* mount = state_.covering_mount(step.file);
            layers_.push_back(mount == nullptr
                                  ? unknown_layer("file system", "no mount covers the file")
                                  : filesystem_layer_by_type(mount->type, on));
        }
        for (const std::size_t device : devices) {
            work_.push_back({.node = device, .depth = step.depth + 1});
        }
    }

    /// The file behind a loop device that has no name any more, or whose name another file has now:
    /// the kernel still says which file system it is on. Only of those in which no two files share
    /// blocks is the type enough.
    void add_removed_file(const Step& step) {
        constexpr std::array<std::string_view, 7> kNeverShared = {"ext2", "ext3",  "ext4", "tmpfs",
                                                                  "vfat", "exfat", "jfs"};
        const char* const why = "the file has no name any more (deleted or replaced)";
        const Mount* mount = mount_of_loop(step.loop);
        if (mount == nullptr) {
            layers_.push_back(unknown_layer("file system", why));
            return;
        }
        const auto devices = state_.devices_of(*mount);
        const std::string on = words_of(devices);
        auto layer = filesystem_layer_by_type(mount->type, on);
        layer.note += (layer.note.empty() ? "" : "; ") + std::string(why);
        if (std::find(kNeverShared.begin(), kNeverShared.end(), mount->type) ==
                kNeverShared.end() &&
            !layer.copy_on_write) {
            layer.copy_on_write = true;
            layer.note += ", so whether it shares blocks with other files is unknown";
        }
        layers_.push_back(std::move(layer));
        for (const std::size_t device : devices) {
            work_.push_back({device, {}, {}, step.depth + 1});
        }
    }

    const Mount* mount_of_loop(const std::string& loop) const {
        if (loop.empty()) {
            return nullptr;
        }
        try {
            const auto backing = device::loop_backing(device_path(state_.view(), loop));
            const auto& mounts = state_.mounts();
            const auto found = std::find_if(mounts.begin(), mounts.end(), [&](const Mount& mount) {
                return backing && mount.major == major(backing->device) &&
                       mount.minor == minor(backing->device);
            });
            return found == mounts.end() ? nullptr : &*found;
        } catch (const Error&) {
            return nullptr;  // what cannot be asked is an unknown layer
        }
    }

    const MachineState& state_;
    std::deque<Step> work_;
    std::set<std::size_t> seen_;
    std::vector<Layer> layers_;
};

}  // namespace

std::vector<Layer> layers_below(const Identity& identity, const MachineState& state) {
    LayerWalk walk{state};
    if (identity.kind == Kind::file) {
        return walk.run({.file = identity.canonical_path});
    }
    const auto node = state.graph().find(identity.major, identity.minor);
    if (!node) {
        return {unknown_layer(safe_text(identity.canonical_path), "the device is not in sysfs")};
    }
    return walk.run({.node = *node});
}

std::vector<Layer> layers_below(const Identity& identity, const SystemView& view) {
    return layers_below(identity, MachineState::read(view, Detail::links));
}

Json to_json(const std::vector<Layer>& layers) {
    Json list = Json::array();
    for (const Layer& layer : layers) {
        ObjectWriter entry;
        entry.add("name", layer.name).add("type", layer.type);
        const auto add_flag = [&entry](const char* key, bool value) {
            if (value) {
                entry.add(key, true);
            }
        };
        add_flag("copyOnWrite", layer.copy_on_write);
        add_flag("thin", layer.thin);
        add_flag("remote", layer.remote);
        add_flag("mirror", layer.mirror);
        add_flag("flash", layer.flash);
        if (!layer.note.empty()) {
            entry.add("note", layer.note);
        }
        list.push_back(entry.take());
    }
    return list;
}

}  // namespace efface::inventory
