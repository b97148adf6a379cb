// SPDX-License-Identifier: Apache-2.0
#include "files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "efface/base/digest.hpp"

namespace efface::evidence {

namespace {

constexpr std::string_view kUnsignedPrefix = "unsigned-";
constexpr std::string_view kUnsignedSuffix = ".jsonl";

off_t to_off(std::uint64_t offset) {
    EFFACE_ASSERT(offset <= static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()));
    return static_cast<off_t>(offset);
}

}  // namespace

const char* to_string(LogFile file) noexcept {
    switch (file) {
        case LogFile::entries:
            return "entries.jsonl";
        case LogFile::hashes:
            return "hashes";
        case LogFile::offsets:
            return "offsets";
        case LogFile::origin:
            return "origin";
        case LogFile::checkpoint:
            return "checkpoint";
        case LogFile::new_checkpoint:
            return "checkpoint.new";
        case LogFile::new_unsigned:
            return "unsigned.new";
    }
    return "?";
}

std::string unsigned_name(std::uint64_t size, ByteView content) {
    return std::string(kUnsignedPrefix) + std::to_string(size) + "-" + sha256_hex(content) +
           std::string(kUnsignedSuffix);
}

bool is_unsigned_name(std::string_view name) {
    if (!name.starts_with(kUnsignedPrefix) || !name.ends_with(kUnsignedSuffix)) {
        return false;
    }
    name.remove_prefix(kUnsignedPrefix.size());
    name.remove_suffix(std::min(name.size(), kUnsignedSuffix.size()));
    const std::size_t dash = name.find('-');
    return dash != 0 && dash != std::string_view::npos &&
           name.find_first_not_of("0123456789") == dash &&
           name.size() - dash - 1 == 2 * sizeof(Digest) &&
           name.find_first_not_of("0123456789abcdef", dash + 1) == std::string_view::npos;
}

FolderLogFiles::FolderLogFiles(const std::filesystem::path& directory, Access access)
    : directory_name_(directory.string()), access_(access) {
    directory_.reset(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory_) {
        const int error_number = errno;
        const std::string what = "opening the log " + directory_name_;
        if (access_ == Access::read && error_number == EACCES) {
            throw Error(ErrorCode::usage, ReasonCode::io_failed,
                        what + ": " + errno_text(error_number));
        }
        throw_errno(ErrorCode::usage, what, error_number);
    }
}

std::string FolderLogFiles::name() const {
    return directory_name_;
}

std::string FolderLogFiles::path_of(LogFile file) const {
    return directory_name_ + "/" + to_string(file);
}

void FolderLogFiles::fail(LogFile file, const char* action) const {
    const int error_number = errno;
    const std::string what = std::string(action) + " " + path_of(file);
    if (error_number == EMFILE || error_number == ENFILE) {  // whatever the log holds
        throw Error(ErrorCode::internal, ReasonCode::too_few_descriptors,
                    what + ": " + errno_text(error_number));
    }
    if (access_ == Access::read && error_number != ENOENT) {  // no fault of the log's
        throw Error(ErrorCode::evidence, ReasonCode::io_failed,
                    what + ": " + errno_text(error_number));
    }
    throw_errno(ErrorCode::evidence, what, error_number);
}

UniqueFd FolderLogFiles::open_below(LogFile file, int flags) {
    // O_NONBLOCK so that a pipe under this name cannot hold the program up.
    const int all = flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    UniqueFd fd(::openat(directory_.get(), to_string(file), all, 0600));
    if (!fd) {
        return fd;
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        fail(file, "examining");
    }
    if (!S_ISREG(status.st_mode)) {
        throw Error(ErrorCode::evidence, path_of(file) + " is not a regular file");
    }
    return fd;
}

