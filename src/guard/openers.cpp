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

#include "efface/base/file.hpp"

namespace efface::guard {

using inventory::Folder;
using inventory::Listing;
using inventory::Reading;

namespace {

/// Descriptors that no storage is behind, by the text of their links.
bool is_no_storage(std::string_view link) {
    constexpr std::array<std::string_view, 4> kPrefixes = {
        "socket:", "pipe:", "anon_inode:", "/dev/null"};
    return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                       [link](std::string_view prefix) { return link.starts_with(prefix); });
}

void add_once(std::vector<std::string>& list, const std::string& process) {
    if (list.empty() || list.back() != process) {
        list.push_back(process);
    }
}

/// The fourth field of /proc/PID/stat; the second is in brackets and may hold anything.
std::string parent_of(const std::string& stat) {
    const auto bracket = stat.rfind(") ");
    if (bracket == std::string::npos || stat.size() < bracket + 5) {
        return {};
    }
    const auto begin = bracket + 4;  // behind the state
    return stat.substr(begin, stat.find(' ', begin) - begin);
}

}  // namespace

void Openers::read_process(const Folder& proc, const std::string& process, bool live) {
    const Folder folder = proc.enter(process);
    const Listing list = folder.list("fd");
    if (list.reading == Reading::unreadable && list.error != ESRCH && problem_.empty()) {
        problem_ = fmt::format("what process {} has open: {}", process, errno_text(list.error));
    }
    if (list.names.empty()) {
        return;
    }
    const UniqueFd fds{
        live ? ::open((view_.proc / process / "fd").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)
             : -1};
    std::array<char, 64> link;
    for (const std::string& name : list.names) {
        if (!live) {
            add_once(paths_[folder.link("fd/" + name).text], process);
            continue;
        }
        const ssize_t got = ::readlinkat(fds.get(), name.c_str(), link.data(), link.size());
        if (got <= 0 || is_no_storage({link.data(), static_cast<std::size_t>(got)})) {
            continue;
        }
        // Without a word to a server that may not answer.
        struct statx status {};
        if (::statx(fds.get(), name.c_str(), AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &status) !=
            0) {
            continue;
        }
        if (S_ISBLK(status.stx_mode)) {
            add_once(blocks_[makedev(status.stx_rdev_major, status.stx_rdev_minor)], process);
        } else if (S_ISCHR(status.stx_mode)) {
            add_once(characters_[makedev(status.stx_rdev_major, status.stx_rdev_minor)], process);
        } else if (S_ISREG(status.stx_mode)) {
            add_once(files_[{makedev(status.stx_dev_major, status.stx_dev_minor), status.stx_ino}],
                     process);
        }
    }
}

Openers Openers::read(const inventory::SystemView& view) {
    Openers openers;
    openers.view_ = view;
    const Folder proc = Folder::open(view.proc);
    const Listing processes = proc.list(".");
    if (processes.reading != Reading::present) {
        openers.problem_ = "the list of processes can not be read";
    }
    const std::string own = view.live ? std::to_string(::getpid()) : std::string{};
    for (const std::string& process : processes.names) {
        if (!inventory::is_process(process) || process == own ||
            (view.live && parent_of(proc.enter(process).read("stat").text) == own)) {
            continue;
        }
        openers.read_process(proc, process, view.live);
    }
    return openers;
}

std::vector<Opener> Openers::named(const std::vector<std::string>& processes) const {
    const Folder proc = Folder::open(view_.proc);
    struct stat own {};
    const bool known = view_.live && ::stat("/proc/self/exe", &own) == 0;
    std::vector<Opener> result;
    for (const auto& process : processes) {
        Opener opener;
        opener.process = process;
        opener.program = inventory::safe_text(proc.enter(process).read("comm").text);
        struct stat program {};
        opener.efface = known && ::stat((view_.proc / process / "exe").c_str(), &program) == 0 &&
                        program.st_dev == own.st_dev && program.st_ino == own.st_ino;
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
