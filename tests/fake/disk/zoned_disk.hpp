// SPDX-License-Identifier: Apache-2.0
// A host-managed zoned disk as ZBC has it: a sequential zone takes a write at its write pointer
// alone, none over its end, and shows zeros behind the pointer. What a reset leaves on the medium
// stays there until it is written over.
#pragma once

#include <algorithm>
#include <cerrno>

#include "efface/device/zones.hpp"

namespace efface::fake {

class ZonedDisk final : public device::BlockTarget, public device::ZoneControl {
  public:
    static constexpr std::uint32_t kBlock = 512;

    /// `conventional` zones come first; the last zone is a short one unless all fit.
    ZonedDisk(std::uint64_t size, std::uint64_t zone_bytes, std::size_t conventional)
        : medium(size) {
        for (std::uint64_t at = 0; at < size; at += zone_bytes) {
            const std::uint64_t length = std::min(zone_bytes, size - at);
            zones.push_back({.start = at,
                             .length = length,
                             .write_pointer = at + length,
                             .sequential = zones.size() >= conventional});
        }
    }

    [[nodiscard]] std::uint64_t size_bytes() const override { return medium.size(); }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return kBlock; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        if (offset + into.size() > medium.size()) {
            return {0, EIO};
        }
        for (std::size_t i = 0; i < into.size(); ++i) {
            const auto& zone = zone_at(offset + i);
            const bool shown = !zone.sequential || offset + i < zone.write_pointer;
            into[i] = shown ? medium[offset + i] : std::uint8_t{0};
        }
        return {into.size(), 0};
    }
    device::IoResult write_at(std::uint64_t offset, ByteView from) override {
        ++writes;
        if (from.empty() || offset + from.size() > medium.size()) {
            return {0, EIO};
        }
        auto& zone = zone_at(offset);
        const bool fits = offset + from.size() <= zone.start + zone.length;
        if (!fits || (zone.sequential && offset != zone.write_pointer) ||
            (bad_from <= offset + from.size() - 1 && offset < bad_from + kBlock)) {
            ++refused;
            return {0, EIO};
        }
        std::copy(from.begin(), from.end(), medium.begin() + static_cast<std::ptrdiff_t>(offset));
        zone.write_pointer += zone.sequential ? from.size() : 0;
        return {from.size(), 0};
    }
    [[nodiscard]] int flush() override { return 0; }
    std::vector<device::Zone> report() override { return zones; }
    int reset(const device::Zone& which) override {
        ++resets;
        auto& zone = zone_at(which.start);
        zone.write_pointer = zone.start;
        return zone.sequential ? 0 : EIO;
    }

    Bytes medium;
    std::vector<device::Zone> zones;
    std::uint64_t bad_from = ~std::uint64_t{0} - kBlock;  ///< a block that takes no write
    unsigned writes = 0;
    unsigned refused = 0;
    unsigned resets = 0;

  private:
    device::Zone& zone_at(std::uint64_t offset) {
        return *std::find_if(zones.begin(), zones.end(), [&](const device::Zone& zone) {
            return offset >= zone.start && offset - zone.start < zone.length;
        });
    }
};

}  // namespace efface::fake
