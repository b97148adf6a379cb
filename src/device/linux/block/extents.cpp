// SPDX-License-Identifier: Apache-2.0
// FS_IOC_FIEMAP, Documentation/filesystems/fiemap.rst.
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "efface/base/error.hpp"
#include "efface/device/linux_target.hpp"

#include "filesystem_name.hpp"

namespace efface::device {

namespace {

constexpr std::uint32_t kExtentsPerCall = 256;
/// A file in more pieces than this is not looked through: nothing is said about it.
constexpr std::uint64_t kExtentsMax = std::uint64_t{1} << 22U;

/// The data is not, byte for byte, at a place of its own that is known.
constexpr std::uint32_t kEncodedFlags = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_ENCODED |
                                        FIEMAP_EXTENT_DATA_ENCRYPTED | FIEMAP_EXTENT_NOT_ALIGNED |
                                        FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_DATA_TAIL;

/// One call: the header and what follows it, as the kernel lays them out.
class ExtentBatch final {
  public:
    ExtentBatch() : buffer_(sizeof(struct fiemap) + kExtentsPerCall * sizeof(fiemap_extent)) {}

    /// 0 or an errno.
    int ask(int fd, std::uint64_t from) {
        std::fill(buffer_.begin(), buffer_.end(), std::uint8_t{0});
        put(offsetof(struct fiemap, fm_start), std::uint64_t{from});
        put(offsetof(struct fiemap, fm_length), std::uint64_t{FIEMAP_MAX_OFFSET - from});
        put(offsetof(struct fiemap, fm_flags), std::uint32_t{FIEMAP_FLAG_SYNC});
        put(offsetof(struct fiemap, fm_extent_count), kExtentsPerCall);
        if (::ioctl(fd, FS_IOC_FIEMAP, buffer_.data()) != 0) {
            return errno;
        }
        std::uint32_t mapped = 0;
        std::memcpy(&mapped, buffer_.data() + offsetof(struct fiemap, fm_mapped_extents),
                    sizeof(mapped));
        count_ = std::min(mapped, kExtentsPerCall);
        return 0;
    }

    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    [[nodiscard]] fiemap_extent at(std::uint32_t index) const {
        EFFACE_ASSERT(index < count_);
        fiemap_extent extent{};
        std::memcpy(&extent, buffer_.data() + sizeof(struct fiemap) + index * sizeof(extent),
                    sizeof(extent));
        return extent;
    }

  private:
    /// A field of the header. The header itself ends in an array without length, which is no C++:
    /// it is never an object here.
    template <typename Field>
    void put(std::size_t offset, Field value) {
        std::memcpy(buffer_.data() + offset, &value, sizeof(value));
    }

    Bytes buffer_;
    std::uint32_t count_ = 0;
};

/// Adds an extent behind the last one, joined with it where both its ends touch.
void join(std::vector<Extent>& extents, const Extent& extent) {
    if (!extents.empty()) {
        Extent& last = extents.back();
        if (last.logical + last.length == extent.logical &&
            last.physical + last.length == extent.physical) {
            last.length += extent.length;
            return;
        }
    }
    extents.push_back(extent);
}

void count_extent(ExtentReport& report, const fiemap_extent& extent) {
    ++report.extent_count;
    report.shared_count += (extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0 ? 1U : 0U;
    report.unwritten_count += (extent.fe_flags & FIEMAP_EXTENT_UNWRITTEN) != 0 ? 1U : 0U;
    report.encoded_count += (extent.fe_flags & kEncodedFlags) != 0 ? 1U : 0U;
    if (extent.fe_logical < kExtentsFollowedBytes) {
        join(report.extents, {extent.fe_logical, extent.fe_physical, extent.fe_length});
    }
}

/// False when the file system does not tell, or tells of too many.
bool count_all(int fd, ExtentReport& report) {
    ExtentBatch batch;
    std::uint64_t from = 0;
    while (report.extent_count <= kExtentsMax) {
        if (batch.ask(fd, from) != 0) {
            return false;
        }
        bool last = batch.count() == 0;
        for (std::uint32_t i = 0; i < batch.count(); ++i) {
            const fiemap_extent extent = batch.at(i);
            count_extent(report, extent);
            last = last || (extent.fe_flags & FIEMAP_EXTENT_LAST) != 0;
            const std::uint64_t end = extent.fe_logical + extent.fe_length;
            // No way forward (an empty or overflowing extent): not an answer to build on.
            if (!last && end <= from) {
                return false;
            }
            from = end;
        }
        if (last) {
            return true;
        }
    }
    return false;
}

bool is_marked_nocow(int fd) {
    int flags = 0;
    return ::ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_NOCOW_FL) != 0;
}

void count_holes(int fd, const struct stat& status, ExtentReport& report) {
    constexpr std::uint64_t kStatBlockBytes = 512;  // stat(2), whatever the file system
    const auto size = static_cast<std::uint64_t>(status.st_size);
    const auto stored = static_cast<std::uint64_t>(status.st_blocks) * kStatBlockBytes;
    report.missing_bytes = size - std::min(size, stored);
    struct statvfs space {};
    if (::fstatvfs(fd, &space) == 0 && space.f_blocks != 0) {  // 0: a tmpfs without a limit
        report.free_bytes = (::geteuid() == 0 ? space.f_bfree : space.f_bavail) * space.f_frsize;
    }
}

}  // namespace

ExtentReport extents_of(int file_descriptor) {
    struct stat status {};
    if (::fstat(file_descriptor, &status) != 0) {
        throw_errno(ErrorCode::internal, "extents of the opened file: reading its status failed",
                    errno);
    }
    ExtentReport report;
    // The node of a device lies on devtmpfs; that says nothing of the device.
    if (!S_ISREG(status.st_mode)) {
        return report;
    }
    const FilesystemTraits traits = filesystem_of(file_descriptor);
    report.filesystem = traits.name;
    report.remote = traits.remote;
    report.memory = traits.memory;
    report.copy_on_write = traits.copy_on_write;
    if (traits.name == "btrfs" && is_marked_nocow(file_descriptor)) {
        report.copy_on_write = false;
    }
    count_holes(file_descriptor, status, report);
    ExtentReport counted = report;
    counted.supported = count_all(file_descriptor, counted);
    return counted.supported ? counted : report;
}

bool blocks_moved(const std::vector<Extent>& before, const std::vector<Extent>& after) {
    return !std::all_of(before.begin(), before.end(), [&](const Extent& old) {
        const auto holds = [&](const Extent& now) {
            return now.logical <= old.logical &&
                   now.physical - now.logical == old.physical - old.logical &&
                   now.logical + now.length >= old.logical + old.length;
        };
        return std::any_of(after.begin(), after.end(), holds);
    });
}

}  // namespace efface::device
