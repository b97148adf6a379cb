// SPDX-License-Identifier: Apache-2.0
#include "file_uses.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>

#include "efface/device/linux_target.hpp"
#include "efface/device/memory/memory_target.hpp"

namespace efface::guard {

using inventory::BlockNode;
using inventory::Folder;
using inventory::Identity;
using inventory::Kind;
using inventory::Listing;
using inventory::MachineState;
using inventory::Mount;
using inventory::number_or;
using inventory::safe_text;
using inventory::Swap;
using inventory::without_deleted_mark;

namespace {

bool is_same_file(const std::string& path, const Identity& identity) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && status.st_ino == identity.inode &&
           status.st_dev == makedev(identity.major, identity.minor);
}

/// The path of a file within its file system, as the root field of a bind mount names it.
std::string path_in_filesystem(const Mount& mount, const std::string& path) {
    const std::string prefix = mount.target == "/" ? "" : mount.target;
    const std::string root = mount.root == "/" ? "" : mount.root;
    return root + path.substr(prefix.size());
}

bool is_loop_over(const MachineState& state, const BlockNode& loop, const Identity& identity,
                  UseWalk& walk) {
    const bool same_text = loop.backing_file == identity.canonical_path ||
                           without_deleted_mark(loop.backing_file) == identity.canonical_path;
    if (!state.view().live) {
        return same_text;
    }
    try {
        // No answer: it was detached since its name was read.
        const auto backing = device::loop_backing(inventory::device_path(state.view(), loop.name));
        return backing && backing->inode == identity.inode &&
               backing->device == makedev(identity.major, identity.minor);
    } catch (const Error& error) {
        walk.add(ReasonCode::unreadable_state, safe_text(error.what()));
        return same_text || is_same_file(loop.backing_file, identity);
    }
}

}  // namespace

std::vector<std::size_t> loops_over_file(const MachineState& state, const Identity& identity,
                                         UseWalk& walk) {
    std::vector<std::size_t> loops;
    const std::vector<BlockNode>& nodes = state.graph().nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if (nodes[i].kind == Kind::loop && !nodes[i].backing_file.empty() &&
            is_loop_over(state, nodes[i], identity, walk)) {
            loops.push_back(i);
        }
    }
    return loops;
}

void add_swap_file_uses(const MachineState& state, const Identity& identity, UseWalk& walk) {
    for (const Swap& swap : state.swaps()) {
        if (swap.path == identity.canonical_path ||
            (state.view().live && is_same_file(swap.path, identity))) {
            walk.add(ReasonCode::swap, "the file is a swap area");
        }
    }
}

void add_bind_mount_uses(const MachineState& state, const Identity& identity, UseWalk& walk) {
    const Mount* covering = state.covering_mount(identity.canonical_path);
    const unsigned major_number = covering == nullptr ? identity.major : covering->major;
    const unsigned minor_number = covering == nullptr ? identity.minor : covering->minor;
    for (const Mount& mount : state.mounts()) {
        if (mount.root == "/" || mount.major != major_number || mount.minor != minor_number) {
            continue;
        }
        const bool same_path = covering != nullptr &&
                               mount.root == path_in_filesystem(*covering, identity.canonical_path);
        const std::string seen_as =
            mount.process.empty()
                ? mount.target
                : (state.view().proc / mount.process / "root").string() + mount.target;
        if (same_path || (state.view().live && is_same_file(seen_as, identity))) {
            const std::string where =
                mount.process.empty() ? "" : fmt::format(" (process {})", mount.process);
            walk.add(ReasonCode::mounted, fmt::format("the file is bind-mounted at {}{}",
                                                      safe_text(mount.target), where));
        }
    }
}

void add_opened(const std::vector<Opener>& openers, const std::string& path, UseWalk& walk) {
    for (const auto& opener : openers) {
        if (opener.efface) {
            walk.add(ReasonCode::busy,
                     fmt::format("another efface (process {}) has {} open", opener.process, path));
        } else {
            walk.add(ReasonCode::opened, fmt::format("process {} ({}) has {} open", opener.process,
                                                     opener.program, path));
        }
    }
}

void add_file_openers(const Seen& seen, const Identity& identity, UseWalk& walk) {
    const auto openers = seen.machine.view().live
                             ? seen.openers.of_file(identity.major, identity.minor, identity.inode)
                             : seen.openers.of_path(identity.canonical_path);
    add_opened(openers, safe_text(identity.canonical_path), walk);
}

std::string why_read_only(const Identity& identity) {
    struct stat status {};
    const bool by_mode = ::stat(identity.canonical_path.c_str(), &status) == 0 &&
                         (status.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) == 0;
    return by_mode
               ? fmt::format("its mode {:04o} does not allow writing; run chmod u+w to erase it",
                             status.st_mode & 07777U)
               : "the file is immutable, or its file system is read-only";
}

bool is_file(const MachineState& state, const std::string& path, const std::string& other,
             unsigned major_number, unsigned minor_number, std::uint64_t inode) {
    if (!state.view().live) {
        return path == without_deleted_mark(other);
    }
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && status.st_ino == inode &&
           status.st_dev == makedev(major_number, minor_number);
}

namespace {

/// Whether a descriptor of this process fits.
template <typename Fits>
bool own_descriptor(const Fits& fits) {
    const Listing own = Folder::open("/proc/self").list("fd");
    return std::any_of(own.names.begin(), own.names.end(), [&](const std::string& name) {
        struct stat status {};
        return ::fstat(static_cast<int>(number_or(name, 0)), &status) == 0 && fits(status);
    });
}

}  // namespace

bool is_open_elsewhere(const Identity& identity) {
    const bool by_us = own_descriptor([&](const struct stat& status) {
        return S_ISREG(status.st_mode) && status.st_ino == identity.inode &&
               status.st_dev == makedev(identity.major, identity.minor);
    });
    if (by_us) {
        return false;
    }
    const UniqueFd fd{::open(identity.canonical_path.c_str(),
                             O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    return fd && device::open_elsewhere(fd.get()).value_or(false);
}

bool is_held_exclusively(const std::string& path, unsigned major_number, unsigned minor_number) {
    const dev_t number = makedev(major_number, minor_number);
    const bool by_us = own_descriptor([&](const struct stat& status) {
        return S_ISBLK(status.st_mode) && status.st_rdev == number;
    });
    if (by_us) {
        return false;
    }
    // For a moment this keeps others from an exclusive open, and only them.
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC)};
    return !fd && errno == EBUSY;
}

}  // namespace efface::guard
