// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "efface/base/assert.hpp"
#include "efface/device/drive/linux_scsi.hpp"

namespace efface::device {

namespace {

/// The largest that a device may give (SPC-5, section 4.4.1: 252 bytes in all).
constexpr std::size_t kSenseBytesMax = 252;
constexpr std::size_t kCdbBytesMin = 6;
constexpr std::size_t kCdbBytesMax = 16;
constexpr int kSgVersionMin = 30'000;
/// More is negative to the kernel, which means no timeout.
constexpr std::chrono::milliseconds kTimeoutMax{std::numeric_limits<int>::max()};

// Of the kernel's driver status, which only says more than the other two when the kernel itself
// gave the command up (include/scsi/scsi.h until Linux 5.13; later kernels only report sense).
constexpr unsigned kDriverMask = 0x0f;
constexpr unsigned kDriverTimeout = 0x06;
constexpr unsigned kDriverSense = 0x08;

/// 0, or the errno that a driver status stands for.
int driver_error(unsigned driver_status) {
    switch (driver_status & kDriverMask) {
        case 0:
        case kDriverSense:
            return 0;
        case kDriverTimeout:
            return ETIMEDOUT;
        default:
            return EIO;
    }
}

int data_direction(const ScsiCommand& command) {
    if (!command.read_into.empty()) {
        return SG_DXFER_FROM_DEV;
    }
    return command.write_from.empty() ? SG_DXFER_NONE : SG_DXFER_TO_DEV;
}

}  // namespace

LinuxScsi LinuxScsi::open(const std::filesystem::path& path) {
    // O_NONBLOCK: neither wait for a medium nor, at /dev/sgN, for an exclusive opener.
    return adopt(open_file(path, O_RDONLY | O_NONBLOCK, 0, ErrorCode::usage), path.string());
}

LinuxScsi LinuxScsi::adopt(UniqueFd fd, const std::string& name) {
    struct stat state {};
    if (::fstat(fd.get(), &state) != 0) {
        throw_errno(ErrorCode::usage, name, errno);
    }
    int version = 0;
    const bool device = S_ISBLK(state.st_mode) || S_ISCHR(state.st_mode);
    if (!device || ::ioctl(fd.get(), SG_GET_VERSION_NUM, &version) != 0 ||
        version < kSgVersionMin) {
        throw Error(ErrorCode::usage, name + ": does not accept SCSI commands (SG_IO)");
    }
    return LinuxScsi(std::move(fd));
}

ScsiCompletion LinuxScsi::submit(const ScsiCommand& command) {
    EFFACE_ASSERT(command.cdb.size() >= kCdbBytesMin && command.cdb.size() <= kCdbBytesMax);
    EFFACE_ASSERT(command.read_into.empty() || command.write_from.empty());
    EFFACE_ASSERT(command.timeout.count() > 0 && command.timeout <= kTimeoutMax);
    const std::size_t bytes = command.read_into.size() + command.write_from.size();
    EFFACE_ASSERT(bytes <= std::numeric_limits<unsigned>::max());

    Bytes cdb = command.cdb;
    std::array<std::uint8_t, kSenseBytesMax> sense{};
    struct sg_io_hdr request {};
    request.interface_id = 'S';
    request.dxfer_direction = data_direction(command);
    request.cmd_len = static_cast<unsigned char>(cdb.size());
    request.cmdp = cdb.data();
    request.mx_sb_len = kSenseBytesMax;
    request.sbp = sense.data();
    request.dxfer_len = static_cast<unsigned>(bytes);
    // The interface has one pointer for both ways; the kernel only reads what goes to the device.
    request.dxferp = command.write_from.empty()
                         ? static_cast<void*>(command.read_into.data())
                         : const_cast<std::uint8_t*>(command.write_from.data());
    request.timeout = static_cast<unsigned>(command.timeout.count());

    ScsiCompletion completion;
    if (::ioctl(fd_.get(), SG_IO, &request) != 0) {
        completion.error = errno;
        return completion;
    }
    completion.host_status = request.host_status;
    completion.status = request.status;
    if (request.host_status == 0) {
        completion.error = driver_error(request.driver_status);
    }
    completion.sense.assign(
        sense.begin(), sense.begin() + std::min<std::size_t>(request.sb_len_wr, kSenseBytesMax));
    const auto left = static_cast<std::size_t>(std::max(request.resid, 0));
    completion.transferred = bytes - std::min(bytes, left);
    return completion;
}

bool LinuxScsi::reset() {
    constexpr int kNoEscalation = 0x100;  // SG_SCSI_RESET_NO_ESCALATE, which older headers lack
    int what = SG_SCSI_RESET_DEVICE | kNoEscalation;
    return ::ioctl(fd_.get(), SG_SCSI_RESET, &what) == 0;
}

}  // namespace efface::device
