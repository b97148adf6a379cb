// SPDX-License-Identifier: Apache-2.0
#include "mount.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "efface/device/memory/memory_filesystem.hpp"

namespace efface::method {

namespace {

[[noreturn]] void refuse_hidden(const std::string& place,
                                const std::vector<inventory::MountFacts>& there) {
    std::string types;
    for (const auto& mount : there) {
        types += (types.empty() ? "" : ", ") + printable(mount.type);
    }
    const auto text =
        there.size() == 1
            ? fmt::format(
                  "{}: another mount is on top of it: its path leads elsewhere, not to this {}",
                  printable(place), types)
            : fmt::format(
                  "{}: several file systems are mounted there ({}), and its path reaches only the "
                  "last one",
                  printable(place), types);
    throw Error(ErrorCode::safety, ReasonCode::hidden_mount, text,
                "unmount the one on top, then run the command again");
}

[[noreturn]] void refuse_unmounted(const std::string& place) {
    throw Error(
        ErrorCode::usage, printable(place) + ": nothing is mounted there",
        "give the mount point itself; for a single file use memory:file:" + printable(place));
}

}  // namespace

std::string device_text(std::uint64_t device) {
    return fmt::format("{}:{}", major(device), minor(device));
}

std::optional<MemoryFilesystem> filesystem_of(const inventory::OpenedFacts& facts) {
    const auto name = device::memory_filesystem(facts.filesystem_magic);
    for (const auto filesystem :
         {MemoryFilesystem::tmpfs, MemoryFilesystem::ramfs, MemoryFilesystem::hugetlbfs}) {
        if (name == to_text(filesystem)) {
            return filesystem;
        }
    }
    return std::nullopt;
}

const char* to_text(MemoryFilesystem filesystem) {
    switch (filesystem) {
        case MemoryFilesystem::tmpfs:
            return "tmpfs";
        case MemoryFilesystem::ramfs:
            return "ramfs";
        case MemoryFilesystem::hugetlbfs:
            return "hugetlbfs";
    }
    return "unknown";
}

void add_origin(ObjectWriter& identity, const inventory::OpenedFacts& facts) {
    identity.add("mountId", facts.mount_id);
    if (facts.unique_mount_id) {
        identity.add("uniqueMountId", *facts.unique_mount_id);
    }
    if (!facts.birth.empty()) {
        identity.add("birth", facts.birth);
    }
}

void count_again(OpenedMount& opened) {
    struct statfs status {};
    if (::fstatfs(opened.root.get(), &status) != 0) {
        throw_errno(ErrorCode::internal, "finding what is in use in a mount failed", errno);
    }
    opened.counts_inodes = status.f_files > 0;
    opened.inodes = opened.counts_inodes ? status.f_files - status.f_ffree : 0;
    opened.counts_blocks = status.f_blocks > 0;
    opened.blocks = opened.counts_blocks ? status.f_blocks - status.f_bfree : 0;
}

OpenedMount open_mount(const std::string& place, const std::string& kind,
                       const inventory::SystemView& view) {
    const auto there = inventory::mounts_at(place, view);
    OpenedMount opened;
    opened.root.reset(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened.root && !there.empty()) {
        refuse_hidden(place, there);  // the list has it, and its path leads elsewhere
    }
    if (!opened.root && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) {
        throw_errno(ErrorCode::safety, printable(place) + ": opening failed", errno);
    }
    if (there.empty()) {
        refuse_unmounted(place);
    }
    const auto facts = inventory::opened_facts(opened.root.get());
    const auto mount = inventory::mount_with_id(facts.mount_id, view);
    if (there.size() > 1 || !mount || mount->target != place) {
        refuse_hidden(place, there);
    }
    const auto filesystem = filesystem_of(facts);
    if (mount->type != kind || !filesystem || to_text(*filesystem) != kind) {
        throw Error(ErrorCode::usage, fmt::format("{}: is a mount of {}, not of {}",
                                                  printable(place), printable(mount->type), kind));
    }
    if (makedev(mount->major, mount->minor) != facts.device) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    printable(place) + ": the opened mount is not the one in the list");
    }
    opened.mount = *mount;
    opened.device = facts.device;
    opened.changed = facts.changed;
    ObjectWriter identity;
    add_origin(identity, facts);
    identity.add("device", device_text(facts.device))
        .add("rootInode", facts.inode)
        .add("filesystem", kind)
        .add("source", mount->source);
    struct statfs status {};
    if (::fstatfs(opened.root.get(), &status) == 0 && status.f_blocks > 0) {
        identity.add("sizeBytes", static_cast<std::uint64_t>(status.f_blocks) *
                                      static_cast<std::uint64_t>(status.f_bsize));
    }
    opened.identity = identity.take();
    count_again(opened);
    return opened;
}

}  // namespace efface::method
