// SPDX-License-Identifier: Apache-2.0
// What is this target, what lies below it, and who uses it: from sysfs, /proc, libblkid and
// libmount. Reads only; every answer is a value.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::inventory {

/// The roots that are read, so that a recorded machine can stand in for this one.
struct SystemView {
    std::filesystem::path sysfs = "/sys";
    std::filesystem::path proc = "/proc";
    std::filesystem::path dev = "/dev";
    /// Ask the kernel beyond these trees (libblkid probes, dm ioctls, FIEMAP)? Off for recordings.
    bool live = true;
};

enum class Kind { disk, partition, loop, device_mapper, md, zram, ram, file, other };
[[nodiscard]] const char* to_string(Kind kind) noexcept;

/// The file below a loop device.
struct BackingFile {
    unsigned major = 0;  ///< of the file system that it lies on
    unsigned minor = 0;
    std::uint64_t inode = 0;
    std::string birth_time;          ///< as that of a file
    std::uint64_t offset_bytes = 0;  ///< where the loop device begins in it
};

struct Identity {
    std::string path;            ///< as given
    std::string canonical_path;  ///< after symlinks
    Kind kind = Kind::other;
    unsigned major = 0;  ///< block devices; for a file: of the file system it lies on
    unsigned minor = 0;
    std::uint64_t inode = 0;  ///< files
    /// Files: "seconds.nanoseconds" since 1970; empty where the file system does not keep it.
    std::string birth_time;
    std::uint64_t size_bytes = 0;
    std::uint32_t logical_block_bytes = 0;
    std::optional<std::uint64_t> disk_sequence;
    std::string model;               ///< printable; empty when there is none
    std::string serial;              ///< of the disk below, printable; empty when there is none
    std::string bridge_serial;       ///< of a dock or controller in between that gives another one
    bool serial_by_drive = false;    ///< ... and not by a bridge: VPD page 89h has it
    std::string wwid;                ///< sysfs wwid / device/wwid
    std::string transport;           ///< "nvme", "sata", "sas", "virtio", "loop", "file", ...
    std::string partition_uuid;      ///< GPT PARTUUID
    std::string device_mapper_uuid;  ///< "CRYPT-LUKS2-...", "LVM-..."
    std::string backing_file;        ///< loop devices: its path, as the kernel prints it
    /// Loop devices: what stays of that file when it is renamed, where the kernel tells.
    std::optional<BackingFile> backing;
    bool read_only = false;
    bool rotational = false;
    bool host_managed_zones = false;  ///< written zone by zone only
};
/// What the record keeps and what must still hold later: everything but `path`.
[[nodiscard]] Json to_json(const Identity& identity);
[[nodiscard]] Json to_json(const BackingFile& file);

/// Throws Error(usage) when there is nothing at the path or it is neither a block device nor a
/// regular file (with a hint what it is), Error(safety, too_large) where no record could hold its
/// size.
[[nodiscard]] Identity identify(const std::filesystem::path& path, const SystemView& view = {});

/// What libblkid (low-level probe) finds: LUKS first, or what covers it.
struct Signature {
    std::string type;  ///< "crypto_LUKS", "LVM2_member", "ext4", ...; empty = nothing found
    std::string uuid;
    std::string label;
    std::string usage;       ///< "crypto", "filesystem", "raid", "other"
    bool ambiguous = false;  ///< libblkid found several that contradict each other
    int code = 0;            ///< of blkid_do_safeprobe: 0 found, 1 nothing, -2 ambiguous, -1 error
};
/// Reads through a descriptor of its own (read-only). Throws Error(usage) when it cannot be
/// opened.
[[nodiscard]] Signature probe_signature(const std::filesystem::path& path,
                                        std::uint64_t offset_bytes = 0);

/// Everything that is on a device, also what contradicts: old superblocks beside newer ones.
struct FoundSignature {
    std::string type;  ///< as Signature; of a partition table: "gpt", "dos", ...
    std::string uuid;
    std::string label;         ///< of a PV: the name of its volume group
    std::string usage;         ///< as Signature; "table" of a partition table
    std::string last_mounted;  ///< ext2/3/4
    /// UUID of the group that it is a member of, where its superblock tells: a volume group's (32
    /// characters without dashes). Empty otherwise.
    std::string group_uuid;
    std::uint64_t devices = 1;                  ///< of a file system on several: how many
    std::optional<std::uint64_t> magic_offset;  ///< where its mark is; of a superblock
};
/// Throws Error(usage) when it cannot be opened, Error(safety, unreadable_state) when it cannot
/// be read.
/// What libblkid finds, and well-known superblocks that it does not know.
[[nodiscard]] std::vector<FoundSignature> signatures_on(const std::filesystem::path& path);

/// One reason why a target must not be touched: found by guard::uses_of().
struct Use {
    ReasonCode code = ReasonCode::busy;
    std::string detail;  ///< "dm-3 (CRYPT-LUKS2-..., name vg-data) mounted at /srv", for a person
};

/// One layer of the stack that a target is on: the target itself first, then nearest first,
/// down to the disks. What cannot be told is a layer of type "unknown" that counts as
/// copy-on-write.
struct Layer {
    std::string name;  ///< "loop3", "dm-2", "ext4 file system on vda"
    std::string type;  ///< "loop", "file", "filesystem", "partition", "dm-linear", "dm-thin",
                       ///< "dm-snapshot", "dm-snapshot-origin", "dm-crypt", "md-raid1", "disk", ...
    bool copy_on_write = false;  ///< an overwrite may leave the old blocks below
    bool thin = false;           ///< allocation below is not one to one
    bool remote = false;         ///< the medium is elsewhere (nbd, rbd, drbd, nfs, fuse, ...)
    bool mirror = false;         ///< several copies (raid1, raid10, multipath is not one)
    bool flash = false;          ///< not rotational and no virtual device: remapping below
    std::string note;
};
[[nodiscard]] std::vector<Layer> layers_below(const Identity& identity,
                                              const SystemView& view = {});
[[nodiscard]] Json to_json(const std::vector<Layer>& layers);
class MachineState;
/// As of one look at the machine (machine_state.hpp), for many targets.
[[nodiscard]] std::vector<Layer> layers_below(const Identity& identity, const MachineState& state);

/// Names of active device-mapper devices whose UUID says CRYPT-LUKSn of this LUKS UUID (dashes and
/// case do not matter). Throws Error(internal) when they cannot be listed.
[[nodiscard]] std::vector<std::string> mappings_of_luks_uuid(const std::string& luks_uuid,
                                                             const SystemView& view = {});

/// What the hottest disk below the target says of itself through a driver of the kernel (nvme,
/// drivetemp), rounded towards zero; for a file, of the file system that it lies on. nullopt where
/// none tells. Cheap enough for once a second.
[[nodiscard]] std::optional<int> temperature_celsius(const Identity& identity,
                                                     const SystemView& view = {});

}  // namespace efface::inventory
