// SPDX-License-Identifier: Apache-2.0
#include "efface/inventory/folder.hpp"

#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "efface/base/json.hpp"

namespace efface::inventory {
namespace {

/// A device that goes away while it is read answers ENODEV or ENXIO: it is missing as well.
Reading reading_of_errno(int error) {
    return error == ENOENT || error == ENODEV || error == ENXIO ? Reading::missing
                                                                : Reading::unreadable;
}

int open_at(int folder, const std::string& name, int flags) {
    int fd = -1;
    do {
        fd = ::openat(folder, name.c_str(), flags | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

Attribute trimmed(Attribute attribute) {
    const std::size_t last = attribute.text.find_last_not_of(" \t\n");
    attribute.text.resize(last == std::string::npos ? 0 : last + 1);
    return attribute;
}

constexpr std::size_t kEntriesBytes = 8192;

/// Adds the names of what getdents64(2) gave. False when there are too many.
bool add_names(std::string_view entries, std::vector<std::string>& names) {
    std::size_t at = 0;
    while (at + offsetof(dirent64, d_name) < entries.size()) {
        std::uint16_t length = 0;
        std::memcpy(&length, entries.data() + at + offsetof(dirent64, d_reclen), sizeof length);
        EFFACE_ASSERT(length > offsetof(dirent64, d_name) && length <= entries.size() - at);
        const std::string_view name = entries.data() + at + offsetof(dirent64, d_name);
        at += length;
        if (name == "." || name == "..") {
            continue;
        }
        if (names.size() == kFolderEntriesMax) {
            return false;
        }
        names.emplace_back(name);
    }
    return true;
}

}  // namespace

Folder Folder::open(const std::filesystem::path& path) {
    UniqueFd fd{open_at(AT_FDCWD, path.string(), O_PATH | O_DIRECTORY)};
    const int error = fd ? 0 : errno;
    return {std::move(fd), error == 0 ? Reading::present : reading_of_errno(error), error};
}

Folder Folder::enter(const std::string& name) const {
    if (reading_ != Reading::present) {
        return {UniqueFd{}, reading_, error_};
    }
    UniqueFd fd{open_at(fd_.get(), name, O_PATH | O_DIRECTORY)};
    const int error = fd ? 0 : errno;
    return {std::move(fd), error == 0 ? Reading::present : reading_of_errno(error), error};
}

Attribute Folder::read_pieces(const std::string& name, std::size_t bytes_max, Pieces pieces) const {
    if (reading_ != Reading::present) {
        return {reading_, {}, error_};
    }
    const UniqueFd fd{open_at(fd_.get(), name, O_RDONLY)};
    if (!fd) {
        return {reading_of_errno(errno), {}, errno};
    }
    std::string text;
    std::array<char, kAttributeBytesMax> buffer;
    while (true) {
        const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return {reading_of_errno(errno), {}, errno};
        }
        if (got == 0) {
            return {Reading::present, std::move(text), 0};
        }
        if (static_cast<std::size_t>(got) > bytes_max - text.size()) {
            return {Reading::unreadable, {}, EFBIG};
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (pieces == Pieces::one && static_cast<std::size_t>(got) < buffer.size()) {
            return {Reading::present, std::move(text), 0};
        }
    }
}

Attribute Folder::read_raw(const std::string& name) const {
    return read_pieces(name, kAttributeBytesMax, Pieces::one);
}

Attribute Folder::read_raw(const std::string& name, std::size_t bytes_max) const {
    return read_pieces(name, bytes_max, Pieces::many);
}

Attribute Folder::read(const std::string& name) const {
    return trimmed(read_raw(name));
}

Attribute Folder::read(const std::string& name, std::size_t bytes_max) const {
    return trimmed(read_raw(name, bytes_max));
}

Attribute Folder::link(const std::string& name) const {
    if (reading_ != Reading::present) {
        return {reading_, {}, error_};
    }
    std::array<char, PATH_MAX> buffer;
    const ssize_t got = ::readlinkat(fd_.get(), name.c_str(), buffer.data(), buffer.size());
    if (got < 0) {
        return {reading_of_errno(errno), {}, errno};
    }
    return {Reading::present, std::string(buffer.data(), static_cast<std::size_t>(got)), 0};
}

Listing Folder::list(const std::string& name) const {
    if (reading_ != Reading::present) {
        return {reading_, {}, error_};
    }
    UniqueFd fd{open_at(fd_.get(), name, O_RDONLY | O_DIRECTORY)};
    if (!fd) {
        return {reading_of_errno(errno), {}, errno};
    }
    Listing listing{Reading::present, {}, 0};
    // Not readdir(3): two more system calls for each of many folders.
    std::array<char, kEntriesBytes> buffer;
    for (;;) {
        const ssize_t got = ::getdents64(fd.get(), buffer.data(), buffer.size());
        if (got < 0) {
            return {Reading::unreadable, {}, errno};
        }
        if (got == 0) {
            break;
        }
        if (!add_names({buffer.data(), static_cast<std::size_t>(got)}, listing.names)) {
            return {Reading::unreadable, {}, E2BIG};
        }
    }
    std::sort(listing.names.begin(), listing.names.end());
    return listing;
}

std::uint64_t number_or(const std::string& text, std::uint64_t fallback) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    return error == std::errc{} && stop == end && !text.empty() ? value : fallback;
}

std::string safe_text(const std::string& text) {
    std::string clean = text;
    std::replace_if(
        clean.begin(), clean.end(),
        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    const Json as_json = clean;
    const bool ascii = std::all_of(clean.begin(), clean.end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (ascii) {
        return clean;
    }
    // What is no UTF-8 becomes U+FFFD, so that the record can always be written.
    const std::string encoded = as_json.dump(-1, ' ', false, Json::error_handler_t::replace);
    return Json::parse(encoded).get<std::string>();
}

}  // namespace efface::inventory
