// SPDX-License-Identifier: Apache-2.0
// What a machine does with its storage at one moment: devices, mounts of every mount namespace
// that a process lives in, swap areas, and what the running system itself is on top of.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "efface/inventory/block_graph.hpp"
#include "efface/inventory/processes.hpp"

namespace efface::inventory {

inline constexpr std::size_t kMountinfoBytesMax = std::size_t{16} << 20U;
inline constexpr std::size_t kMountsMax = std::size_t{1} << 18U;
inline constexpr std::size_t kNamespacesMax = 4096;
inline constexpr std::size_t kSwapsBytesMax = std::size_t{1} << 20U;

struct Mount {
    unsigned major = 0;
    unsigned minor = 0;
    std::string root;    ///< within the file system; not "/" for bind mounts and subvolumes
    std::string target;  ///< as that namespace sees it
    std::string type;
    std::string source;
    std::string options;  ///< of an overlay: its layers
    std::string process;  ///< whose mount namespace it is; empty = ours
};

struct MountView {
    std::vector<Mount> mounts;
    std::vector<std::string> problems;
};
/// One read for each distinct mount namespace and root folder of these processes and this one.
[[nodiscard]] MountView read_mounts(const SystemView& view, const Processes& processes);

struct Swap {
    std::string path;
    bool is_file = false;
    std::vector<std::size_t> devices;  ///< the area itself, or what the file's file system lies on
};
/// Paths of the active areas. nullopt when the list cannot be read (no list at all means no swap);
/// `problem` says why.
[[nodiscard]] std::optional<std::vector<std::string>> read_swaps(const SystemView& view,
                                                                 std::string& problem);

class MachineState final {
  public:
    [[nodiscard]] static MachineState read(const SystemView& view, Detail detail);

    [[nodiscard]] const SystemView& view() const noexcept { return view_; }
    [[nodiscard]] const BlockGraph& graph() const noexcept { return graph_; }
    [[nodiscard]] const Processes& processes() const noexcept { return processes_; }
    [[nodiscard]] const std::vector<Mount>& mounts() const noexcept { return mounts_; }
    [[nodiscard]] const std::vector<Swap>& swaps() const noexcept { return swaps_; }
    [[nodiscard]] const std::vector<std::string>& problems() const noexcept { return problems_; }

    /// Indexes of the mounts of a file system that lies (also) on this device.
    [[nodiscard]] const std::vector<std::size_t>& mounts_on(std::size_t node) const;
    /// UUID of the active btrfs file system that this device belongs to, or empty.
    [[nodiscard]] std::string btrfs_of(std::size_t node) const;
    /// Mount points of the running system ("/", "/boot", ...) that rest on this device, through
    /// every layer and also through image files.
    [[nodiscard]] std::vector<std::string> system_mounts_on(std::size_t node) const;
    /// The mount of our namespace that a path lies under; nullptr when none covers it.
    [[nodiscard]] const Mount* covering_mount(const std::string& path) const;
    /// Devices of the file system that a file lies on.
    [[nodiscard]] std::vector<std::size_t> devices_of_file(const std::string& path) const;
    /// Devices of the file system of a mount.
    [[nodiscard]] std::vector<std::size_t> devices_of(const Mount& mount) const;

  private:
    void read_btrfs();
    void find_swap_devices();
    void index_mounts();
    void find_system_devices();

    SystemView view_;
    BlockGraph graph_;
    Processes processes_;
    std::vector<Mount> mounts_;
    std::vector<Swap> swaps_;
    std::vector<std::string> problems_;
    std::map<std::string, std::vector<std::size_t>> btrfs_;  ///< UUID -> devices
    std::vector<std::vector<std::size_t>> mounts_by_node_;
    std::map<std::size_t, std::vector<std::string>> system_;
};

}  // namespace efface::inventory
