// SPDX-License-Identifier: Apache-2.0
#include "buffer_pool.hpp"

#include <sys/mman.h>

#include <cerrno>

#include "efface/base/error.hpp"
#include "efface/device/aligned_buffer.hpp"

namespace efface::device {

namespace {

/// Of a transparent huge page, on every architecture with 4 KiB pages.
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20U;

constexpr std::size_t rounded_up(std::size_t value, std::size_t unit) {
    return (value + unit - 1) / unit * unit;
}

}  // namespace

BufferPool::BufferPool(std::size_t count, std::size_t bytes)
    : count_(count), bytes_(bytes), stride_(rounded_up(bytes, kBufferAlignment)) {
    EFFACE_ASSERT(count > 0 && bytes > 0 && bytes <= SIZE_MAX / 2 / count);
    const std::size_t total = stride_ * count;
    mapped_bytes_ = total + kHugePageBytes;  // room to begin at a huge page
    mapping_ =
        ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping_ == MAP_FAILED) {
        throw_errno(ErrorCode::internal, "reserving transfer buffers failed", errno);
    }
    const auto address = reinterpret_cast<std::uintptr_t>(mapping_);
    first_ = static_cast<std::uint8_t*>(mapping_) + (rounded_up(address, kHugePageBytes) - address);
    // Wishes; without them it works as well.
    (void)::madvise(first_, total, MADV_DONTDUMP);
    if (total >= kHugePageBytes) {
        (void)::madvise(first_, total / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);
    }
}

BufferPool::~BufferPool() {
    (void)::munmap(mapping_, mapped_bytes_);
}

}  // namespace efface::device
