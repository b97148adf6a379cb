// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>

#include "efface/device/linux_target.hpp"

#include "block/devices.hpp"

namespace efface::inventory {
namespace {

constexpr std::uint32_t kFileBlockBytes = 512;
constexpr std::string_view kDev = "/dev/";

std::filesystem::path canonical_path(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::path canonical = std::filesystem::canonical(path, error);
    if (error) {
        throw Error(ErrorCode::usage, fmt::format("{}: {}", path.string(), error.message()),
                    "check the path; `efface list` shows the storage of this machine");
    }
    return canonical;
}

const char* kind_of_mode(mode_t mode) {
    if (S_ISDIR(mode)) {
        return "a folder";
    }
    if (S_ISCHR(mode)) {
        return "a character device";
    }
    if (S_ISFIFO(mode)) {
        return "a pipe";
    }
    return S_ISSOCK(mode) ? "a socket" : "of unknown type";
}

std::string birth_time_of(const std::filesystem::path& path) {
    struct statx status {};
    const bool known = ::statx(AT_FDCWD, path.c_str(), 0, STATX_BTIME, &status) == 0 &&
                       (status.stx_mask & STATX_BTIME) != 0;
    return known ? fmt::format("{}.{:09}", status.stx_btime.tv_sec, status.stx_btime.tv_nsec) : "";
}

/// Nothing where the kernel does not tell us; the birth time is that of the file only while its
/// path leads there.
std::optional<BackingFile> backing_of(const std::filesystem::path& loop) {
    std::optional<device::LoopBacking> found;
    try {
        found = device::loop_backing(loop);
    } catch (const Error&) {
        return std::nullopt;
    }
    if (!found) {
        return std::nullopt;
    }
    BackingFile file;
    file.major = major(found->device);
    file.minor = minor(found->device);
    file.inode = found->inode;
    file.offset_bytes = found->offset_bytes;
    struct stat status {};
    if (::stat(found->path.c_str(), &status) == 0 && status.st_ino == found->inode &&
        status.st_dev == found->device) {
        file.birth_time = birth_time_of(found->path);
    }
    return file;
}

bool is_immutable(const std::filesystem::path& path) {
    struct statx status {};
    return ::statx(AT_FDCWD, path.c_str(), 0, STATX_BASIC_STATS, &status) == 0 &&
           (status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0;
}

/// Files of procfs, sysfs and their like are doors to the kernel, no storage.
void refuse_kernel_file(const std::filesystem::path& path) {
    constexpr std::array<std::uint32_t, 16> kMagics = {
        0x9fa0,      // procfs
        0x62656572,  // sysfs
        0x27e0eb,    // cgroup
        0x63677270,  // cgroup2
        0x64626720,  // debugfs
        0x74726163,  // tracefs
        0x73636673,  // securityfs
        0xf97cff8c,  // selinuxfs
        0xcafe4a11,  // bpf
        0x62656570,  // configfs
        0x6165676c,  // pstore
        0xde5e81e4,  // efivarfs
        0x19800202,  // mqueue
        0x42494e4d,  // binfmt_misc
        0x65735543,  // fusectl
        0x6e736673,  // nsfs
    };
    struct statfs space {};
    if (::statfs(path.c_str(), &space) == 0 &&
        std::find(kMagics.begin(), kMagics.end(), static_cast<std::uint32_t>(space.f_type)) !=
            kMagics.end()) {
        throw Error(ErrorCode::usage,
                    path.string() + " is a virtual file of the kernel, not storage",
                    "name a block device or a file on a disk");
    }
}

Identity identify_file(const std::filesystem::path& canonical, const struct stat& status) {
    refuse_kernel_file(canonical);
    Identity identity;
    identity.canonical_path = canonical.string();
    identity.kind = Kind::file;
    identity.major = major(status.st_dev);
    identity.minor = minor(status.st_dev);
    identity.inode = status.st_ino;
    identity.birth_time = birth_time_of(canonical);
    identity.size_bytes = static_cast<std::uint64_t>(status.st_size);
    identity.logical_block_bytes = kFileBlockBytes;
    identity.transport = "file";
    constexpr mode_t kAnyWrite = S_IWUSR | S_IWGRP | S_IWOTH;
    const bool file_system_read_only =
        ::faccessat(AT_FDCWD, canonical.c_str(), W_OK, AT_EACCESS) != 0 && errno == EROFS;
    identity.read_only =
        (status.st_mode & kAnyWrite) == 0 || file_system_read_only || is_immutable(canonical);
    return identity;
}

Identity identify_device(const std::string& name, const SystemView& view) {
    const Folder class_block = Folder::open(view.sysfs / "class" / "block");
    std::vector<std::string> ignored;  // uses_of() is what fails closed
    std::map<std::string, std::optional<BlockNode>> nodes;
    const NodeLookup lookup = [&](const std::string& wanted) -> const BlockNode* {
        auto found = nodes.find(wanted);
        if (found == nodes.end()) {
            found =
                nodes.emplace(wanted, read_block_node(class_block, wanted, Detail::all, ignored))
                    .first;
        }
        return found->second ? &*found->second : nullptr;
    };
    const BlockNode* node = lookup(name);
    if (node == nullptr) {
        throw Error(ErrorCode::internal,
                    fmt::format("block device {}: sysfs does not describe it", name));
    }
    Identity identity = identity_of(class_block, *node, lookup);
    if (view.live && identity.kind == Kind::partition && identity.partition_uuid.empty()) {
        identity.partition_uuid = partition_uuid_on(device_path(view, node->parent).string(),
                                                    identity.major, identity.minor);
    }
    return identity;
}

/// A record could not say how large it is.
void refuse_too_large(const Identity& identity) {
    constexpr std::uint64_t kBytesMax = (std::uint64_t{1} << 53U) - 1;
    if (identity.size_bytes > kBytesMax) {
        throw Error(ErrorCode::safety, ReasonCode::too_large,
                    fmt::format("{} has {} bytes, and a record can hold no number above {}",
                                printable(identity.canonical_path), identity.size_bytes, kBytesMax),
                    next_step(ReasonCode::too_large));
    }
}

Identity identify_recorded(const std::filesystem::path& path, const SystemView& view) {
    const std::string text = path.string();
    const BlockGraph graph = BlockGraph::read(view, Detail::links);
    const auto node = graph.find_path(text);
    if (!node) {
        throw Error(ErrorCode::usage, fmt::format("{}: no such device in the recording", text));
    }
    Identity identity = identify_device(graph.at(*node).name, view);
    identity.canonical_path = std::string{kDev} + graph.at(*node).name;
    return identity;
}

}  // namespace

Identity identify(const std::filesystem::path& path, const SystemView& view) {
    Identity identity;
    if (!view.live) {
        identity = identify_recorded(path, view);
        identity.path = path.string();
        return identity;
    }
    const std::filesystem::path canonical = canonical_path(path);
    struct stat status {};
    if (::stat(canonical.c_str(), &status) != 0) {
        throw_errno(ErrorCode::usage, canonical.string(), errno);
    }
    if (S_ISREG(status.st_mode)) {
        identity = identify_file(canonical, status);
    } else if (S_ISBLK(status.st_mode)) {
        const std::string number =
            fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev));
        const Attribute link = Folder::open(view.sysfs / "dev" / "block").link(number);
        if (!link.present()) {
            throw Error(
                ErrorCode::usage,
                fmt::format("{}: there is no block device {} behind it", path.string(), number),
                "the device was removed, or /sys is not mounted");
        }
        identity = identify_device(std::filesystem::path{link.text}.filename().string(), view);
        identity.canonical_path = canonical.string();
        if (identity.kind == Kind::loop) {
            identity.backing = backing_of(canonical);
        }
    } else {
        throw Error(ErrorCode::usage,
                    fmt::format("{} is {}", path.string(), kind_of_mode(status.st_mode)),
                    "name a block device or a regular file");
    }
    refuse_too_large(identity);
    identity.path = path.string();
    return identity;
}

