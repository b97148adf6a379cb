// SPDX-License-Identifier: Apache-2.0
// Which processes hold a file or any file of a file system: open, mapped, as working folder, as
// root or as program.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <sstream>

#include "efface/inventory/folder.hpp"
#include "efface/inventory/memory_facts.hpp"
#include "efface/inventory/processes.hpp"

namespace efface::inventory {
namespace {

constexpr std::size_t kMapsBytesMax = std::size_t{64} << 20U;
constexpr std::size_t kUsersMax = 64;  ///< named; the rest is only counted
constexpr int kHexadecimal = 16;

bool matches(const FileKey& key, const struct stat& status) {
    const bool device = key.is_block ? S_ISBLK(status.st_mode) : S_ISCHR(status.st_mode);
    if (key.device_number && device && status.st_rdev == *key.device_number) {
        return true;
    }
    return !key.segment && status.st_dev == key.device &&
           (!key.inode || status.st_ino == *key.inode);
}

enum class Match { no, yes, refused };

Match refused_or_no(int error) {
    return error == EACCES || error == EPERM ? Match::refused : Match::no;
}

/// Follows one link of /proc/PID as the kernel does, past any path.
Match match_link(const FileKey& key, const std::filesystem::path& link) {
    struct stat status {};
    if (::stat(link.c_str(), &status) != 0) {
        return refused_or_no(errno);
    }
    return matches(key, status) ? Match::yes : Match::no;
}

std::optional<std::uint64_t> number(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || stop != text.data() + text.size() || text.empty()) {
        return std::nullopt;
    }
    return value;
}

/// How the kernel shows a System V segment in maps: its inode is the number of the segment.
constexpr std::string_view kSegmentPath = "/SYSV";

/// A line of /proc/PID/maps: address perms offset major:minor inode path.
bool map_line_matches(const FileKey& key, const std::string& line) {
    std::istringstream words(line);
    std::string skip;
    std::string device;
    std::string inode_text;
    if (!(words >> skip >> skip >> skip >> device >> inode_text)) {
        return false;
    }
    const std::size_t colon = device.find(':');
    if (colon == std::string::npos) {
        return false;
    }
    const auto major_number = number(std::string_view(device).substr(0, colon), kHexadecimal);
    const auto minor_number = number(std::string_view(device).substr(colon + 1), kHexadecimal);
    const auto inode = number(inode_text, 10);
    if (key.segment) {
        std::string path;
        return words >> path && path.starts_with(kSegmentPath) && inode == key.segment;
    }
    return major_number && minor_number && inode && *inode != 0 &&
           makedev(static_cast<unsigned>(*major_number), static_cast<unsigned>(*minor_number)) ==
               key.device &&
           (!key.inode || *key.inode == *inode);
}

/// What was seen of one process.
struct Seen {
    std::string use;  ///< empty: it does not use it as far as could be seen
    bool examined = true;
};

Seen look_at(const FileKey& key, const Folder& folder, const std::filesystem::path& path) {
    Seen seen;
    const auto follow = [&](const std::filesystem::path& link) {
        const Match match = match_link(key, link);
        seen.examined = seen.examined && match != Match::refused;
        return match == Match::yes;
    };
    for (const char* link : {"cwd", "root", "exe"}) {
        if (follow(path / link)) {
            seen.use = fmt::format("as {}", link);
            return seen;
        }
    }
    const Listing open = folder.list("fd");
    seen.examined = seen.examined && (open.reading != Reading::unreadable || open.error == ESRCH);
    for (const std::string& name : open.names) {
        if (follow(path / "fd" / name)) {
            seen.use = "open: " + printable(folder.link("fd/" + name).text);
            return seen;
        }
        if (!seen.examined && folder.link("fd/" + name).error == EACCES) {
            break;  // the process as a whole is not shown
        }
    }
    const Attribute maps = folder.read("maps", kMapsBytesMax);
    seen.examined = seen.examined && (maps.reading != Reading::unreadable || maps.error == ESRCH);
    std::istringstream lines(maps.text);
    for (std::string line; std::getline(lines, line);) {
        if (map_line_matches(key, line)) {
            seen.use = "mapped";
            return seen;
        }
    }
    return seen;
}

template <typename Entry>
void add_bounded(std::vector<Entry>& list, Entry entry) {
    if (list.size() < kUsersMax) {
        list.push_back(std::move(entry));
    } else if (list.size() == kUsersMax) {
        list.push_back({"and more processes"});
    }
}

/// Segments of another namespace have numbers of their own.
bool shares_ipc(const std::filesystem::path& process) {
    struct stat own {};
    struct stat other {};
    return ::stat("/proc/self/ns/ipc", &own) == 0 &&
           ::stat((process / "ns" / "ipc").c_str(), &other) == 0 && own.st_ino == other.st_ino;
}

}  // namespace

FileUsers processes_using(const FileKey& key, const SystemView& view) {
    FileUsers result;
    const Folder proc = Folder::open(view.proc);
    const Processes processes = read_processes(view);
    if (!processes.problem.empty()) {
        result.users.push_back({processes.problem});
    }
    const std::string own = own_process(view);
    const auto parents = processes.parents();
    for (const auto& process : processes.list) {
        if (process.kernel) {
            continue;
        }
        const std::string& name = process.id;
        const Folder folder = proc.enter(name);
        if (key.segment && !shares_ipc(view.proc / name)) {
            continue;
        }
        Seen seen;
        for (const auto& place : process.places) {
            const Seen here = look_at(key, proc.enter(place), view.proc / place);
            seen.use = seen.use.empty() ? here.use : seen.use;
            seen.examined = seen.examined && here.examined;
        }
        if (seen.use.empty() && seen.examined) {
            continue;
        }
        const std::string who =
            fmt::format("process {} ({})", name, printable(folder.read("comm").text));
        if (seen.use.empty()) {
            add_bounded(result.not_examined, who);
        } else {
            const bool efface = !descends_from(name, own, parents) && runs_this_program(view, name);
            add_bounded(result.users, {who + " has it " + seen.use, efface});
        }
    }
    return result;
}

}  // namespace efface::inventory
