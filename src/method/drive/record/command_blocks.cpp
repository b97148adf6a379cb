// SPDX-License-Identifier: Apache-2.0
#include "command_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace efface::method {

namespace {

/// No drive is larger, and records count no further than 2^53.
constexpr std::uint64_t kDriveBytesMax = std::uint64_t{1} << 52U;
constexpr std::uint32_t kBlockBytesMin = 512;

}  // namespace

device::IoResult CommandBlocks::read_at(std::uint64_t offset, MutableByteView into) {
    const bool read = commands_.read_status(part_.surface, part_.from + offset, into).readable;
    return read ? device::IoResult{into.size(), 0} : device::IoResult{0, EIO};
}

device::IoResult CommandBlocks::write_at(std::uint64_t offset, ByteView from) {
    const bool written =
        commands_.write_by_command(part_.surface, part_.from + offset, from).written;
    return written ? device::IoResult{from.size(), 0} : device::IoResult{0, EIO};
}

int CommandBlocks::flush() {
    return commands_.flush_by_command(part_.surface) ? 0 : EIO;
}

std::string name_of(const NotShown& part) {
    return part.surface + " by command";
}

std::vector<NotShown> not_shown(const DriveSurvey& survey,
                                const std::vector<SurfaceSize>& seen_by_host) {
    std::vector<NotShown> parts;
    for (const auto& seen : seen_by_host) {
        for (const auto& own : survey.sizes) {
            const std::uint64_t bytes = std::min(own.bytes, kDriveBytesMax);
            if (own.surface != seen.surface || seen.bytes == 0 || bytes <= seen.bytes) {
                continue;
            }
            NotShown part;
            part.surface = seen.surface;
            part.block_bytes = std::max(own.block_bytes, kBlockBytesMin);
            // The block that the host sees a part of is looked at whole.
            part.from = seen.bytes - seen.bytes % part.block_bytes;
            part.to = bytes - bytes % part.block_bytes;
            if (part.to > part.from) {
                parts.push_back(std::move(part));
            }
        }
    }
    return parts;
}

HiddenArea hidden_area_of(const NotShown& part) {
    HiddenArea area;
    area.kind = kNotShown;
    area.detail = fmt::format("{}: the drive has {} bytes, the host sees {}", part.surface, part.to,
                              part.from);
    area.bytes = part.to - part.from;
    area.why_not = "only the drive's own commands reach it";
    return area;
}

}  // namespace efface::method