int FolderLogFiles::descriptor(LogFile file, int extra_flags) {
    UniqueFd& fd = open_.at(static_cast<std::size_t>(file));
    if (!fd) {
        fd = open_below(file, (access_ == Access::write ? O_RDWR : O_RDONLY) | extra_flags);
        if (!fd) {
            fail(file, "opening");
        }
    }
    return fd.get();
}

bool FolderLogFiles::exists(LogFile file) {
    struct stat status {};
    if (::fstatat(directory_.get(), to_string(file), &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return true;
    }
    if (errno != ENOENT) {
        fail(file, "examining");
    }
    return false;
}

std::uint64_t FolderLogFiles::size(LogFile file) {
    struct stat status {};
    if (::fstat(descriptor(file), &status) != 0 || status.st_size < 0) {
        fail(file, "examining");
    }
    return static_cast<std::uint64_t>(status.st_size);
}

std::size_t FolderLogFiles::read_at(LogFile file, std::uint64_t offset, MutableByteView room) {
    std::size_t have = 0;
    while (have < room.size()) {
        const ssize_t got = ::pread(descriptor(file), room.data() + have, room.size() - have,
                                    to_off(offset + have));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            fail(file, "reading");
        }
        if (got == 0) {
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    return have;
}

void FolderLogFiles::write_at(LogFile file, std::uint64_t offset, ByteView bytes) {
    EFFACE_ASSERT(access_ == Access::write);
    const int fd = descriptor(file, O_CREAT);
    while (!bytes.empty()) {
        const ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), to_off(offset));
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            errno = done == 0 ? EIO : errno;
            fail(file, "writing");
        }
        offset += static_cast<std::uint64_t>(done);
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
}

void FolderLogFiles::truncate(LogFile file, std::uint64_t size) {
    EFFACE_ASSERT(access_ == Access::write);
    if (::ftruncate(descriptor(file, O_CREAT), to_off(size)) != 0) {
        fail(file, "truncating");
    }
}

void FolderLogFiles::sync(LogFile file) {
    if (::fsync(descriptor(file)) != 0) {
        fail(file, "flushing");
    }
}

void FolderLogFiles::rename(LogFile file, const char* name) {
    EFFACE_ASSERT(access_ == Access::write);
    if (::renameat(directory_.get(), to_string(file), directory_.get(), name) != 0) {
        fail(file, "renaming");
    }
    open_.at(static_cast<std::size_t>(file)).reset();  // it has another name now
}

void FolderLogFiles::publish_checkpoint() {
    rename(LogFile::new_checkpoint, to_string(LogFile::checkpoint));
    open_.at(static_cast<std::size_t>(LogFile::checkpoint)).reset();  // the old one
}

void FolderLogFiles::publish_unsigned(const std::string& name) {
    rename(LogFile::new_unsigned, name.c_str());
}

std::vector<std::string> FolderLogFiles::unsigned_names(std::size_t count_max) {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator at(directory_name_, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        auto name = at->path().filename().string();
        if (is_unsigned_name(name)) {
            names.push_back(std::move(name));
        }
    }
    if (error) {
        throw Error(ErrorCode::evidence, ReasonCode::io_failed,
                    "listing " + directory_name_ + ": " + error.message());
    }
    std::sort(names.begin(), names.end());
    names.resize(std::min(names.size(), count_max));
    return names;
}

void FolderLogFiles::sync_directory() {
    if (::fsync(directory_.get()) != 0) {
        throw_errno(ErrorCode::evidence, "flushing " + directory_name_ + " failed", errno);
    }
}

std::string read_whole(LogFiles& files, LogFile file, std::size_t bytes_max) {
    const std::uint64_t size = files.size(file);
    if (size > bytes_max) {
        throw Error(ErrorCode::evidence, files.name() + "/" + to_string(file) + " is larger than " +
                                             std::to_string(bytes_max) + " bytes");
    }
    Bytes bytes(static_cast<std::size_t>(size));
    bytes.resize(files.read_at(file, 0, bytes));
    return std::string(as_text(bytes));
}

}  // namespace efface::evidence
