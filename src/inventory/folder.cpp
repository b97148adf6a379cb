// SPDX-License-Identifier: Apache-2.0
#include "folder.hpp"

#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <memory>

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

struct DirCloser {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

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

Attribute Folder::read_raw(const std::string& name, std::size_t bytes_max) const {
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
    }
}

Attribute Folder::read(const std::string& name, std::size_t bytes_max) const {
    Attribute attribute = read_raw(name, bytes_max);
    const std::size_t last = attribute.text.find_last_not_of(" \t\n");
    attribute.text.resize(last == std::string::npos ? 0 : last + 1);
    return attribute;
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
    const std::unique_ptr<DIR, DirCloser> folder{::fdopendir(fd.get())};
    if (!folder) {
        return {Reading::unreadable, {}, errno};
    }
    static_cast<void>(fd.release());  // closedir() closes it
    Listing listing{Reading::present, {}, 0};
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(folder.get());
        if (entry == nullptr) {
            break;
        }
        const std::string_view entry_name = entry->d_name;
        if (entry_name == "." || entry_name == "..") {
            continue;
        }
        if (listing.names.size() == kFolderEntriesMax) {
            return {Reading::unreadable, {}, E2BIG};
        }
        listing.names.emplace_back(entry_name);
    }
    if (errno != 0) {
        return {Reading::unreadable, {}, errno};
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

bool is_process(const std::string& name) {
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

}  // namespace efface::inventory
