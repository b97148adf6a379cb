// SPDX-License-Identifier: Apache-2.0
// Moving pieces to and from a target whose transfers may be short or fail: what both directions of
// the engine share.
#pragma once

#include <algorithm>
#include <functional>
#include <stop_token>

#include "efface/base/progress.hpp"
#include "efface/device/block_target.hpp"
#include "efface/stream/overwrite.hpp"

namespace efface::stream {

/// Unit of transfer while nothing goes wrong; memory use is a small multiple of it.
constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;
/// First size that a failed piece is cut into, before single blocks.
constexpr std::size_t kChunkBytes = std::size_t{64} << 10U;
/// Continuations of a transfer that keeps being short, before it counts as failed.
constexpr unsigned kShortTransfersMax = 64;
/// Retries of one pass over all ranges. A device that is gone fails each of them at once, a dying
/// one takes seconds for each: after that many, a failed piece is counted as a whole.
constexpr unsigned kRetriesMax = 1U << 16U;

/// Moves [offset, offset + length); answers like one system call. The view given at a call is what
/// belongs to that offset.
using Move = std::function<device::IoResult(std::uint64_t offset, std::size_t length)>;
using OnDone = std::function<void(std::uint64_t offset, std::size_t length)>;
using OnFault = std::function<void(std::uint64_t offset, std::size_t length, int error)>;

/// Moves a piece; what fails is tried again in chunks and then in units of the target's alignment.
/// Calls `done` for each stretch that was moved and `fault` for each that was not, in order.
class ShrinkingTransfer final {
  public:
    ShrinkingTransfer(std::size_t unit_bytes, Move move, OnDone done, OnFault fault);

    void run(std::uint64_t offset, std::size_t length);

  private:
    /// Steps down from whole pieces: sizes_[depth] is the unit tried at that depth.
    static constexpr std::size_t kDepths = 3;
    void attempt(std::uint64_t offset, std::size_t length, std::size_t depth);

    std::size_t sizes_[kDepths];
    Move move_;
    OnDone done_;
    OnFault fault_;
    unsigned retries_left_ = kRetriesMax;
};

/// Continues short transfers, at most kShortTransfersMax times. `bytes` is what was moved in all;
/// fewer than asked without an error means that no progress was made any more.
[[nodiscard]] device::IoResult move_all(const Move& move, std::uint64_t offset, std::size_t length);

/// Keeps the first kPlacesMax places; neighbours that failed alike are one place.
void add_fault(std::vector<Fault>& faults, Fault fault);

/// Counts blocks of kBlockBytes, each once, although its parts may come one by one (in order).
class BlockCounter final {
  public:
    /// True when the block of this offset was not counted yet.
    bool add(std::uint64_t offset) noexcept {
        const std::uint64_t block = offset / kBlockBytes;
        if (any_ && block == last_) {
            return false;
        }
        any_ = true;
        last_ = block;
        ++count_;
        return true;
    }
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

  private:
    bool any_ = false;
    std::uint64_t last_ = 0;
    std::uint64_t count_ = 0;
};

/// Calls `each` with consecutive pieces of the ranges, cut at multiples of kPieceBytes so that all
/// but the first and the last of a range are aligned. False when a stop was asked for in between.
bool for_each_piece(const std::vector<Range>& ranges, ProgressSink& progress, std::stop_token stop,
                    const std::function<void(std::uint64_t offset, std::size_t length)>& each);

/// No more memory than a pass over `ranges` can use.
[[nodiscard]] inline std::size_t buffer_bytes_for(const std::vector<Range>& ranges) noexcept {
    return static_cast<std::size_t>(std::min<std::uint64_t>(total_bytes(ranges), kPieceBytes));
}

/// The length from `offset` to the end of its block, at most `length`.
[[nodiscard]] constexpr std::size_t within_unit(std::uint64_t offset, std::size_t length,
                                                std::size_t unit) noexcept {
    const std::size_t rest = unit - static_cast<std::size_t>(offset % unit);
    return rest < length ? rest : length;
}

/// Calls `each(offset, done, part)` for the parts of [offset, offset + length) that borders at
/// multiples of `unit` cut it into; `done` is what came before the part.
template <typename Each>
void for_each_part(std::uint64_t offset, std::size_t length, std::size_t unit, const Each& each) {
    std::size_t done = 0;
    while (done < length) {
        const std::size_t part = within_unit(offset + done, length - done, unit);
        each(offset + done, done, part);
        done += part;
    }
}

}  // namespace efface::stream
