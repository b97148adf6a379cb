// SPDX-License-Identifier: Apache-2.0
#include "efface/inventory/block_graph.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cctype>

namespace efface::inventory {
namespace {

constexpr std::uint64_t kSectorBytes = 512;  // sysfs sizes, whatever the device's blocks
constexpr std::string_view kDeletedMark = " (deleted)";

std::uint64_t device_key(unsigned major_number, unsigned minor_number) {
    return (std::uint64_t{major_number} << 32U) | minor_number;
}

bool starts_with_number(std::string_view name, std::string_view prefix) {
    return name.size() > prefix.size() && name.starts_with(prefix) &&
           std::isdigit(static_cast<unsigned char>(name[prefix.size()])) != 0;
}

/// What was read of one attribute; an unreadable one is noted.
std::string text_of(const Attribute& attribute, const std::string& device, const char* name,
                    std::vector<std::string>& problems) {
    if (attribute.reading == Reading::unreadable) {
        problems.push_back(fmt::format("{} of {}: {}", name, device, errno_text(attribute.error)));
    }
    return attribute.text;
}

std::vector<std::string> names_of(Listing listing, const std::string& device, const char* name,
                                  std::vector<std::string>& problems) {
    if (listing.reading == Reading::unreadable) {
        problems.push_back(fmt::format("{} of {}: {}", name, device, errno_text(listing.error)));
    }
    return std::move(listing.names);
}

/// ".../block/sda/sda1" -> "sda".
std::string parent_in(const std::string& sysfs_link) {
    return std::filesystem::path{sysfs_link}.parent_path().filename().string();
}

/// Hardware (and virtio, which is hardware to us) does; the rest is virtual.
bool hangs_off_a_bus(const BlockNode& node) {
    return node.sysfs_link.find("/virtual/block/") == std::string::npos;
}

Kind kind_of(const BlockNode& node, bool is_md) {
    if (starts_with_number(node.name, "dm-")) {
        return Kind::device_mapper;
    }
    if (is_md) {
        return Kind::md;
    }
    if (starts_with_number(node.name, "zram")) {
        return Kind::zram;
    }
    if (starts_with_number(node.name, "ram")) {
        return Kind::ram;
    }
    return hangs_off_a_bus(node) ? Kind::disk : Kind::other;
}

/// What a whole disk that is not a loop device is made of.
void read_stacking(const Folder& folder, BlockNode& node, std::vector<std::string>& problems) {
    node.kind = kind_of(node, false);
    if (node.kind == Kind::disk && !node.sysfs_link.empty()) {
        // Device mapper, md and bcache are virtual: nothing of theirs is to be looked for.
        node.bcache_member = folder.enter("bcache").reading() == Reading::present;
        return;
    }
    const Attribute level = folder.read("md/level");
    node.md_level = text_of(level, node.name, "md/level", problems);
    node.kind = kind_of(node, level.reading != Reading::missing);
    node.slaves = names_of(folder.list("slaves"), node.name, "slaves", problems);
    if (node.kind == Kind::zram) {
        const std::string device =
            text_of(folder.read("backing_dev"), node.name, "backing_dev", problems);
        node.backing_file = device == "none" ? std::string{} : device;
        return;
    }
    node.dm_uuid = text_of(folder.read("dm/uuid"), node.name, "dm/uuid", problems);
    node.dm_name = text_of(folder.read("dm/name"), node.name, "dm/name", problems);
    // bcache0/bcache is a link to the folder of its backing device; a member has the folder.
    const Attribute bcache = folder.link("bcache");
    if (bcache.present()) {
        node.slaves.push_back(parent_in(bcache.text));
    } else {
        node.bcache_member = folder.enter("bcache").reading() == Reading::present;
    }
}

}  // namespace

std::optional<BlockNode> read_block_node(const Folder& class_block, const std::string& name,
                                         Detail detail, std::vector<std::string>& problems) {
    const Folder folder = class_block.enter(name);
    if (folder.reading() == Reading::unreadable) {
        problems.push_back(fmt::format("block device {}: {}", name, errno_text(folder.error())));
    }
    const std::string number = text_of(folder.read("dev"), name, "dev", problems);
    const std::size_t colon = number.find(':');
    if (colon == std::string::npos) {
        return std::nullopt;  // gone, or a hidden path of a multipath NVMe namespace: no node
    }
    BlockNode node;
    node.name = name;
    node.major = static_cast<unsigned>(number_or(number.substr(0, colon), 0));
    node.minor = static_cast<unsigned>(number_or(number.substr(colon + 1), 0));
    const std::string sectors = text_of(folder.read("size"), name, "size", problems);
    node.size_bytes = number_or(sectors, 0) * kSectorBytes;
    if (detail == Detail::all) {
        node.read_only = text_of(folder.read("ro"), name, "ro", problems) == "1";
    }
    node.sysfs_link = class_block.link(name).text;
    node.holders = names_of(folder.list("holders"), name, "holders", problems);
    // Most disks lie in a folder "block"; what lies elsewhere may be a partition.
    const std::string parent = parent_in(node.sysfs_link);
    const bool partition = parent != "block" &&
                           !text_of(folder.read("partition"), name, "partition", problems).empty();
    if (partition) {
        node.parent = parent;
        const std::string start = text_of(folder.read("start"), name, "start", problems);
        node.start_bytes = number_or(start, 0) * kSectorBytes;
        node.kind = Kind::partition;
    } else if (starts_with_number(name, "loop")) {
        node.kind = Kind::loop;
        node.backing_file =
            text_of(folder.read("loop/backing_file"), name, "loop/backing_file", problems);
    } else {
        read_stacking(folder, node, problems);
    }
    return node;
}

BlockGraph BlockGraph::read(const SystemView& view, Detail detail) {
    BlockGraph graph;
    graph.view_ = view;
    graph.detail_ = detail;
    const Folder class_block = Folder::open(view.sysfs / "class" / "block");
    const Listing listing = class_block.list(".");
    if (listing.reading != Reading::present) {
        graph.problems_.push_back(
            fmt::format("list of block devices: {}", errno_text(listing.error)));
    }
    for (const std::string& name : listing.names) {
        std::optional<BlockNode> node = read_block_node(class_block, name, detail, graph.problems_);
        if (!node) {
            continue;
        }
        const std::size_t index = graph.nodes_.size();
        graph.by_name_.emplace(name, index);
        graph.by_number_.emplace(device_key(node->major, node->minor), index);
        if (!node->dm_name.empty()) {
            graph.by_dm_name_.emplace(node->dm_name, index);
        }
        graph.nodes_.push_back(std::move(*node));
    }
    graph.connect();
    return graph;
}

void BlockGraph::add_edge(std::size_t lower, std::size_t upper, EdgeKind kind) {
    std::vector<Edge>& above = nodes_[lower].above;
    if (std::none_of(above.begin(), above.end(),
                     [upper](const Edge& edge) { return edge.to == upper; })) {
        above.push_back({upper, kind});
        nodes_[upper].below.push_back(lower);
    }
}

void BlockGraph::connect() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        for (const std::string& holder : nodes_[i].holders) {
            if (const auto upper = find_name(holder)) {
                add_edge(i, *upper, EdgeKind::holder);
            } else {
                problems_.push_back(fmt::format("{} is in use by {}, which is not in sysfs",
                                                nodes_[i].name, holder));
            }
        }
        for (const std::string& slave : nodes_[i].slaves) {
            if (const auto lower = find_name(slave)) {
                const bool bcache = nodes_[*lower].bcache_member;
                add_edge(*lower, i, bcache ? EdgeKind::bcache : EdgeKind::holder);
            }
        }
        if (const auto disk = find_name(nodes_[i].parent)) {
            add_edge(*disk, i, EdgeKind::partition);
        }
        if (nodes_[i].backing_file.empty()) {
            continue;
        }
        if (const auto lower = find_path(nodes_[i].backing_file)) {
            const bool loop = nodes_[i].kind == Kind::loop;
            add_edge(*lower, i, loop ? EdgeKind::loop : EdgeKind::zram_writeback);
        }
    }
}

