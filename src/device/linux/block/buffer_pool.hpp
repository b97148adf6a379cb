// SPDX-License-Identifier: Apache-2.0
// Transfer buffers of one queue, side by side in memory of their own.
#pragma once

#include "efface/base/bytes.hpp"

namespace efface::device {

/// Owns `count` zeroed buffers of `bytes` each, aligned to kBufferAlignment, in huge pages where
/// the system has them (a transfer then is a few segments and not hundreds), left out of core
/// dumps.
class BufferPool final {
  public:
    /// Throws Error(internal) when there is no memory.
    BufferPool(std::size_t count, std::size_t bytes);
    ~BufferPool();
    BufferPool(const BufferPool&) = delete;
    BufferPool& operator=(const BufferPool&) = delete;

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] MutableByteView buffer(std::size_t index) const {
        EFFACE_ASSERT(index < count_);
        return {first_ + index * stride_, bytes_};
    }

  private:
    std::size_t count_;
    std::size_t bytes_;
    std::size_t stride_;
    std::size_t mapped_bytes_;
    void* mapping_ = nullptr;
    std::uint8_t* first_ = nullptr;
};

}  // namespace efface::device
