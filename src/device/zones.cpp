// SPDX-License-Identifier: Apache-2.0
#include "efface/device/zones.hpp"

#include <algorithm>
#include <cerrno>

#include "efface/base/assert.hpp"

#include "synchronous_queue.hpp"

namespace efface::device {

OrderedZones::OrderedZones(BlockTarget& below, ZoneControl& control, std::vector<Zone> zones)
    : below_(below), control_(control), zones_(std::move(zones)) {
    EFFACE_ASSERT(!zones_.empty());
}

Zone* OrderedZones::zone_of(std::uint64_t offset) {
    const auto after =
        std::upper_bound(zones_.begin(), zones_.end(), offset,
                         [](std::uint64_t place, const Zone& zone) { return place < zone.start; });
    if (after == zones_.begin()) {
        return nullptr;
    }
    auto& zone = *std::prev(after);
    return offset - zone.start < zone.length ? &zone : nullptr;
}

IoResult OrderedZones::write_in(Zone& zone, std::uint64_t offset, ByteView from) {
    if (!zone.sequential) {
        return below_.write_at(offset, from);
    }
    if (offset == zone.start) {
        if (const int error = control_.reset(zone); error != 0) {
            return {0, error};
        }
        zone.write_pointer = zone.start;
    }
    if (offset != zone.write_pointer) {
        return {0, EIO};
    }
    const auto result = below_.write_at(offset, from);
    zone.write_pointer += result.bytes;
    return result;
}

IoResult OrderedZones::write_at(std::uint64_t offset, ByteView from) {
    IoResult done;
    while (!from.empty() && done.error == 0) {
        auto* zone = zone_of(offset);
        if (zone == nullptr) {
            done.error = EIO;
            break;
        }
        const auto part = from.first(static_cast<std::size_t>(
            std::min<std::uint64_t>(from.size(), zone->start + zone->length - offset)));
        const auto result = write_in(*zone, offset, part);
        done.bytes += result.bytes;
        done.error = result.error;
        if (result.bytes < part.size()) {
            break;
        }
        offset += part.size();
        from = from.subspan(part.size());
    }
    return done;
}

std::unique_ptr<IoQueue> OrderedZones::make_queue(std::size_t /*slots*/, std::size_t slot_bytes) {
    return make_synchronous_queue(*this, 1, slot_bytes,
                                  "zones are reset and written in order, one transfer at a time");
}

}  // namespace efface::device
