// SPDX-License-Identifier: Apache-2.0
#include "census.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace efface::method {

namespace {

constexpr std::size_t kNamedMax = 16;                  ///< entries quoted for one objection
constexpr std::size_t kAttributeListBytesMax = 65536;  // XATTR_LIST_MAX
// What tmpfs charges: fs/xattr.c, simple_xattr_space(), in units of an inode (BOGO_INODE_SIZE).
constexpr std::uint64_t kAttributeBytes = 40;
constexpr std::uint64_t kInodeBytes = 1024;

void add_named(std::vector<std::string>& list, const std::string& path) {
    if (list.size() < kNamedMax) {
        list.push_back(path);
    }
}

}  // namespace

void Census::entry(const TreeEntry& entry) {
    entry.regular ? ++files : ++others;
    if (entry.regular &&
        (entry.links < 2 || seen_.size() >= kLinkedInodesMax || seen_.insert(entry.inode).second)) {
        bytes += entry.allocated_bytes;
        ask_whether_open(entry);
        if (filesystem_ == MemoryFilesystem::ramfs && entry.size_bytes > kResidentSearchBytesMax) {
            add_named(too_sparse, entry.path);
        }
    }
    note_immutable(entry);
    count_attributes(fmt::format("/proc/self/fd/{}/{}", entry.folder, entry.name));
}

void Census::folder(const TreeEntry& entry) {
    ++folders;
    note_immutable(entry);
    count_attributes(fmt::format("/proc/self/fd/{}/{}", entry.folder, entry.name));
}

void Census::root(int fd) {
    count_attributes(fmt::format("/proc/self/fd/{}/.", fd));
}

void Census::ask_whether_open(const TreeEntry& entry) {
    const UniqueFd fd(::openat(entry.folder, entry.name.c_str(),
                               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    const auto elsewhere = fd ? device::open_elsewhere(fd.get()) : std::nullopt;
    all_asked = all_asked && elsewhere.has_value();
    if (elsewhere.value_or(false)) {
        add_named(open, entry.path);
    }
}

void Census::note_immutable(const TreeEntry& entry) {
    if (entry.immutable) {
        add_named(immutable, entry.path);
    }
}

void Census::count_attributes(const std::string& path) {
    if (filesystem_ != MemoryFilesystem::tmpfs) {
        return;  // the others do not charge them
    }
    ssize_t length = ::llistxattr(path.c_str(), nullptr, 0);
    if (length == 0 || (length < 0 && errno == ENOTSUP)) {
        return;
    }
    std::string names(kAttributeListBytesMax, '\0');
    length = ::llistxattr(path.c_str(), names.data(), names.size());
    if (length < 0) {
        attributes_known_ = attributes_known_ && errno == ENOENT;  // gone meanwhile
        return;
    }
    names.resize(static_cast<std::size_t>(length));
    for (std::size_t at = 0; at < names.size();) {
        const std::string name = names.c_str() + at;
        at += name.size() + 1;
        const ssize_t value = ::lgetxattr(path.c_str(), name.c_str(), nullptr, 0);
        ++attributes_;
        attribute_bytes_ += kAttributeBytes + name.size();
        if (value < 0) {
            attributes_known_ = false;
        } else {
            attribute_bytes_ += static_cast<std::uint64_t>(value);
        }
    }
}

/// As many as attributes can stand for on any kernel: an inode each, and what they hold.
std::uint64_t Census::inodes_of_attributes() const {
    return attributes_ == 0 ? 0 : attributes_ + attribute_bytes_ / kInodeBytes + 1;
}

std::uint64_t Census::removed_files(std::uint64_t inodes_in_use) const {
    const std::uint64_t named = names() + 1 + inodes_of_attributes();
    return attributes_known_ && inodes_in_use > named ? inodes_in_use - named : 0;
}

bool Census::may_hide_removed_files(std::uint64_t inodes_in_use) const {
    return inodes_in_use > names() + 1;
}

}  // namespace efface::method
