// SPDX-License-Identifier: Apache-2.0
#include "filesystem_name.hpp"

#include <fmt/format.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "efface/base/error.hpp"
#include "efface/device/memory/memory_filesystem.hpp"

namespace efface::device {

namespace {

enum Trait : unsigned { kInPlace = 0, kCopies = 1, kRemote = 2, kMemory = 4 };

struct Entry {
    std::uint32_t magic;
    const char* name;
    unsigned traits;
};

/// statfs(2) and linux/magic.h; those that are in neither are named with their source file.
constexpr std::array kFilesystems{
    Entry{0x0000ef53, "ext4", kInPlace},
    Entry{0x58465342, "xfs", kInPlace},
    Entry{0x9123683e, "btrfs", kCopies},
    Entry{0xca451a4e, "bcachefs", kCopies},  // fs/bcachefs/bcachefs_format.h
    Entry{0x2fc12fc1, "zfs", kCopies},       // OpenZFS sys/fs/zfs.h
    Entry{0xf2f52010, "f2fs", kCopies},
    Entry{0x00003434, "nilfs2", kCopies},
    Entry{0x000072b6, "jffs2", kCopies},
    Entry{0x24051905, "ubifs", kCopies},  // fs/ubifs/ubifs.h
    Entry{0x794c7630, "overlay", kCopies},
    Entry{0x5a4f4653, "zonefs", kCopies},
    Entry{0x01021994, "tmpfs", kMemory},
    Entry{0x858458f6, "ramfs", kMemory},
    Entry{0x958458f6, "hugetlbfs", kMemory},
    Entry{0x00006969, "nfs", kRemote},
    Entry{0x0000517b, "smb", kRemote},
    Entry{0xff534d42, "cifs", kRemote},
    Entry{0xfe534d42, "smb2", kRemote},
    Entry{0x65735546, "fuse", kRemote},
    Entry{0x00c36400, "ceph", kRemote},
    Entry{0x01021997, "9p", kRemote},
    Entry{0x00c0ffee, "hostfs", kRemote},
    Entry{0x5346414f, "afs", kRemote},
    Entry{0x6b414653, "afs", kRemote},
    Entry{0x0bd00bd0, "lustre", kRemote},  // lustre_user.h
    Entry{0x47504653, "gpfs", kRemote},    // coreutils stat.c
    Entry{0x786f4256, "vboxsf", kRemote},  // fs/vboxsf/super.c
    Entry{0x7461636f, "ocfs2", kInPlace},
    Entry{0x01161970, "gfs2", kInPlace},  // linux/gfs2_ondisk.h
    Entry{0x3153464a, "jfs", kInPlace},   // fs/jfs/jfs_superblock.h
    Entry{0x52654973, "reiserfs", kInPlace},
    Entry{0x00004d44, "vfat", kInPlace},
    Entry{0x2011bab0, "exfat", kInPlace},
    Entry{0x7366746e, "ntfs3", kInPlace},  // fs/ntfs3/super.c
    Entry{0x5346544e, "ntfs", kInPlace},   // coreutils stat.c
    Entry{0x15013346, "udf", kInPlace},
    Entry{0x00009660, "iso9660", kInPlace},
    Entry{0x73717368, "squashfs", kInPlace},
    Entry{0xe0f5e1e2, "erofs", kInPlace},
};

}  // namespace

FilesystemTraits filesystem_of(int file_descriptor) {
    struct statfs answer {};
    if (::fstatfs(file_descriptor, &answer) != 0) {
        throw_errno(ErrorCode::internal, "file system of the opened file: reading its type failed",
                    errno);
    }
    // The magic is 32 bits wide, sign-extended where f_type is signed.
    const auto magic = static_cast<std::uint32_t>(answer.f_type);
    for (const Entry& entry : kFilesystems) {
        if (entry.magic == magic) {
            return {entry.name, (entry.traits & kCopies) != 0, (entry.traits & kRemote) != 0,
                    (entry.traits & kMemory) != 0};
        }
    }
    FilesystemTraits unknown;
    unknown.name = fmt::format("0x{:08x}", magic);
    return unknown;
}

std::string_view memory_filesystem(std::uint64_t magic) noexcept {
    for (const Entry& entry : kFilesystems) {
        if (entry.traits == kMemory && entry.magic == static_cast<std::uint32_t>(magic)) {
            return entry.name;
        }
    }
    return {};
}

}  // namespace efface::device
