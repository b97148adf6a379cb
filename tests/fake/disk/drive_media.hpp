// SPDX-License-Identifier: Apache-2.0
// The medium of a drive model: the blocks that a host reaches, and the places that it does not. A
// test looks at all of them behind the drive's back.
#pragma once

#include <cstdint>
#include <deque>

#include "efface/base/bytes.hpp"

namespace efface::fake {

class DriveMedia {
  public:
    /// All zero. `spare_blocks`: over-provisioned places, where old content stays after a write
    /// until they are needed again (flash), or 0 (a disk that writes in place).
    DriveMedia(std::uint64_t blocks, std::uint32_t block_bytes, std::uint64_t spare_blocks = 0);

    [[nodiscard]] std::uint64_t blocks() const noexcept { return blocks_; }
    [[nodiscard]] std::uint32_t block_bytes() const noexcept { return block_bytes_; }

    /// Whole blocks; the range must lie on the medium (asserted).
    void read(std::uint64_t block, MutableByteView into) const;
    void write(std::uint64_t block, ByteView from);
    /// The drive gives up a place: the block goes on elsewhere, what it held stays where no command
    /// of a host reaches it, and only an erasure that covers retired places changes it.
    void retire(std::uint64_t block);

    /// The drive only forgets where these blocks lie: they read as zeros, and what they held stays
    /// as on retired places.
    void forget(std::uint64_t first_block, std::uint64_t count);

    /// The same medium in blocks of another size; what it holds stays where it is, and what does
    /// not fill a block at its end goes. No spare or retired places (asserted).
    void reblock(std::uint32_t block_bytes);

    enum class Leave { zeros, ones, noise };
    /// What an erasure leaves on a part of the medium; `noise` is other content each time (what a
    /// changed key makes of old data).
    void erase(std::uint64_t first_block, std::uint64_t count, Leave leave);
    void fill(std::uint64_t first_block, std::uint64_t count, ByteView pattern);
    void erase_spare(Leave leave);
    void erase_retired(Leave leave);

    /// Whether these bytes stand anywhere on a block boundary.
    [[nodiscard]] bool holds(ByteView block_content) const;  ///< visible or spare
    [[nodiscard]] bool retired_holds(ByteView block_content) const;
    /// Every place, one after the other: visible, spare and retired ones.
    [[nodiscard]] Bytes everything() const;

  private:
    std::uint64_t blocks_;
    std::uint32_t block_bytes_;
    std::uint64_t spare_blocks_;
    std::uint64_t noise_ = 0;
    Bytes visible_;
    std::deque<Bytes> spare_;
    std::deque<Bytes> retired_;
    void leave(MutableByteView place, Leave what);
};

}  // namespace efface::fake
