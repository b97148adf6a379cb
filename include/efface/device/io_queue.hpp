// SPDX-License-Identifier: Apache-2.0
// Transfers of one target with several in flight, into and from buffers that the queue owns.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "efface/base/bytes.hpp"
#include "efface/device/block_target.hpp"

namespace efface::device {

/// Each slot is one buffer with at most one transfer in flight. Used by one thread, but a slot that
/// is not in flight may be filled or looked at by another. Must not outlive its target. Destroying
/// it waits for what is in flight.
class IoQueue {
  public:
    virtual ~IoQueue() = default;

    [[nodiscard]] virtual std::size_t slots() const = 0;
    /// The whole buffer of a slot: `slot_bytes` as asked for, aligned to kBufferAlignment.
    [[nodiscard]] virtual MutableByteView buffer(std::size_t slot) = 0;

    /// Starts a transfer of the first `length` bytes of the slot's buffer; `offset` and `length`
    /// are multiples of the target's preferred_alignment() (asserted). An answer of the device,
    /// also "refused at once", comes out of wait().
    virtual void submit_read(std::size_t slot, std::uint64_t offset, std::size_t length) = 0;
    virtual void submit_write(std::size_t slot, std::uint64_t offset, std::size_t length) = 0;

    struct Done {
        std::size_t slot = 0;
        IoResult result;  ///< may be short
    };
    /// The next transfer that ended, in any order; nullopt when `timeout` passed before, or at once
    /// when nothing is in flight.
    [[nodiscard]] virtual std::optional<Done> wait(std::chrono::milliseconds timeout) = 0;

    /// How the transfers are made, for the record: "io_uring, registered buffers", "io_uring",
    /// "pread/pwrite".
    [[nodiscard]] virtual std::string engine() const = 0;
    /// Why it is not the first of these; empty when it is.
    [[nodiscard]] virtual std::string engine_note() const = 0;
};

}  // namespace efface::device
