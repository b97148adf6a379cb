// SPDX-License-Identifier: Apache-2.0
// What a claim about memory depends on: swap, what the kernel does with freed pages, who else
// copies memory, which mount a path is, and which processes hold a file. Reads only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/inventory/inventory.hpp"

namespace efface::inventory {

struct SwapArea {
    std::string path;
    bool is_file = false;
    std::uint64_t size_bytes = 0;
    std::uint64_t used_bytes = 0;
};

/// Something the kernel either does or does not, and who says so.
struct KernelSetting {
    std::optional<bool> on;  ///< nullopt: nothing says
    std::string source;      ///< "kernel log", "kernel command line", "kernel configuration"
};

struct MemoryFacts {
    std::string boot_id;  ///< empty: unreadable
    std::string kernel_release;
    /// nullopt: the list can't be read; then swap must be taken for used.
    std::optional<std::vector<SwapArea>> swaps;
    std::uint64_t available_bytes = 0;  ///< MemAvailable
    std::uint64_t swap_cached_bytes = 0;
    /// Pages that were written to swap devices since the machine started (/proc/vmstat, pswpout):
    /// while it is 0 no slot holds a copy of anything. nullopt: the kernel does not say.
    std::optional<std::uint64_t> swapped_out_pages;
    /// Pages that went into the compressed pool of zswap since then (zswpout), in memory that the
    /// kernel does not clear when it frees it; 0 where the kernel has no zswap. nullopt: it has,
    /// and does not say.
    std::optional<std::uint64_t> zswapped_out_pages;
    /// Content that is in that pool now, in bytes before compression (/proc/meminfo, Zswapped).
    std::optional<std::uint64_t> zswap_bytes;
    KernelSetting init_on_alloc;
    KernelSetting init_on_free;
    KernelSetting page_poisoning;
    std::string zswap;                          ///< "on", "off", "absent"
    std::string transparent_hugepages;          ///< as sysfs has it; empty: absent
    std::string shmem_hugepages;                ///< as sysfs has it; empty: absent
    std::vector<std::string> numa_nodes;        ///< "node0"
    std::string page_merging;                   ///< KSM: "on", "off", "absent"
    std::vector<std::string> memory_to_host;    ///< "virtio_balloon", "page_reporting", ...
    std::string hibernation_device;             ///< resume=, or sysfs; empty: none configured
    std::string crash_kernel;                   ///< crashkernel= or loaded size; empty: none
    std::vector<std::string> zram_write_backs;  ///< "zram0: /dev/loop7"

    /// Bytes of memory that are in swap areas now; nullopt when it can't be known.
    [[nodiscard]] std::optional<std::uint64_t> swap_used_bytes() const;
};
[[nodiscard]] MemoryFacts read_memory_facts(const SystemView& view = {});
[[nodiscard]] Json to_json(const MemoryFacts& facts);
/// The part of it about swap and zswap: "state" (off, empty, used, unknown), "areas",
/// "cachedBytes", and as far as the kernel says "pagesWrittenOut", "zswapPagesWrittenOut",
/// "zswapBytes".
[[nodiscard]] Json swap_json(const MemoryFacts& facts);
/// Named places where copies of any memory may stand and that no user space tool reaches.
[[nodiscard]] std::vector<std::string> memory_not_reached(const MemoryFacts& facts);

/// What the kernel says of an open file or folder itself, whatever name led to it.
struct OpenedFacts {
    std::uint64_t mount_id = 0;                    ///< as in mountinfo; used again after an umount
    std::optional<std::uint64_t> unique_mount_id;  ///< never used again (Linux 6.8)
    std::uint64_t device = 0;                      ///< st_dev
    std::uint64_t inode = 0;
    std::string birth;                   ///< "SECONDS.NANOSECONDS"; empty: not kept (ramfs)
    std::string changed;                 ///< "SECONDS.NANOSECONDS" (ctime)
    std::uint64_t filesystem_magic = 0;  ///< statfs(2)
};
/// Throws Error(internal) when the kernel does not answer.
[[nodiscard]] OpenedFacts opened_facts(int fd);

/// One line of mountinfo of this process' namespace.
struct MountFacts {
    std::uint64_t id = 0;
    unsigned major = 0;
    unsigned minor = 0;
    std::string root;     ///< within the file system; not "/" for a bind mount of a folder
    std::string target;   ///< where
    std::string type;     ///< "tmpfs"
    std::string source;   ///< printable
    std::string options;  ///< of the mount and of the file system
    std::vector<std::string> below;  ///< mounts on folders inside it, printable
    /// The same file system elsewhere, in any mount namespace: "/mnt/b", "/mnt/b (process 17)".
    /// Printable.
    std::vector<std::string> elsewhere;

    /// Whether one of the options is exactly this.
    [[nodiscard]] bool has_option(std::string_view option) const;
};
/// The mount with this number (OpenedFacts); nullopt when the list has none. Throws Error(internal)
/// when the list can't be read. Names are never asked: several mounts can have one.
[[nodiscard]] std::optional<MountFacts> mount_with_id(std::uint64_t id,
                                                      const SystemView& view = {});
/// Every mount exactly at `target` (an absolute path without trailing slash), without `below` and
/// `elsewhere`, the one that was mounted first in front. Each but the last is hidden; all are where
/// the path leads elsewhere, as something is mounted above. Throws as mount_with_id().
[[nodiscard]] std::vector<MountFacts> mounts_at(const std::string& target,
                                                const SystemView& view = {});

/// What to look for in the open files, mapped files, working folders and roots of processes.
struct FileKey {
    std::uint64_t device = 0;                    ///< st_dev
    std::optional<std::uint64_t> inode;          ///< nullopt: any file of that file system
    std::optional<std::uint64_t> device_number;  ///< st_rdev, for a device with several nodes
    bool is_block = false;                       ///< of a block device, not of a character one
    /// A System V segment of the IPC namespace of this process by its number; nothing else counts.
    std::optional<std::uint64_t> segment;
};
struct FileUser {
    std::string text;     ///< "process 17 (postgres) has it open: /mnt/scratch/x"
    bool efface = false;  ///< another process of this program: what it does may end by itself
};
struct FileUsers {
    std::vector<FileUser> users;
    /// Processes that this one may not look into (more privileged ones): "process 1 (init)". What
    /// they have open must be known by other means: device::open_elsewhere().
    std::vector<std::string> not_examined;
};
/// Every process, this one and its children as well (never as `efface`); one entry each.
[[nodiscard]] FileUsers processes_using(const FileKey& key, const SystemView& view = {});

}  // namespace efface::inventory
