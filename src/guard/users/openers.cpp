// SPDX-License-Identifier: Apache-2.0
#include "openers.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "efface/base/file.hpp"

namespace efface::guard {

using inventory::Folder;
using inventory::Listing;
using inventory::Reading;

namespace {

/// Descriptors that no storage is behind, by the text of their links: the kernel gives the paths of
/// files a slash in front.
bool is_no_storage(std::string_view link) {
    return !link.starts_with('/');
}

/// Character devices that lead to no disk: memory, terminals, miscellaneous ones
/// (Documentation/admin-guide/devices.txt).
bool leads_to_no_disk(unsigned major_number) {
    constexpr std::array<unsigned, 4> kMajors = {1, 4, 5, 10};
    constexpr unsigned kTerminals = 136;
    constexpr unsigned kTerminalsLast = 143;
    return std::find(kMajors.begin(), kMajors.end(), major_number) != kMajors.end() ||
           (major_number >= kTerminals && major_number <= kTerminalsLast);
}

void add_once(std::vector<std::string>& list, const std::string& process) {
    if (list.empty() || list.back() != process) {
        list.push_back(process);
    }
}

}  // namespace

void Openers::read_process(const Folder& proc, const std::string& process, const std::string& place,
                           bool live) {
    const Folder folder = proc.enter(place + "/fd");
    const Listing list = folder.list(".");
    const bool ended = list.error == ESRCH || list.error == ENOENT;  // since it was listed
    if (list.reading == Reading::unreadable && !ended && problem_.empty()) {
        problem_ = fmt::format("the open files of process {} cannot be read: {}", process,
                               errno_text(list.error));
    }
    std::array<char, 64> link;
    for (const std::string& name : list.names) {
        if (!live) {
            add_once(paths_[folder.link(name).text], process);
            continue;
        }
        // The text spares a question; it may be too long to be read.
        const ssize_t got =
            ::readlinkat(folder.descriptor(), name.c_str(), link.data(), link.size());
        // The kernel asks for the process as a whole whether we may look into it; those that /proc
        // does not show are named in efface(8), SAFETY.
        if (got < 0 && errno == EACCES) {
            return;
        }
        if (got > 0 && is_no_storage({link.data(), static_cast<std::size_t>(got)})) {
            continue;
        }
        // Without a word to a server that may not answer.
        struct statx status {};
        if (::statx(folder.descriptor(), name.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO,
                    &status) != 0) {
            continue;  // closed meanwhile, or behind a server that died
        }
        if (S_ISBLK(status.stx_mode)) {
            add_once(blocks_[makedev(status.stx_rdev_major, status.stx_rdev_minor)], process);
        } else if (S_ISCHR(status.stx_mode) && !leads_to_no_disk(status.stx_rdev_major)) {
            add_once(characters_[makedev(status.stx_rdev_major, status.stx_rdev_minor)], process);
        } else if (S_ISREG(status.stx_mode)) {
            add_once(files_[{makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino}],
                     process);
        }
    }
}

void Openers::read_new(const Folder& proc, const inventory::Processes& processes,
                       std::set<std::string>& seen) {
    const auto parents = processes.parents();
    const std::string own = inventory::own_process(view_);
    for (const auto& process : processes.list) {
        if (!seen.insert(process.id).second || process.kernel ||
            inventory::descends_from(process.id, own, parents)) {
            continue;
        }
        for (const auto& place : process.places) {
            read_process(proc, process.id, place, view_.live);
        }
    }
}

Openers Openers::read(const inventory::MachineState& machine) {
    constexpr int kRounds = 3;  // on some machines processes begin all the time
    Openers openers;
    openers.view_ = machine.view();
    auto processes = machine.processes();
    openers.problem_ = processes.problem;
    const Folder proc = Folder::open(openers.view_.proc);
    std::set<std::string> seen;
    openers.read_new(proc, processes, seen);
    // A process that was about to end may have left what it had open to one that it began.
    for (int round = 1; round < kRounds && openers.view_.live &&
                        inventory::add_new_processes(openers.view_, processes);
         ++round) {
        openers.read_new(proc, processes, seen);
    }
    return openers;
}

std::vector<Opener> Openers::named(const std::vector<std::string>& processes) const {
    const Folder proc = Folder::open(view_.proc);
    std::vector<Opener> result;
    for (const auto& process : processes) {
        Opener opener;
        opener.process = process;
        opener.program = inventory::safe_text(proc.enter(process).read("comm").text);
        opener.efface = inventory::runs_this_program(view_, process);
        result.push_back(std::move(opener));
    }
    return result;
}

std::vector<Opener> Openers::of_block(unsigned major_number, unsigned minor_number) const {
    const auto found = blocks_.find(makedev(major_number, minor_number));
    return found == blocks_.end() ? std::vector<Opener>{} : named(found->second);
}

std::vector<Opener> Openers::of_character(unsigned major_number, unsigned minor_number) const {
    const auto found = characters_.find(makedev(major_number, minor_number));
    return found == characters_.end() ? std::vector<Opener>{} : named(found->second);
}

std::vector<Opener> Openers::of_file(unsigned major_number, unsigned minor_number,
                                     std::uint64_t inode) const {
    const auto found = files_.find({makedev(major_number, minor_number), inode});
    return found == files_.end() ? std::vector<Opener>{} : named(found->second);
}

std::vector<Opener> Openers::of_path(const std::string& path) const {
    const auto found = paths_.find(path);
    return found == paths_.end() ? std::vector<Opener>{} : named(found->second);
}

}  // namespace efface::guard
