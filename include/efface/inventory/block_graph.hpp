// SPDX-License-Identifier: Apache-2.0
// The block devices of a machine and what is on top of what, read once from sysfs.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "efface/inventory/folder.hpp"
#include "efface/inventory/inventory.hpp"

namespace efface::inventory {

/// Layers above or below one device, and all layers of one target.
inline constexpr std::size_t kDepthMax = 32;
inline constexpr std::size_t kLayersMax = 256;

struct BlockNode;

enum class EdgeKind {
    holder,          ///< sysfs holders or slaves: device mapper, md, drbd, ...
    partition,       ///< of a disk
    loop,            ///< a loop device over a block device
    zram_writeback,  ///< zram that writes pages back to it
    bcache,
};
struct Edge {
    std::size_t to = 0;
    EdgeKind kind = EdgeKind::holder;
};

struct BlockNode {
    std::string name;  ///< of the kernel, with '!' where the node's path has '/'
    unsigned major = 0;
    unsigned minor = 0;
    Kind kind = Kind::other;
    std::uint64_t size_bytes = 0;
    std::uint64_t start_bytes = 0;  ///< partitions: on their disk
    bool read_only = false;         ///< Detail::all only
    std::string sysfs_link;  ///< where /sys/class/block/NAME points to: the place in the topology
    std::string parent;      ///< partitions: name of the disk
    std::string dm_uuid;
    std::string dm_name;
    std::string md_level;
    std::string backing_file;  ///< loop: as the kernel prints it; zram: its write-back device
    bool bcache_member = false;
    std::vector<std::string> holders;
    std::vector<std::string> slaves;  ///< not of hardware, which is made of no other device

    std::vector<Edge> above;         ///< filled by BlockGraph
    std::vector<std::size_t> below;  ///< filled by BlockGraph
};

/// How much of each device is read: many devices are only looked at for what is on top of what.
enum class Detail { links, all };

/// One device by its kernel name; nullopt when it is not (or no longer) there. What cannot be read
/// is added to `problems`.
[[nodiscard]] std::optional<BlockNode> read_block_node(const Folder& class_block,
                                                       const std::string& name, Detail detail,
                                                       std::vector<std::string>& problems);

class BlockGraph final {
  public:
    [[nodiscard]] static BlockGraph read(const SystemView& view, Detail detail);

    [[nodiscard]] Detail detail() const noexcept { return detail_; }
    [[nodiscard]] const std::vector<BlockNode>& nodes() const noexcept { return nodes_; }
    [[nodiscard]] const BlockNode& at(std::size_t index) const { return nodes_.at(index); }
    [[nodiscard]] std::optional<std::size_t> find(unsigned major, unsigned minor) const;
    [[nodiscard]] std::optional<std::size_t> find_name(const std::string& kernel_name) const;
    /// What "/dev/..." names: by its device number, else (recorded trees, nodes of other
    /// namespaces) by the name. A " (deleted)" behind it is ignored.
    [[nodiscard]] std::optional<std::size_t> find_path(const std::string& path) const;
    /// State that could not be read, for a person; empty when all was seen.
    [[nodiscard]] const std::vector<std::string>& problems() const noexcept { return problems_; }

  private:
    void connect();
    void add_edge(std::size_t lower, std::size_t upper, EdgeKind kind);

    SystemView view_;
    Detail detail_ = Detail::all;
    std::vector<BlockNode> nodes_;
    std::unordered_map<std::string, std::size_t> by_name_;
    std::unordered_map<std::string, std::size_t> by_dm_name_;
    std::unordered_map<std::uint64_t, std::size_t> by_number_;
    std::vector<std::string> problems_;
};

/// "dm-3 (CRYPT-LUKS2-..., name pg)", "md0 (raid1)", "sda1".
[[nodiscard]] std::string describe(const BlockNode& node);

/// Where the node of a device is: "cciss!c0d0" -> "/dev/cciss/c0d0".
[[nodiscard]] std::filesystem::path device_path(const SystemView& view, std::string kernel_name);

/// "/srv/a (deleted)" -> "/srv/a".
[[nodiscard]] std::string without_deleted_mark(const std::string& path);

}  // namespace efface::inventory