const char* to_string(Kind kind) noexcept {
    switch (kind) {
        case Kind::disk:
            return "disk";
        case Kind::partition:
            return "partition";
        case Kind::loop:
            return "loop";
        case Kind::device_mapper:
            return "device-mapper";
        case Kind::md:
            return "md";
        case Kind::zram:
            return "zram";
        case Kind::ram:
            return "ram";
        case Kind::file:
            return "file";
        case Kind::other:
            return "other";
    }
    return "other";
}

Json to_json(const Identity& identity) {
    ObjectWriter json;
    json.add("canonicalPath", safe_text(identity.canonical_path))
        .add("kind", to_string(identity.kind))
        .add("deviceNumber", fmt::format("{}:{}", identity.major, identity.minor))
        .add("sizeBytes", identity.size_bytes)
        .add("logicalBlockBytes", identity.logical_block_bytes)
        .add("model", identity.model)
        .add("serialNumber", identity.serial)
        .add("wwid", identity.wwid)
        .add("transport", identity.transport)
        .add("readOnly", identity.read_only)
        .add("rotational", identity.rotational);
    if (identity.kind == Kind::file) {
        json.add("inode", std::to_string(identity.inode));  // may exceed what JSON numbers hold
    }
    if (identity.disk_sequence) {
        json.add("diskSequence", *identity.disk_sequence);
    }
    const auto add_known = [&json](const char* key, const std::string& text) {
        if (!text.empty()) {
            json.add(key, text);
        }
    };
    add_known("bridgeSerialNumber", identity.bridge_serial);
    add_known("partitionUuid", identity.partition_uuid);
    add_known("deviceMapperUuid", identity.device_mapper_uuid);
    add_known("backingFile", identity.backing_file);
    if (identity.backing) {
        json.add("backing", to_json(*identity.backing));
    }
    return json.take();
}

Json to_json(const BackingFile& file) {
    ObjectWriter json;
    json.add("deviceNumber", fmt::format("{}:{}", file.major, file.minor))
        .add("inode", std::to_string(file.inode))
        .add("offsetBytes", file.offset_bytes);
    if (!file.birth_time.empty()) {
        json.add("birthTime", file.birth_time);
    }
    return json.take();
}

}  // namespace efface::inventory
