// SPDX-License-Identifier: Apache-2.0
// Memory that a device can transfer to and from without a copy.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "efface/base/bytes.hpp"

namespace efface::device {

/// Alignment of every transfer buffer of ours: a page, and a multiple of any logical block size
/// that Linux gives to direct I/O on this architecture.
constexpr std::size_t kBufferAlignment = 4096;

/// Owns `size` bytes, zeroed: what a read that lied left untouched must not look like a pattern
/// that an earlier buffer held.
class AlignedBuffer final {
  public:
    AlignedBuffer() noexcept = default;
    explicit AlignedBuffer(std::size_t size) : size_(size) {
        const std::size_t rounded =
            (size + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
        data_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kBufferAlignment, rounded)));
        if (!data_) {
            throw std::bad_alloc();
        }
        std::memset(data_.get(), 0, rounded);
    }

    [[nodiscard]] MutableByteView view() noexcept { return {data_.get(), size_}; }
    [[nodiscard]] MutableByteView first(std::size_t count) noexcept { return view().first(count); }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  private:
    struct Free {
        void operator()(std::uint8_t* bytes) const noexcept { std::free(bytes); }
    };
    std::unique_ptr<std::uint8_t[], Free> data_;
    std::size_t size_ = 0;
};

}  // namespace efface::device
