// SPDX-License-Identifier: Apache-2.0
// Mounts of our own mount namespace and of every other one that a process lives in: a disk that is
// mounted only inside a container is in use all the same.
#include <fmt/format.h>
#include <libmount/libmount.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <utility>

#include "efface/base/digest.hpp"
#include "efface/inventory/folder.hpp"
#include "efface/inventory/machine_state.hpp"

#include "libmount_table.hpp"

namespace efface::inventory {
namespace {

struct FreeRelease {
    void operator()(char* text) const noexcept {
        // NOLINTNEXTLINE(cppcoreguidelines-no-malloc,cppcoreguidelines-owning-memory): libmount's
        std::free(text);
    }
};

/// False when the text is not mountinfo.
bool parse_mountinfo(std::string& text, const std::string& process, std::vector<Mount>& into) {
    if (text.empty()) {
        return true;  // a process that sees nothing
    }
    const MountTable table = parse_mountinfo_text(text);
    const std::unique_ptr<libmnt_iter, IterRelease> iter{mnt_new_iter(MNT_ITER_FORWARD)};
    if (!table || !iter) {
        return false;
    }
    libmnt_fs* fs = nullptr;
    while (mnt_table_next_fs(table.get(), iter.get(), &fs) == 0) {
        if (into.size() == kMountsMax) {
            return false;
        }
        const dev_t number = mnt_fs_get_devno(fs);
        Mount mount;
        mount.major = major(number);
        mount.minor = minor(number);
        mount.root = text_or_empty(mnt_fs_get_root(fs));
        mount.target = text_or_empty(mnt_fs_get_target(fs));
        mount.type = text_or_empty(mnt_fs_get_fstype(fs));
        mount.source = text_or_empty(mnt_fs_get_source(fs));
        mount.options = mount.type == "overlay" ? text_or_empty(mnt_fs_get_options(fs)) : "";
        mount.process = process;
        into.push_back(std::move(mount));
    }
    return true;
}

/// Linux answers so for a process that ends while it is asked.
bool process_ended(const Attribute& attribute) {
    return attribute.reading == Reading::missing || attribute.error == ESRCH ||
           attribute.error == EINVAL;
}

/// Reads the mounts of one process unless its namespace and root, or the very same list, were seen
/// already. False when they cannot be read; a process that ended has none.
bool add_process(const Folder& proc, const std::string& process, bool own,
                 std::set<std::string>& seen, MountView& view) {
    const Attribute space = proc.link(process + "/ns/mnt");
    const Attribute root = proc.link(process + "/root");
    if (!own && (process_ended(space) || process_ended(root))) {
        return true;
    }
    // A process behind chroot(2) sees only what lies below its root. The links of others may be
    // hidden from us although the list itself can be read: then the list is its own key.
    const bool known_by_links = space.present() && root.present();
    const std::string key = space.text + " " + root.text;
    if (known_by_links && seen.contains(key)) {
        return true;
    }
    Attribute text = proc.read_raw(process + "/mountinfo", kMountinfoBytesMax);
    if (!own && process_ended(text)) {
        return true;  // another process of that namespace may still tell
    }
    if (!text.present() || seen.size() >= kNamespacesMax) {
        return false;
    }
    if (known_by_links) {
        seen.insert(key);
    }
    if (!seen.insert(sha256_hex(text.text)).second) {
        return true;
    }
    return parse_mountinfo(text.text, own ? "" : process, view.mounts);
}

}  // namespace

MountView read_mounts(const SystemView& view, const Processes& processes) {
    MountView result;
    const Folder proc = Folder::open(view.proc);
    std::set<std::string> seen;
    if (!add_process(proc, "self", true, seen, result)) {
        result.problems.emplace_back("the list of mounts cannot be read");
    }
    if (!processes.problem.empty()) {
        result.problems.push_back(processes.problem);
    }
    std::size_t unreadable = 0;
    std::string first;
    bool kernel = false;
    for (const Process& process : processes.list) {
        if (process.kernel && kernel) {
            continue;  // one of them stands for all
        }
        kernel = kernel || process.kernel;
        for (const auto& place : process.places) {
            if (!add_process(proc, place, false, seen, result)) {
                first = unreadable++ == 0 ? place : first;
            }
        }
    }
    if (unreadable > 0) {
        result.problems.push_back(
            fmt::format("the mounts of {} processes cannot be read, the first is process {}",
                        unreadable, first));
    }
    return result;
}

std::optional<std::vector<std::string>> read_swaps(const SystemView& view, std::string& problem) {
    const Attribute text = Folder::open(view.proc).read("swaps", kSwapsBytesMax);
    std::vector<std::string> swaps;
    if (text.reading == Reading::missing) {
        return swaps;  // a kernel without swap
    }
    if (!text.present()) {
        problem = fmt::format("the list of swap areas: {}", errno_text(text.error));
        return std::nullopt;
    }
    std::size_t begin = text.text.find('\n');  // behind the heading
    while (begin != std::string::npos) {
        const std::size_t end = text.text.find('\n', ++begin);
        const std::string line = text.text.substr(begin, end - begin);
        const std::size_t name_end = line.find_first_of(" \t");
        const std::unique_ptr<char, FreeRelease> name{
            mnt_unmangle(line.substr(0, name_end).c_str())};
        if (!name || name_end == std::string::npos) {
            problem = "the list of swap areas has an unknown format";
            return std::nullopt;
        }
        swaps.push_back(without_deleted_mark(name.get()));
        begin = end;
    }
    return swaps;
}

}  // namespace efface::inventory
