// SPDX-License-Identifier: Apache-2.0
#include "efface/base/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

namespace efface {

namespace fs = std::filesystem;

namespace {

UniqueFd open_or_errno(const fs::path& path, int flags, unsigned mode) {
    int fd = -1;
    do {
        fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return UniqueFd(fd);
}

/// PIPEFS_MAGIC: what a shell's <(command) is. It has a writer, unlike a FIFO of which nobody
/// knows.
constexpr long kPipeFilesystem = 0x50495045;

/// Opens for reading; an empty descriptor when there is no such file. Never waits for a writer.
UniqueFd open_existing(const fs::path& path) {
    UniqueFd fd = open_or_errno(path, O_RDONLY | O_NONBLOCK, 0);
    if (!fd && errno != ENOENT && errno != ENOTDIR) {
        throw_errno(ErrorCode::internal, path.string(), errno);
    }
    if (!fd) {
        return fd;
    }
    struct stat status {};
    struct statfs system {};
    if (::fstat(fd.get(), &status) != 0 || ::fstatfs(fd.get(), &system) != 0) {
        throw_errno(ErrorCode::internal, path.string(), errno);
    }
    if (S_ISDIR(status.st_mode) ||
        (S_ISFIFO(status.st_mode) && static_cast<long>(system.f_type) != kPipeFilesystem)) {
        throw Error(ErrorCode::usage,
                    path.string() + (S_ISDIR(status.st_mode) ? ": is a folder" : ": is a FIFO"),
                    "name a regular file");
    }
    const int flags = ::fcntl(fd.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
        throw_errno(ErrorCode::internal, path.string(), errno);
    }
    return fd;
}

/// Reads to the end of the file, at most `room.size()` bytes; returns how many.
std::size_t read_up_to(int fd, MutableByteView room, const fs::path& path) {
    std::size_t have = 0;
    while (have < room.size()) {
        const ssize_t got = ::read(fd, room.data() + have, room.size() - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw_errno(ErrorCode::internal, path.string(), errno);
        }
        if (got == 0) {
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    return have;
}

[[noreturn]] void too_large(const fs::path& path, std::size_t bytes_max) {
    throw Error(ErrorCode::usage,
                path.string() + ": larger than " + std::to_string(bytes_max) + " bytes");
}

/// A buffer of the file's size (at least one byte more, so that growth is noticed).
std::size_t room_for(int fd, std::size_t bytes_max, const fs::path& path) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        throw_errno(ErrorCode::internal, path.string(), errno);
    }
    const auto size = static_cast<std::uint64_t>(status.st_size > 0 ? status.st_size : 0);
    if (size > bytes_max) {
        too_large(path, bytes_max);
    }
    // Files of /proc and /sys say 0: give them the whole allowance.
    return S_ISREG(status.st_mode) && size > 0 ? static_cast<std::size_t>(size) + 1 : bytes_max + 1;
}

}  // namespace

void UniqueFd::reset(int fd) noexcept {
    if (fd_ >= 0) {
        const int saved = errno;
        (void)::close(fd_);
        errno = saved;
    }
    fd_ = fd;
}

UniqueFd open_file(const fs::path& path, int flags, unsigned mode, ErrorCode code) {
    UniqueFd fd = open_or_errno(path, flags, mode);
    if (!fd) {
        throw_errno(code, path.string(), errno);
    }
    return fd;
}

std::optional<Bytes> read_file(const fs::path& path, std::size_t bytes_max) {
    const UniqueFd fd = open_existing(path);
    if (!fd) {
        return std::nullopt;
    }
    Bytes bytes(room_for(fd.get(), bytes_max, path));
    bytes.resize(read_up_to(fd.get(), bytes, path));
    if (bytes.size() > bytes_max) {
        too_large(path, bytes_max);
    }
    return bytes;
}

std::optional<std::string> read_text_file(const fs::path& path, std::size_t bytes_max) {
    const auto bytes = read_file(path, bytes_max);
    if (!bytes) {
        return std::nullopt;
    }
    return std::string(as_text(*bytes));
}

std::optional<SecretBytes> read_secret_file(const fs::path& path, std::size_t bytes_max) {
    const UniqueFd fd = open_existing(path);
    if (!fd) {
        return std::nullopt;
    }
    SecretBytes bytes(room_for(fd.get(), bytes_max, path));
    const std::size_t have = read_up_to(fd.get(), bytes.view(), path);
    if (have > bytes_max) {
        too_large(path, bytes_max);
    }
    bytes.shrink(have);
    return bytes;
}

void write_all(int fd, ByteView bytes, const std::string& what) {
    while (!bytes.empty()) {
        const ssize_t done = ::write(fd, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            throw_errno(ErrorCode::internal, what, errno);
        }
        if (done == 0) {
            throw_errno(ErrorCode::internal, what, EIO);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
}

void sync_fd(int fd, const std::string& what) {
    if (::fsync(fd) != 0) {
        throw_errno(ErrorCode::internal, "flushing " + what + " failed", errno);
    }
}

void sync_directory(const fs::path& directory) {
    const UniqueFd fd = open_file(directory, O_RDONLY | O_DIRECTORY);
    sync_fd(fd.get(), directory.string());
}

namespace {

/// A file beside `path` that no other process writes; what a killed one left is taken over.
UniqueFd open_temporary(const fs::path& path, unsigned mode, fs::path& temporary) {
    constexpr unsigned kNamesMax = 16;
    for (unsigned i = 0; i < kNamesMax; ++i) {
        temporary = path;
        temporary += i == 0 ? ".tmp" : "." + std::to_string(i) + ".tmp";
        UniqueFd fd = open_file(temporary, O_WRONLY | O_CREAT | O_NOFOLLOW, mode);
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
            continue;
        }
        struct stat held {};
        struct stat named {};
        const bool ours = ::fstat(fd.get(), &held) == 0 &&
                          ::lstat(temporary.c_str(), &named) == 0 && held.st_ino == named.st_ino &&
                          held.st_dev == named.st_dev;
        if (!ours) {
            continue;  // another process has just renamed it
        }
        if (::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0 || ::ftruncate(fd.get(), 0) != 0) {
            throw_errno(ErrorCode::internal, temporary.string(), errno);
        }
        return fd;
    }
    throw Error(ErrorCode::busy, path.string() + ": too many processes write it");
}

}  // namespace

namespace {

/// What is renamed over it would take the place of a device, a pipe or a socket for everybody.
void refuse_special_file(const fs::path& path) {
    struct stat status {};
    const bool there = ::stat(path.c_str(), &status) == 0;
    if (there && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
        throw Error(ErrorCode::usage,
                    path.string() + ": is not a file, and would be replaced by one",
                    "name a new file; leave the option out for standard output");
    }
}

}  // namespace

void write_file_durably(const fs::path& path, ByteView bytes, unsigned mode) {
    refuse_special_file(path);
    fs::path temporary;
    const UniqueFd fd = open_temporary(path, mode, temporary);
    try {
        write_all(fd.get(), bytes, temporary.string());
        sync_fd(fd.get(), temporary.string());
        if (::rename(temporary.c_str(), path.c_str()) != 0) {
            throw_errno(ErrorCode::internal, path.string(), errno);
        }
    } catch (const Error&) {
        (void)::unlink(temporary.c_str());  // a full disk gets its room back
        throw;
    }
    sync_directory(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

void make_directories_durably(const fs::path& directory, unsigned mode) {
    if (directory.empty() || fs::is_directory(directory)) {
        return;
    }
    const fs::path parent = directory.has_parent_path() ? directory.parent_path() : fs::path(".");
    make_directories_durably(parent, mode);
    const bool made = ::mkdir(directory.c_str(), static_cast<mode_t>(mode)) == 0;
    if (!made && errno != EEXIST) {
        throw_errno(ErrorCode::internal, directory.string(), errno);
    }
    if (made && ::chmod(directory.c_str(), static_cast<mode_t>(mode)) != 0) {  // beside the umask
        throw_errno(ErrorCode::internal, directory.string(), errno);
    }
    if (!fs::is_directory(directory)) {
        throw_errno(ErrorCode::internal, directory.string(), ENOTDIR);
    }
    sync_directory(parent);
}

std::optional<FileLock> FileLock::try_acquire(const fs::path& path) {
    UniqueFd fd = open_or_errno(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (const int refused = errno; !fd) {  // who only looks whether it is held may not write
        fd = open_or_errno(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
        if (!fd) {
            throw_errno(ErrorCode::internal, path.string(), refused);
        }
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return std::nullopt;
        }
        throw_errno(ErrorCode::internal, "locking " + path.string() + " failed", errno);
    }
    return FileLock(std::move(fd));
}

}  // namespace efface
