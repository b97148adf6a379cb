// SPDX-License-Identifier: Apache-2.0
// The boundary to storage that is addressed by bytes: a disk, a partition, a loop device, an image
// file. Everything above sees this interface only; device/linux and tests/fake implement it.
#pragma once

#include <cstdint>
#include <memory>

#include "efface/base/bytes.hpp"

namespace efface::device {

class IoQueue;

/// What the system answered to a read or a write. A short transfer is an answer, not a failure.
struct [[nodiscard]] IoResult {
    std::size_t bytes = 0;  ///< transferred, from the start of the request
    int error = 0;          ///< errno, or 0

    [[nodiscard]] bool complete(std::size_t wanted) const noexcept {
        return error == 0 && bytes == wanted;
    }
};

/// Storage of fixed size. Offsets and lengths are in bytes and need no alignment, though aligned
/// ones (`preferred_alignment()`) avoid copies. Not shared between threads.
class BlockTarget {
  public:
    virtual ~BlockTarget() = default;

    [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;
    /// Offsets, lengths and buffer addresses that are multiples of this go straight to the medium.
    [[nodiscard]] virtual std::uint32_t preferred_alignment() const = 0;

    /// Reads from the medium, past any cache of this host. Retries EINTR only.
    virtual IoResult read_at(std::uint64_t offset, MutableByteView into) = 0;
    /// Writes; durable only after flush() returned 0.
    virtual IoResult write_at(std::uint64_t offset, ByteView from) = 0;
    /// Asks for everything written to be durable. Returns 0 or an errno; a failure means that
    /// nothing since the last good flush may be claimed, whatever a later flush returns.
    [[nodiscard]] virtual int flush() = 0;

    /// For many transfers at once. The default makes them one after the other with read_at() and
    /// write_at().
    [[nodiscard]] virtual std::unique_ptr<IoQueue> make_queue(std::size_t slots,
                                                              std::size_t slot_bytes);
};

}  // namespace efface::device
