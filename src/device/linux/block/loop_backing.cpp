// SPDX-License-Identifier: Apache-2.0
// LOOP_GET_STATUS64 of linux/loop.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "efface/base/file.hpp"
#include "efface/device/linux_target.hpp"

namespace efface::device {

namespace {

constexpr std::size_t kPathBytesMax = 8192;

/// The full path that sysfs shows, for the disk or for the disk of a partition; else empty.
std::string backing_path(dev_t device) {
    const std::string node = fmt::format("/sys/dev/block/{}:{}", major(device), minor(device));
    for (const char* place : {"/loop/backing_file", "/../loop/backing_file"}) {
        std::optional<std::string> text = read_text_file(node + place, kPathBytesMax);
        if (text) {
            if (!text->empty() && text->back() == '\n') {
                text->pop_back();
            }
            return *text;
        }
    }
    return {};
}

}  // namespace

std::optional<LoopBacking> loop_backing(const std::filesystem::path& loop_device) {
    const UniqueFd fd = open_file(loop_device, O_RDONLY | O_NONBLOCK);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        throw_errno(ErrorCode::internal, loop_device.string() + ": reading its status failed",
                    errno);
    }
    if (!S_ISBLK(status.st_mode)) {
        return std::nullopt;
    }
    struct loop_info64 info {};
    if (::ioctl(fd.get(), LOOP_GET_STATUS64, &info) != 0) {
        // Not attached, or no loop device at all.
        if (errno == ENXIO || errno == ENOTTY || errno == EINVAL) {
            return std::nullopt;
        }
        throw_errno(ErrorCode::internal, loop_device.string() + ": reading its backing file failed",
                    errno);
    }
    LoopBacking backing;
    backing.path = backing_path(status.st_rdev);
    if (backing.path.empty()) {
        const char* name = reinterpret_cast<const char*>(info.lo_file_name);
        backing.path.assign(name, ::strnlen(name, sizeof(info.lo_file_name)));
    }
    backing.device = info.lo_device;
    backing.inode = info.lo_inode;
    backing.offset_bytes = info.lo_offset;
    backing.size_limit_bytes = info.lo_sizelimit;
    return backing;
}

}  // namespace efface::device
