// SPDX-License-Identifier: Apache-2.0
#include "efface/device/linux_target.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "direct_file.hpp"
#include "filesystem_name.hpp"
#include "synchronous_queue.hpp"
#include "uring_queue.hpp"

namespace efface::device {

namespace {

constexpr std::uint32_t kSmallestBlockBytes = 512;

[[nodiscard]] bool is_power_of_two(std::uint32_t value) {
    return value != 0 && (value & (value - 1)) == 0;
}

[[noreturn]] void throw_open_error(const std::filesystem::path& path, Access access, int error) {
    const std::string name = path.string();
    const bool writes = access == Access::exclusive;
    switch (error) {
        case ENOENT:
        case ENOTDIR:
        case ELOOP:
        case ENAMETOOLONG:
            throw_errno(ErrorCode::usage, name + ": opening failed", error);
        case ENXIO:
        case ENODEV:
        case ENOMEDIUM:
            throw Error(ErrorCode::usage, name + ": no device or medium has this name",
                        "check the path and that the device is connected");
        case EBUSY:
        case ETXTBSY:
            throw Error(ErrorCode::safety, ReasonCode::busy,
                        name + ": is in use by the kernel (" + errno_text(error) + ")",
                        "unmount it and close everything on top of it, then run the command again");
        case EROFS:
        case EACCES:
        case EPERM:
            if (writes && ::geteuid() == 0) {
                throw Error(ErrorCode::safety, ReasonCode::read_only,
                            name + ": is read-only or immutable (" + errno_text(error) + ")",
                            "to erase it, remove the protection (blockdev --setrw, mount -o "
                            "remount,rw, chattr -i), then run the command again");
            }
            throw_errno(ErrorCode::usage, name + ": opening failed", error);
        default:
            throw_errno(ErrorCode::internal, name + ": opening failed", error);
    }
}

UniqueFd open_or_empty(const std::filesystem::path& path, int flags) {
    int fd = -1;
    do {
        fd = ::open(path.c_str(), flags | O_CLOEXEC | O_NOCTTY);
    } while (fd < 0 && errno == EINTR);
    return UniqueFd(fd);
}

struct stat status_of(int fd, const std::string& name) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        throw_errno(ErrorCode::internal, name + ": reading its status failed", errno);
    }
    return status;
}

bool same_object(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_rdev == b.st_rdev &&
           (a.st_mode & S_IFMT) == (b.st_mode & S_IFMT);
}

std::uint64_t device_size(int fd, const std::string& name) {
    std::uint64_t bytes = 0;
    if (::ioctl(fd, BLKGETSIZE64, &bytes) != 0) {
        throw_errno(ErrorCode::internal, name + ": reading its size failed", errno);
    }
    return bytes;
}

std::uint32_t logical_block(int fd) {
    int bytes = 0;
    if (::ioctl(fd, BLKSSZGET, &bytes) != 0 || bytes <= 0) {
        return kSmallestBlockBytes;
    }
    return static_cast<std::uint32_t>(bytes);
}

bool device_is_read_only(int fd) {
    int value = 0;
    return ::ioctl(fd, BLKROGET, &value) == 0 && value != 0;
}

/// 0: the file system says that this file cannot do direct I/O; nullopt: it does not say.
std::optional<std::uint32_t> direct_unit(int fd) {
    struct statx answer {};
    if (::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &answer) != 0 ||
        (answer.stx_mask & STATX_DIOALIGN) == 0) {
        return std::nullopt;
    }
    if (answer.stx_dio_offset_align == 0) {
        return 0;
    }
    return std::max(answer.stx_dio_mem_align, answer.stx_dio_offset_align);
}

/// The unit of direct I/O on this descriptor, 0 where there is none.
std::uint32_t unit_of(int fd, bool is_block_device) {
    const std::uint32_t floor = is_block_device ? logical_block(fd) : kSmallestBlockBytes;
    const std::optional<std::uint32_t> told = direct_unit(fd);
    // A file on a file system that does not say: a page divides into whatever it wants.
    const std::uint32_t unit = told ? (*told == 0 ? 0 : std::max(*told, floor))
                                    : (is_block_device ? floor : kBufferAlignment);
    return is_power_of_two(unit) && unit <= kBufferAlignment ? unit : 0;
}

}  // namespace

struct LinuxTarget::State {
    std::string name;
    bool is_block_device = false;
    DirectFile file;
};

namespace {

/// The descriptor, and whether O_DIRECT was taken.
struct Opened {
    UniqueFd fd;
    bool direct = false;
};

Opened open_direct(const std::filesystem::path& path, Access access, int flags) {
    UniqueFd fd = open_or_empty(path, flags | O_DIRECT);
    if (fd) {
        return {std::move(fd), true};
    }
    if (errno == EINVAL) {
        fd = open_or_empty(path, flags);
    }
    if (!fd) {
        throw_open_error(path, access, errno);
    }
    return {std::move(fd), false};
}

DirectFile make_file(const std::filesystem::path& path, Access access, Opened opened,
                     const struct stat& status) {
    const std::string name = path.string();
    const bool is_block_device = S_ISBLK(status.st_mode);
    const int fd = opened.fd.get();
    DirectLayout layout;
    layout.size_bytes =
        is_block_device ? device_size(fd, name) : static_cast<std::uint64_t>(status.st_size);
    // tmpfs takes O_DIRECT since Linux 6.6 and ignores it; its pages are the medium.
    const bool memory = !is_block_device && filesystem_of(fd).memory;
    const std::uint32_t unit = opened.direct && !memory ? unit_of(fd, is_block_device) : 0;
    layout.direct = unit != 0;
    layout.unit = layout.direct ? unit : kSmallestBlockBytes;
    layout.drop_cached = !memory;
    UniqueFd buffered;
    if (!layout.direct && opened.direct) {
        const int flags = ::fcntl(fd, F_GETFL);
        if (flags < 0 || ::fcntl(fd, F_SETFL, flags & ~O_DIRECT) != 0) {
            throw_errno(ErrorCode::internal, name + ": turning direct I/O off failed", errno);
        }
    } else if (layout.direct && layout.size_bytes % layout.unit != 0) {
        buffered = open_or_empty(path, access == Access::exclusive ? O_RDWR : O_RDONLY);
        if (!buffered) {
            throw_open_error(path, access, errno);
        }
        if (!same_object(status, status_of(buffered.get(), name))) {
            throw Error(ErrorCode::safety, ReasonCode::other_identity,
                        name + ": was replaced while it was being opened");
        }
    }
    return DirectFile(std::move(opened.fd), std::move(buffered), layout);
}

}  // namespace

