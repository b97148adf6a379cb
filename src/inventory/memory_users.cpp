// SPDX-License-Identifier: Apache-2.0
// Which processes hold a file or any file of a file system: open, mapped, as working folder, as
// root or as program.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <sstream>

#include "efface/inventory/memory_facts.hpp"

#include "folder.hpp"

namespace efface::inventory {
namespace {

constexpr std::size_t kMapsBytesMax = std::size_t{64} << 20U;
constexpr std::size_t kUsersMax = 64;  ///< named; the rest is only counted
constexpr int kHexadecimal = 16;

bool is_process(const std::string& name) {
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

bool matches(const FileKey& key, const struct stat& status) {
    if (key.device_number && S_ISCHR(status.st_mode) && status.st_rdev == *key.device_number) {
        return true;
    }
    return status.st_dev == key.device && (!key.inode || status.st_ino == *key.inode);
}

/// Follows one link of /proc/PID as the kernel does, past any path.
bool link_matches(const FileKey& key, const std::filesystem::path& link) {
    struct stat status {};
    return ::stat(link.c_str(), &status) == 0 && matches(key, status);
}

std::optional<std::uint64_t> number(std::string_view text, int base) {
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc{} || stop != text.data() + text.size() || text.empty()) {
        return std::nullopt;
    }
    return value;
}

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
    return major_number && minor_number && inode && *inode != 0 &&
           makedev(static_cast<unsigned>(*major_number), static_cast<unsigned>(*minor_number)) ==
               key.device &&
           (!key.inode || *key.inode == *inode);
}

bool gone(const Listing& listing) {
    return listing.reading == Reading::missing || listing.error == ESRCH;
}
bool gone(const Attribute& attribute) {
    return attribute.reading == Reading::missing || attribute.error == ESRCH;
}

/// How the process uses it; empty: it does not.
std::string use_by(const FileKey& key, const Folder& folder, const std::filesystem::path& path) {
    for (const char* link : {"cwd", "root", "exe"}) {
        if (link_matches(key, path / link)) {
            return fmt::format("as {}", link);
        }
    }
    const Listing open = folder.list("fd");
    if (open.reading != Reading::present && !gone(open)) {
        return fmt::format("perhaps: its open files can not be read ({})", errno_text(open.error));
    }
    for (const std::string& name : open.names) {
        if (link_matches(key, path / "fd" / name)) {
            return "open: " + safe_text(folder.link("fd/" + name).text);
        }
    }
    const Attribute maps = folder.read("maps", kMapsBytesMax);
    if (!maps.present() && !gone(maps)) {
        return fmt::format("perhaps: its mapped files can not be read ({})",
                           errno_text(maps.error));
    }
    std::istringstream lines(maps.text);
    for (std::string line; std::getline(lines, line);) {
        if (map_line_matches(key, line)) {
            return "mapped";
        }
    }
    return {};
}

}  // namespace

std::vector<std::string> processes_using(const FileKey& key, const SystemView& view) {
    std::vector<std::string> users;
    const Folder proc = Folder::open(view.proc);
    const Listing processes = proc.list(".");
    if (processes.reading != Reading::present) {
        users.emplace_back("the list of processes can not be read");
    }
    std::size_t unnamed = 0;
    for (const std::string& name : processes.names) {
        if (!is_process(name)) {
            continue;
        }
        const Folder folder = proc.enter(name);
        const std::string use = use_by(key, folder, view.proc / name);
        if (use.empty()) {
            continue;
        }
        if (users.size() == kUsersMax) {
            ++unnamed;
            continue;
        }
        users.push_back(fmt::format("process {} ({}) has it {}", name,
                                    safe_text(folder.read("comm").text), use));
    }
    if (unnamed > 0) {
        users.push_back(fmt::format("and {} more processes", unnamed));
    }
    return users;
}

}  // namespace efface::inventory
