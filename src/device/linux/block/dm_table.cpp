// SPDX-License-Identifier: Apache-2.0
// DM_TABLE_STATUS of linux/dm-ioctl.h. The table of a crypt target holds its key in hex, so the
// answer lands in locked memory and only the target's type leaves it.
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "efface/base/file.hpp"
#include "efface/device/linux_target.hpp"

namespace efface::device {

namespace {

constexpr std::size_t kFirstAnswerBytes = std::size_t{16} << 10U;
constexpr std::size_t kLargestAnswerBytes = std::size_t{1} << 20U;
constexpr std::size_t kTargetsMax = 4096;
constexpr std::size_t kDevicesFileMax = std::size_t{64} << 10U;

/// The block major that /proc/devices gives to device mapper.
bool is_dm_major(unsigned major) {
    const std::optional<std::string> devices = read_text_file("/proc/devices", kDevicesFileMax);
    if (!devices) {
        return false;
    }
    std::istringstream lines(*devices);
    std::string line;
    bool block = false;
    while (std::getline(lines, line)) {
        block = block || line == "Block devices:";
        std::istringstream fields(line);
        unsigned number = 0;
        std::string name;
        if (block && (fields >> number >> name) && name == "device-mapper") {
            return number == major;
        }
    }
    return false;
}

/// 0 or an errno; `header` is what the kernel answered.
int ask(int control, std::uint64_t device, SecretBytes& buffer, struct dm_ioctl& header) {
    header = {};
    header.version[0] = DM_VERSION_MAJOR;
    header.data_size = static_cast<std::uint32_t>(buffer.size());
    header.data_start = sizeof(header);
    header.dev = device;
    header.flags = DM_STATUS_TABLE_FLAG | DM_NOFLUSH_FLAG | DM_SECURE_DATA_FLAG;
    std::memcpy(buffer.view().data(), &header, sizeof(header));
    const int error = ::ioctl(control, DM_TABLE_STATUS, buffer.view().data()) == 0 ? 0 : errno;
    std::memcpy(&header, buffer.view().data(), sizeof(header));
    return error;
}

/// "8:16 2048" (Documentation/admin-guide/device-mapper/linear.rst).
std::optional<DmTarget::Place> linear_place(const std::string& words) {
    DmTarget::Place place;
    std::istringstream fields(words);
    char colon = '\0';
    if (!(fields >> place.major >> colon >> place.minor >> place.offset_sectors) || colon != ':') {
        return std::nullopt;
    }
    return place;
}

std::vector<DmTarget> targets_in(const SecretBytes& buffer, const struct dm_ioctl& header) {
    std::vector<DmTarget> targets;
    const std::size_t end = std::min<std::size_t>(buffer.size(), header.data_size);
    std::size_t at = header.data_start;
    for (std::uint32_t i = 0; i < header.target_count && i < kTargetsMax; ++i) {
        struct dm_target_spec spec {};
        if (at > end || sizeof(spec) > end - at) {
            throw Error(ErrorCode::internal, "device mapper: the kernel's table is truncated");
        }
        std::memcpy(&spec, buffer.view().data() + at, sizeof(spec));
        const std::size_t length = ::strnlen(spec.target_type, sizeof(spec.target_type));
        targets.push_back(
            {std::string(spec.target_type, length), spec.sector_start, spec.length, std::nullopt});
        if (targets.back().type == "linear") {
            const auto* words = reinterpret_cast<const char*>(buffer.view().data() + at);
            targets.back().place = linear_place(
                {words + sizeof(spec), ::strnlen(words + sizeof(spec), end - at - sizeof(spec))});
        }
        // Counted from the first target, unlike in requests.
        at = header.data_start + spec.next;
    }
    return targets;
}

}  // namespace

std::vector<DmTarget> dm_table(unsigned major, unsigned minor) {
    if (!is_dm_major(major)) {
        return {};
    }
    const UniqueFd control = open_file("/dev/mapper/control", O_RDWR);
    const std::uint64_t device = makedev(major, minor);
    for (std::size_t size = kFirstAnswerBytes; size <= kLargestAnswerBytes; size *= 4) {
        SecretBytes buffer(size);
        struct dm_ioctl header {};
        const int error = ask(control.get(), device, buffer, header);
        if (error == ENXIO || error == ENODEV) {
            return {};
        }
        if (error != 0) {
            throw_errno(ErrorCode::internal, "device mapper: reading a table failed", error);
        }
        if ((header.flags & DM_BUFFER_FULL_FLAG) == 0) {
            return targets_in(buffer, header);
        }
    }
    throw Error(ErrorCode::internal, "device mapper: a table exceeds the size limit");
}

}  // namespace efface::device
