// SPDX-License-Identifier: Apache-2.0
// One mount of ours with its number and options, and where else its file system can be seen.
#include <fmt/format.h>
#include <libmount/libmount.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "efface/inventory/folder.hpp"
#include "efface/inventory/machine_state.hpp"
#include "efface/inventory/memory_facts.hpp"

#include "libmount_table.hpp"

namespace efface::inventory {
namespace {

[[noreturn]] void fail_list() {
    throw Error(ErrorCode::internal, "the list of mounts can not be read");
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
        mount.source = text_or_empty(mnt_fs_get_source(fs));
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

/// Adds what stands below `mount` and where its file system is seen elsewhere.
void add_neighbours(MountFacts& mount, const std::vector<MountFacts>& own, const SystemView& view) {
    for (const MountFacts& other : own) {
        if (other.id != mount.id && lies_within(other.target, mount.target)) {
            mount.below.push_back(other.target);
        }
        if (other.id != mount.id && other.major == mount.major && other.minor == mount.minor) {
            mount.elsewhere.push_back(other.target);
        }
    }
    const MountView all = read_mounts(view);
    for (const Mount& other : all.mounts) {
        // A copy of our namespace shows the same mount at the same place: it is no other way in.
        if (!other.process.empty() && other.major == mount.major && other.minor == mount.minor &&
            (other.target != mount.target || other.root != mount.root)) {
            mount.elsewhere.push_back(fmt::format("{} (process {})", other.target, other.process));
        }
    }
    mount.elsewhere.insert(mount.elsewhere.end(), all.problems.begin(), all.problems.end());
}

template <typename Matches>
std::optional<MountFacts> best_mount(const SystemView& view, const Matches& matches) {
    const std::vector<MountFacts> own = own_mounts(view);
    const MountFacts* best = nullptr;
    for (const MountFacts& mount : own) {
        // The later of two mounts on one folder hides the earlier.
        if (matches(mount) && (best == nullptr || mount.target.size() >= best->target.size())) {
            best = &mount;
        }
    }
    if (best == nullptr) {
        return std::nullopt;
    }
    MountFacts found = *best;
    add_neighbours(found, own, view);
    return found;
}

}  // namespace

std::optional<MountFacts> mount_at(const std::string& target, const SystemView& view) {
    return best_mount(view, [&](const MountFacts& mount) { return mount.target == target; });
}

std::optional<MountFacts> mount_of(const std::string& path, const SystemView& view) {
    return best_mount(view, [&](const MountFacts& mount) {
        return mount.target == path || lies_within(path, mount.target);
    });
}

}  // namespace efface::inventory
