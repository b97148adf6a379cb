// SPDX-License-Identifier: Apache-2.0
// One mount of ours by its number, which an open descriptor gives; and where else its file system
// can be seen.
#include <fcntl.h>
#include <fmt/format.h>
#include <libmount/libmount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <sstream>

#include "efface/inventory/folder.hpp"
#include "efface/inventory/machine_state.hpp"
#include "efface/inventory/memory_facts.hpp"

#include "host/libmount_table.hpp"

namespace efface::inventory {
namespace {

constexpr unsigned kStatxMountIdUnique = 0x4000;   // STATX_MNT_ID_UNIQUE of linux/stat.h, Linux 6.8
constexpr std::uint64_t kMagicMask = 0xffffffffU;  // f_type is signed in places

[[noreturn]] void fail_list() {
    throw Error(ErrorCode::internal, "the list of mounts cannot be read");
}

std::vector<MountFacts> own_mounts(const SystemView& view) {
    Attribute text =
        Folder::open(view.proc).enter("self").read_raw("mountinfo", kMountinfoBytesMax);
    if (!text.present() || text.text.empty()) {
        fail_list();
    }
    const MountTable table = parse_mountinfo_text(text.text);
    const std::unique_ptr<libmnt_iter, IterRelease> iter{mnt_new_iter(MNT_ITER_FORWARD)};
    if (!table || !iter) {
        fail_list();
    }
    std::vector<MountFacts> mounts;
    libmnt_fs* fs = nullptr;
    while (mnt_table_next_fs(table.get(), iter.get(), &fs) == 0) {
        if (mounts.size() == kMountsMax) {
            fail_list();
        }
        const dev_t number = mnt_fs_get_devno(fs);
        MountFacts mount;
        mount.id = static_cast<std::uint64_t>(std::max(mnt_fs_get_id(fs), 0));
        mount.major = major(number);
        mount.minor = minor(number);
        mount.root = text_or_empty(mnt_fs_get_root(fs));
        mount.target = text_or_empty(mnt_fs_get_target(fs));
        mount.type = text_or_empty(mnt_fs_get_fstype(fs));
        mount.source = printable(text_or_empty(mnt_fs_get_source(fs)));
        mount.options = text_or_empty(mnt_fs_get_options(fs));
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

bool lies_within(const std::string& path, const std::string& folder) {
    return folder == "/" ? path.size() > 1
                         : path.size() > folder.size() && path.starts_with(folder) &&
                               path[folder.size()] == '/';
}

std::string in_process(const std::string& process) {
    return process.empty() ? "" : fmt::format(" (process {})", process);
}

/// Folders that an overlay is made of, as its own mount namespace names them.
std::vector<std::string> layers_of(const Mount& overlay) {
    std::vector<std::string> folders;
    std::istringstream options(overlay.options);
    for (std::string option; std::getline(options, option, ',');) {
        const auto equals = option.find('=');
        const auto key = option.substr(0, equals);
        if (equals == std::string::npos || (key.find("dir") == std::string::npos)) {
            continue;
        }
        std::istringstream list(option.substr(equals + 1));
        for (std::string folder; std::getline(list, folder, ':');) {
            folders.push_back(folder);
        }
    }
    return folders;
}

/// Overlays that have a layer on this file system use its files, without having them open.
void add_overlays(MountFacts& mount, const MountView& all, const SystemView& view) {
    for (const Mount& overlay : all.mounts) {
        const auto root = overlay.process.empty() ? std::string{}
                                                  : (view.proc / overlay.process / "root").string();
        const auto folders = layers_of(overlay);
        const bool ours =
            std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
                struct stat status {};
                return folder.starts_with('/') && ::stat((root + folder).c_str(), &status) == 0 &&
                       major(status.st_dev) == mount.major && minor(status.st_dev) == mount.minor;
            });
        if (ours) {
            mount.elsewhere.push_back(fmt::format("{}{}, as a layer of an overlay",
                                                  printable(overlay.target),
                                                  in_process(overlay.process)));
        }
    }
}

/// What is in it in other mount namespaces only: to remove its folder would detach it there.
void add_below_elsewhere(MountFacts& mount, const MountView& all) {
    for (const Mount& seen : all.mounts) {
        if (seen.process.empty() || seen.major != mount.major || seen.minor != mount.minor) {
            continue;
        }
        for (const Mount& other : all.mounts) {
            if (other.process != seen.process || !lies_within(other.target, seen.target)) {
                continue;
            }
            const auto name = printable(other.target);
            if (std::find(mount.below.begin(), mount.below.end(), name) == mount.below.end()) {
                mount.below.push_back(name + in_process(other.process));
            }
        }
    }
}

/// Adds what is below `mount` and where its file system is seen elsewhere.
void add_neighbours(MountFacts& mount, const std::vector<MountFacts>& own, const SystemView& view) {
    for (const MountFacts& other : own) {
        if (other.id != mount.id && lies_within(other.target, mount.target)) {
            mount.below.push_back(printable(other.target));
        }
        if (other.id != mount.id && other.major == mount.major && other.minor == mount.minor) {
            mount.elsewhere.push_back(printable(other.target));
        }
    }
    const MountView all = read_mounts(view, read_processes(view));
    for (const Mount& other : all.mounts) {
        // A copy of our namespace shows the same mount at the same place: it is no other way in.
        if (!other.process.empty() && other.major == mount.major && other.minor == mount.minor &&
            (other.target != mount.target || other.root != mount.root)) {
            mount.elsewhere.push_back(printable(other.target) + in_process(other.process));
        }
    }
    add_below_elsewhere(mount, all);
    add_overlays(mount, all, view);
    mount.elsewhere.insert(mount.elsewhere.end(), all.problems.begin(), all.problems.end());
}

/// The mount number of a descriptor on a kernel whose statx(2) does not give it (before 5.8).
std::uint64_t mount_id_by_fdinfo(int fd) {
    const Attribute text =
        Folder::open("/proc/self/fdinfo").read(std::to_string(fd), kAttributeBytesMax);
    std::istringstream words(text.text);
    for (std::string word; words >> word;) {
        if (std::string value; word == "mnt_id:" && words >> value) {
            return number_or(value, 0);
        }
    }
    throw Error(ErrorCode::internal, "the kernel does not report which mount an open file is on");
}

}  // namespace

OpenedFacts opened_facts(int fd) {
    struct statx status {};
    struct statfs space {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &status) !=
            0 ||
        ::fstatfs(fd, &space) != 0) {
        throw_errno(ErrorCode::internal, "reading the type of an open file failed", errno);
    }
    OpenedFacts facts;
    facts.mount_id =
        (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : mount_id_by_fdinfo(fd);
    facts.device = makedev(status.stx_dev_major, status.stx_dev_minor);
    facts.inode = status.stx_ino;
    const auto text = [](const struct statx_timestamp& time) {
        return fmt::format("{}.{:09}", time.tv_sec, time.tv_nsec);
    };
    if ((status.stx_mask & STATX_BTIME) != 0) {
        facts.birth = text(status.stx_btime);
    }
    facts.changed = text(status.stx_ctime);
    facts.filesystem_magic = static_cast<std::uint64_t>(space.f_type) & kMagicMask;
    struct statx unique {};
    if (::statx(fd, "", AT_EMPTY_PATH, kStatxMountIdUnique, &unique) == 0 &&
        (unique.stx_mask & kStatxMountIdUnique) != 0) {
        facts.unique_mount_id = unique.stx_mnt_id;
    }
    return facts;
}

bool MountFacts::has_option(std::string_view option) const {
    std::istringstream words(options);
    for (std::string word; std::getline(words, word, ',');) {
        if (word == option) {
            return true;
        }
    }
    return false;
}

std::optional<MountFacts> mount_with_id(std::uint64_t id, const SystemView& view) {
    const std::vector<MountFacts> own = own_mounts(view);
    const auto found = std::find_if(own.begin(), own.end(),
                                    [&](const MountFacts& mount) { return mount.id == id; });
    if (found == own.end()) {
        return std::nullopt;
    }
    MountFacts mount = *found;
    add_neighbours(mount, own, view);
    return mount;
}

std::vector<MountFacts> mounts_at(const std::string& target, const SystemView& view) {
    std::vector<MountFacts> own = own_mounts(view);
    std::erase_if(own, [&](const MountFacts& mount) { return mount.target != target; });
    return own;
}

}  // namespace efface::inventory
