// SPDX-License-Identifier: Apache-2.0
// Storage of this machine behind BlockTarget, and what the kernel says of it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/device/block_target.hpp"

namespace efface::device {

enum class Access {
    read_only,  ///< for planning and for looking; changes nothing
    exclusive,  ///< O_RDWR, and O_EXCL for a block device: fails while the kernel uses it
};

/// What identifies the opened object, read from the descriptor itself (never again from the path).
struct TargetFacts {
    bool is_block_device = false;
    std::uint64_t filesystem_device = 0;         ///< st_dev
    std::uint64_t inode = 0;                     ///< st_ino
    std::uint64_t device_number = 0;             ///< st_rdev, block devices only
    std::optional<std::uint64_t> disk_sequence;  ///< BLKGETDISKSEQ, block devices only
    std::uint64_t size_bytes = 0;
    std::uint32_t logical_block_bytes = 0;  ///< BLKSSZGET; 512 for a file
    bool read_only = false;                 ///< BLKROGET, or a file without write permission bits
    std::uint64_t link_count = 0;           ///< st_nlink: a second name of an image file

    friend bool operator==(const TargetFacts&, const TargetFacts&) = default;
};

/// A block device or a regular file. Direct I/O where the file system allows it.
class LinuxTarget final : public BlockTarget {
  public:
    /// Throws Error: `usage` when there is no such path or it is neither a block device nor a
    /// regular file; `safety` when Access is exclusive and it is in use (EBUSY), a read-only
    /// device, on a read-only file system or immutable. Missing permission bits of a file alone do
    /// not stop root (header backups have mode 0400): see TargetFacts::read_only. A file used for
    /// swap opens; writing it fails with ETXTBSY.
    [[nodiscard]] static std::unique_ptr<LinuxTarget> open(const std::filesystem::path& path,
                                                           Access access);
    ~LinuxTarget() override;
    LinuxTarget(const LinuxTarget&) = delete;
    LinuxTarget& operator=(const LinuxTarget&) = delete;

    [[nodiscard]] std::uint64_t size_bytes() const override;
    [[nodiscard]] std::uint32_t preferred_alignment() const override;
    IoResult read_at(std::uint64_t offset, MutableByteView into) override;
    IoResult write_at(std::uint64_t offset, ByteView from) override;
    [[nodiscard]] int flush() override;
    /// io_uring where there is direct I/O and this process may use it, else the default; the
    /// queue's engine_note() says why. The thread that makes the queue is the one that uses it.
    [[nodiscard]] std::unique_ptr<IoQueue> make_queue(std::size_t slots,
                                                      std::size_t slot_bytes) override;

    /// Read again from the descriptor at each call.
    [[nodiscard]] TargetFacts facts() const;
    /// False where the file system refuses O_DIRECT (tmpfs): reads may come from memory, which for
    /// tmpfs is the medium. The record says which.
    [[nodiscard]] bool direct_io() const noexcept;
    /// Drops clean cached pages of the host (BLKFLSBUF, POSIX_FADV_DONTNEED). 0 or an errno.
    [[nodiscard]] int drop_cache();
    /// The descriptor, borrowed.
    [[nodiscard]] int descriptor() const noexcept;