std::optional<std::size_t> BlockGraph::find(unsigned major_number, unsigned minor_number) const {
    const auto found = by_number_.find(device_key(major_number, minor_number));
    return found == by_number_.end() ? std::nullopt : std::optional{found->second};
}

std::optional<std::size_t> BlockGraph::find_name(const std::string& kernel_name) const {
    const auto found = by_name_.find(kernel_name);
    return found == by_name_.end() ? std::nullopt : std::optional{found->second};
}

std::optional<std::size_t> BlockGraph::find_path(const std::string& path) const {
    constexpr std::string_view kDev = "/dev/";
    constexpr std::string_view kMapper = "/dev/mapper/";
    if (view_.live) {
        struct stat status {};
        if (::stat(path.c_str(), &status) == 0) {
            return S_ISBLK(status.st_mode) ? find(major(status.st_rdev), minor(status.st_rdev))
                                           : std::nullopt;
        }
    }
    std::string plain = without_deleted_mark(path);
    const std::string recorded = view_.dev.string() + "/";
    if (!view_.live && plain.starts_with(recorded)) {
        plain = std::string{kDev} + plain.substr(recorded.size());
    }
    if (!plain.starts_with(kDev)) {
        return std::nullopt;
    }
    if (plain.starts_with(kMapper)) {
        const auto found = by_dm_name_.find(plain.substr(kMapper.size()));
        if (found != by_dm_name_.end()) {
            return found->second;
        }
    }
    std::string name = plain.substr(kDev.size());
    std::error_code ignored;
    const auto target = std::filesystem::weakly_canonical(view_.dev / name, ignored);
    if (const auto index = find_name(target.filename().string())) {
        return index;
    }
    std::replace(name.begin(), name.end(), '/', '!');
    return find_name(name);
}

std::string describe(const BlockNode& node) {
    if (!node.dm_name.empty() || !node.dm_uuid.empty()) {
        return safe_text(fmt::format("{} ({}{}name {})", node.name, node.dm_uuid,
                                     node.dm_uuid.empty() ? "" : ", ", node.dm_name));
    }
    if (node.kind == Kind::md && !node.md_level.empty()) {
        return safe_text(fmt::format("{} ({})", node.name, node.md_level));
    }
    return safe_text(node.name);
}

std::filesystem::path device_path(const SystemView& view, std::string kernel_name) {
    std::replace(kernel_name.begin(), kernel_name.end(), '!', '/');
    return view.dev / kernel_name;
}

std::string without_deleted_mark(const std::string& path) {
    return path.ends_with(kDeletedMark) ? path.substr(0, path.size() - kDeletedMark.size()) : path;
}

}  // namespace efface::inventory
