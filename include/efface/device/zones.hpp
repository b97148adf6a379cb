// SPDX-License-Identifier: Apache-2.0
// Zoned disks (ZBC, ZAC, ZNS): a sequential zone is written in order from its beginning, and only
// after it was reset. What a host-managed disk demands of every writer, in one place.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/device/block_target.hpp"

namespace efface::device {

/// In bytes.
struct Zone {
    std::uint64_t start = 0;
    std::uint64_t length = 0;
    std::uint64_t write_pointer = 0;  ///< sequential zones; their end when they are full
    bool sequential = false;          ///< else a conventional zone, written anywhere
};

class ZoneControl {
  public:
    virtual ~ZoneControl() = default;
    /// Every zone, in order, without gaps; empty when the device does not tell.
    [[nodiscard]] virtual std::vector<Zone> report() = 0;
    /// Sets the write pointer to the start: what stood there is not to be read any more. 0 or an
    /// errno.
    [[nodiscard]] virtual int reset(const Zone& zone) = 0;
};

/// A zoned disk that is written from its beginning to its end: each sequential zone is reset when
/// the write at its start comes, and written at its write pointer alone; a write elsewhere fails
/// (EIO). Its queue has one slot, so that transfers keep their order.
class OrderedZones final : public BlockTarget {
  public:
    /// Both are borrowed. `zones` is what control.report() gave, and not empty.
    OrderedZones(BlockTarget& below, ZoneControl& control, std::vector<Zone> zones);

    [[nodiscard]] std::uint64_t size_bytes() const override { return below_.size_bytes(); }
    [[nodiscard]] std::uint32_t preferred_alignment() const override {
        return below_.preferred_alignment();
    }
    IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        return below_.read_at(offset, into);
    }
    IoResult write_at(std::uint64_t offset, ByteView from) override;
    [[nodiscard]] int flush() override { return below_.flush(); }
    [[nodiscard]] std::unique_ptr<IoQueue> make_queue(std::size_t slots,
                                                      std::size_t slot_bytes) override;

  private:
    [[nodiscard]] Zone* zone_of(std::uint64_t offset);
    [[nodiscard]] IoResult write_in(Zone& zone, std::uint64_t offset, ByteView from);

    BlockTarget& below_;
    ZoneControl& control_;
    std::vector<Zone> zones_;
};

/// BLKREPORTZONE and BLKRESETZONE (Linux include/uapi/linux/blkzoned.h) on a descriptor of a block
/// device, which is borrowed. A kernel without zones reports none.
[[nodiscard]] std::unique_ptr<ZoneControl> make_linux_zones(int descriptor,
                                                            std::uint64_t size_bytes);

}  // namespace efface::device
