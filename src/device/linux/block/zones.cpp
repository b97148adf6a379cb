// SPDX-License-Identifier: Apache-2.0
#include "efface/device/zones.hpp"

#include <linux/blkzoned.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

namespace efface::device {

namespace {

constexpr std::uint64_t kZoneSectorBytes = 512;
constexpr unsigned kZonesAtOnce = 1024;

class LinuxZones final : public ZoneControl {
  public:
    LinuxZones(int descriptor, std::uint64_t size_bytes)
        : descriptor_(descriptor), size_bytes_(size_bytes) {}
    [[nodiscard]] std::vector<Zone> report() override;
    [[nodiscard]] int reset(const Zone& zone) override {
        blk_zone_range range{};
        range.sector = zone.start / kZoneSectorBytes;
        range.nr_sectors = zone.length / kZoneSectorBytes;
        return ::ioctl(descriptor_, BLKRESETZONE, &range) == 0 ? 0 : errno;
    }

  private:
    int descriptor_;
    std::uint64_t size_bytes_;
};

Zone zone_from(const blk_zone& told) {
    Zone zone;
    zone.start = told.start * kZoneSectorBytes;
    zone.length = told.len * kZoneSectorBytes;
    zone.write_pointer = told.wp * kZoneSectorBytes;
    zone.sequential = told.type != BLK_ZONE_TYPE_CONVENTIONAL;
    return zone;
}

/// Each answer begins where the one before it ended.
std::vector<Zone> LinuxZones::report() {
    std::vector<Zone> zones;
    std::vector<std::uint64_t> room(
        (sizeof(blk_zone_report) + kZonesAtOnce * sizeof(blk_zone)) / sizeof(std::uint64_t) + 1);
    for (std::uint64_t next = 0; next < size_bytes_;) {
        std::fill(room.begin(), room.end(), 0);
        blk_zone_report header{};
        header.sector = next / kZoneSectorBytes;
        header.nr_zones = kZonesAtOnce;
        std::memcpy(room.data(), &header, sizeof header);
        if (::ioctl(descriptor_, BLKREPORTZONE, room.data()) != 0) {
            return {};
        }
        std::memcpy(&header, room.data(), sizeof header);
        const std::uint64_t before = next;
        for (unsigned i = 0; i < header.nr_zones && i < kZonesAtOnce; ++i) {
            blk_zone told{};
            std::memcpy(
                &told, reinterpret_cast<const char*>(room.data()) + sizeof header + i * sizeof told,
                sizeof told);
            const auto zone = zone_from(told);
            if (zone.start != next || zone.length == 0) {
                return {};
            }
            next += zone.length;
            zones.push_back(zone);
        }
        if (next == before) {
            return {};
        }
    }
    return zones;
}

}  // namespace

std::unique_ptr<ZoneControl> make_linux_zones(int descriptor, std::uint64_t size_bytes) {
    return std::make_unique<LinuxZones>(descriptor, size_bytes);
}

}  // namespace efface::device
