// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "efface/base/assert.hpp"
#include "efface/device/drive/linux_secure_erase.hpp"

namespace efface::device {

namespace {

int secure_discard(int fd, std::uint64_t offset, std::uint64_t length) {
    std::array<std::uint64_t, 2> range{offset, length};
    return ::ioctl(fd, BLKSECDISCARD, range.data()) == 0 ? 0 : errno;
}

}  // namespace

LinuxSecureErase LinuxSecureErase::open(const std::filesystem::path& path) {
    UniqueFd fd = open_file(path, O_RDWR | O_NONBLOCK, 0, ErrorCode::usage);
    struct stat state {};
    std::uint64_t size_bytes = 0;
    int block_bytes = 0;
    if (::fstat(fd.get(), &state) != 0 || !S_ISBLK(state.st_mode) ||
        ::ioctl(fd.get(), BLKGETSIZE64, &size_bytes) != 0 ||
        ::ioctl(fd.get(), BLKSSZGET, &block_bytes) != 0 || block_bytes <= 0) {
        throw Error(ErrorCode::usage, path.string() + ": is not a block device");
    }
    return {std::move(fd), size_bytes, static_cast<std::uint32_t>(block_bytes)};
}

int LinuxSecureErase::probe() {
    // The kernel looks first whether the driver offers it, then at the range: half a sector is
    // refused with EINVAL before anything is done.
    const int error = secure_discard(fd_.get(), 1, 1);
    return error == EINVAL ? 0 : error;
}

int LinuxSecureErase::erase(std::uint64_t offset, std::uint64_t length) {
    EFFACE_ASSERT(offset % block_bytes_ == 0 && length % block_bytes_ == 0 && length > 0);
    EFFACE_ASSERT(offset <= size_bytes_ && length <= size_bytes_ - offset);
    return secure_discard(fd_.get(), offset, length);
}

}  // namespace efface::device