  private:
    struct State;
    explicit LinuxTarget(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// A piece of a file at its place on the device below, in bytes.
struct Extent {
    std::uint64_t logical = 0;
    std::uint64_t physical = 0;
    std::uint64_t length = 0;
};

/// Files are followed so far when the question is whether their blocks moved: two LUKS2 metadata
/// areas of the largest size.
constexpr std::uint64_t kExtentsFollowedBytes = std::uint64_t{272} << 20U;

/// Where the blocks of a regular file lie (FS_IOC_FIEMAP), and whether old ones may live on.
struct ExtentReport {
    bool supported = false;  ///< false: the file system has no FIEMAP (tmpfs); nothing is known
    std::string
        filesystem;  ///< "ext4", "btrfs", "xfs", "tmpfs", "overlay", "nfs", ... or hex magic
    bool copy_on_write = false;  ///< btrfs without NOCOW, bcachefs, zfs, nilfs2, f2fs, overlay, ...
    bool remote = false;         ///< nfs, cifs, fuse, ceph, 9p, hostfs: the medium is elsewhere
    bool memory = false;         ///< tmpfs, ramfs
    std::uint64_t extent_count = 0;
    std::uint64_t shared_count = 0;     ///< FIEMAP_EXTENT_SHARED: reflinks or snapshots
    std::uint64_t unwritten_count = 0;  ///< FIEMAP_EXTENT_UNWRITTEN: old blocks below read as zero
    std::uint64_t encoded_count = 0;    ///< compressed, encrypted, inline or tail-packed
    std::uint64_t missing_bytes = 0;    ///< of the file's size: holes, which an overwrite fills
    /// In the file system, for this process; nullopt where it has no limit or does not tell.
    std::optional<std::uint64_t> free_bytes;
    /// Those that begin below kExtentsFollowedBytes, in order, neighbours joined.
    std::vector<Extent> extents;
};
/// Throws Error(internal) only when the descriptor itself cannot be asked.
[[nodiscard]] ExtentReport extents_of(int file_descriptor);

/// True unless everything that was in `before` is at the same place in `after`: what was somewhere
/// else then may still be there. Holes that were filled since do not matter.
[[nodiscard]] bool blocks_moved(const std::vector<Extent>& before,
                                const std::vector<Extent>& after);

/// Has the kernel read the partition table of a disk again (BLKRRPART): what is no longer in it
/// loses its node. 0 or an errno: EBUSY, with nothing changed, where a partition is in use.
[[nodiscard]] int read_partitions_again(const std::filesystem::path& disk);

/// One row of a device-mapper table (DM_TABLE_STATUS with the table flag, secrets never read:
/// only the target type is kept, and where a linear one lies).
struct DmTarget {
    std::string type;  ///< "crypt", "linear", "thin", "snapshot", "snapshot-origin", "raid", ...
    std::uint64_t start_sectors = 0;
    std::uint64_t length_sectors = 0;
    struct Place {
        unsigned major = 0;
        unsigned minor = 0;
        std::uint64_t offset_sectors = 0;
    };
    std::optional<Place> place;  ///< of "linear"
};
/// Empty when the number is not a device-mapper device or the kernel has no device mapper.
[[nodiscard]] std::vector<DmTarget> dm_table(unsigned major, unsigned minor);

/// The backing file of a loop device as the kernel has it (LOOP_GET_STATUS64), with the identity
/// of the file, so that a renamed or replaced file is noticed.
struct LoopBacking {
    std::string path;  ///< of sysfs loop/backing_file where available, else lo_file_name
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t offset_bytes = 0;
    std::uint64_t size_limit_bytes = 0;
};
[[nodiscard]] std::optional<LoopBacking> loop_backing(const std::filesystem::path& loop_device);

/// Holds what cryptsetup itself locks before it writes LUKS2 metadata (for a block device
/// /run/cryptsetup/L_major:minor, for a file the file): nobody can "repair" one header from the
/// other while we hold it. Also holds flock(LOCK_EX) on a block node, which stops udev's probing.
class MetadataLock final {
  public:
    /// Waits for at most `deadline_ms`; throws Error(busy) after that.
    [[nodiscard]] static MetadataLock acquire(const LinuxTarget& target, unsigned deadline_ms);
    ~MetadataLock();
    MetadataLock(MetadataLock&&) noexcept;
    MetadataLock& operator=(MetadataLock&&) noexcept;
    MetadataLock(const MetadataLock&) = delete;
    MetadataLock& operator=(const MetadataLock&) = delete;

  private:
    struct State;
    explicit MetadataLock(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace efface::device
