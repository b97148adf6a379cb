// SPDX-License-Identifier: Apache-2.0
// Transfers of any offset and length on a descriptor that wants aligned ones.
#pragma once

#include "efface/base/file.hpp"
#include "efface/device/aligned_buffer.hpp"
#include "efface/device/block_target.hpp"

namespace efface::device {

/// How a descriptor may be used.
struct DirectLayout {
    bool direct = false;       ///< opened with O_DIRECT, and the file system honours it
    bool drop_cached = false;  ///< cached pages are dropped before each read
    std::uint32_t unit = 512;  ///< offsets and lengths; a power of two, at most kBufferAlignment
    std::uint64_t size_bytes = 0;
};

/// Reads and writes past the page cache. Edges that are not aligned go through a bounce buffer,
/// which is read first where a write does not cover it. The end of a file whose size is no
/// multiple of the unit is written through `buffered` and synced at once.
class DirectFile final {
  public:
    /// `buffered` may be empty when the size is a multiple of the unit or I/O is not direct.
    DirectFile(UniqueFd fd, UniqueFd buffered, DirectLayout layout);

    IoResult read_at(std::uint64_t offset, MutableByteView into);
    IoResult write_at(std::uint64_t offset, ByteView from);

    [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }
    [[nodiscard]] const DirectLayout& layout() const noexcept { return layout_; }

  private:
    [[nodiscard]] std::size_t step_length(std::uint64_t offset, const std::uint8_t* address,
                                          std::size_t length) const;
    [[nodiscard]] bool straight(std::uint64_t offset, const std::uint8_t* address,
                                std::size_t length) const;
    IoResult read_step(std::uint64_t offset, MutableByteView into);
    IoResult write_step(std::uint64_t offset, ByteView from);
    IoResult write_bounced(std::uint64_t offset, ByteView from);
    IoResult write_tail(std::uint64_t offset, ByteView from);
    [[nodiscard]] std::uint64_t whole_units_end() const noexcept;
    MutableByteView bounce(std::size_t length);

    UniqueFd fd_;
    UniqueFd buffered_;
    DirectLayout layout_;
    AlignedBuffer bounce_;
};

}  // namespace efface::device