LinuxTarget::LinuxTarget(std::unique_ptr<State> state) : state_(std::move(state)) {}
LinuxTarget::~LinuxTarget() = default;

std::unique_ptr<LinuxTarget> LinuxTarget::open(const std::filesystem::path& path, Access access) {
    const std::string name = path.string();
    // First a look that has no effect on whatever lies behind the name (a tape, a pipe).
    const UniqueFd looked = open_or_empty(path, O_PATH);
    if (!looked) {
        throw_open_error(path, access, errno);
    }
    const struct stat before = status_of(looked.get(), name);
    const bool is_block_device = S_ISBLK(before.st_mode);
    if (!is_block_device && !S_ISREG(before.st_mode)) {
        throw Error(ErrorCode::usage, name + ": is neither a block device nor a regular file");
    }
    int flags = O_RDONLY;
    if (access == Access::exclusive) {
        flags = O_RDWR | (is_block_device ? O_EXCL : 0);
    }
    Opened opened = open_direct(path, access, flags);
    const struct stat status = status_of(opened.fd.get(), name);
    if (!same_object(before, status)) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    name + ": was replaced while it was being opened");
    }
    if (access == Access::exclusive && is_block_device && device_is_read_only(opened.fd.get())) {
        throw Error(
            ErrorCode::safety, ReasonCode::read_only, name + ": is a read-only device",
            "to erase it, remove the protection (blockdev --setrw), then run the command again");
    }
    DirectFile file = make_file(path, access, std::move(opened), status);
    auto state = std::make_unique<State>(State{name, is_block_device, std::move(file)});
    return std::unique_ptr<LinuxTarget>(new LinuxTarget(std::move(state)));
}

std::uint64_t LinuxTarget::size_bytes() const {
    return state_->file.layout().size_bytes;
}
std::uint32_t LinuxTarget::preferred_alignment() const {
    return state_->file.layout().unit;
}
bool LinuxTarget::direct_io() const noexcept {
    return state_->file.layout().direct;
}
int LinuxTarget::descriptor() const noexcept {
    return state_->file.descriptor();
}

IoResult LinuxTarget::read_at(std::uint64_t offset, MutableByteView into) {
    return state_->file.read_at(offset, into);
}

IoResult LinuxTarget::write_at(std::uint64_t offset, ByteView from) {
    return state_->file.write_at(offset, from);
}

int LinuxTarget::flush() {
    return ::fsync(descriptor()) == 0 ? 0 : errno;
}

std::unique_ptr<IoQueue> LinuxTarget::make_queue(std::size_t slots, std::size_t slot_bytes) {
    const DirectLayout& layout = state_->file.layout();
    std::string note = "no direct I/O on this file system";
    if (layout.direct) {
        const std::uint64_t end = layout.size_bytes / layout.unit * layout.unit;
        auto queue = make_uring_queue(descriptor(), layout.unit, end, slots, slot_bytes, note);
        if (queue != nullptr) {
            return queue;
        }
    }
    return make_synchronous_queue(*this, slots, slot_bytes, std::move(note));
}

TargetFacts LinuxTarget::facts() const {
    const struct stat status = status_of(descriptor(), state_->name);
    TargetFacts facts;
    facts.is_block_device = state_->is_block_device;
    facts.filesystem_device = status.st_dev;
    facts.inode = status.st_ino;
    facts.link_count = status.st_nlink;
    facts.logical_block_bytes = kSmallestBlockBytes;
    if (!facts.is_block_device) {
        facts.size_bytes = static_cast<std::uint64_t>(status.st_size);
        facts.read_only = (status.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) == 0;
        return facts;
    }
    facts.device_number = status.st_rdev;
    facts.size_bytes = device_size(descriptor(), state_->name);
    facts.logical_block_bytes = logical_block(descriptor());
    facts.read_only = device_is_read_only(descriptor());
    std::uint64_t sequence = 0;
    if (::ioctl(descriptor(), BLKGETDISKSEQ, &sequence) == 0) {
        facts.disk_sequence = sequence;
    }
    return facts;
}

int LinuxTarget::drop_cache() {
    if (state_->is_block_device && ::ioctl(descriptor(), BLKFLSBUF, 0) != 0) {
        return errno;
    }
    return ::posix_fadvise(descriptor(), 0, 0, POSIX_FADV_DONTNEED);
}

int read_partitions_again(const std::filesystem::path& disk) {
    const UniqueFd fd = open_or_empty(disk, O_RDONLY | O_NONBLOCK);
    return fd && ::ioctl(fd.get(), BLKRRPART) == 0 ? 0 : errno;
}

}  // namespace efface::device
