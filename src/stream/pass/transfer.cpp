// SPDX-License-Identifier: Apache-2.0
#include "transfer.hpp"

#include <algorithm>

namespace efface::stream {

device::IoResult move_all(const Move& move, std::uint64_t offset, std::size_t length) {
    device::IoResult total;
    for (unsigned i = 0; i <= kShortTransfersMax && total.bytes < length; ++i) {
        const device::IoResult step = move(offset + total.bytes, length - total.bytes);
        EFFACE_ASSERT(step.bytes <= length - total.bytes);
        total.bytes += step.bytes;
        total.error = step.error;
        if (step.error != 0 || step.bytes == 0) {
            break;
        }
    }
    return total;
}

ShrinkingTransfer::ShrinkingTransfer(std::size_t unit_bytes, Move move, OnDone done, OnFault fault)
    : sizes_{kPieceBytes, kChunkBytes, std::clamp<std::size_t>(unit_bytes, 1, kChunkBytes)},
      move_(std::move(move)),
      done_(std::move(done)),
      fault_(std::move(fault)) {}

void ShrinkingTransfer::run(std::uint64_t offset, std::size_t length) {
    EFFACE_ASSERT(length <= kPieceBytes);
    attempt(offset, length, 0);
}

// Recursion to a depth of kDepths.
void ShrinkingTransfer::attempt(std::uint64_t offset, std::size_t length, std::size_t depth) {
    const device::IoResult result = move_all(move_, offset, length);
    if (result.bytes > 0) {
        done_(offset, result.bytes);
    }
    if (result.complete(length)) {
        return;
    }
    if (result.bytes == length) {
        // All was moved, and yet an error was returned: the error counts.
        fault_(offset, length, result.error);
        return;
    }
    offset += result.bytes;
    length -= result.bytes;
    const std::size_t below = depth + 1;
    while (length > 0) {
        if (below == kDepths || retries_left_ == 0) {
            fault_(offset, length, result.error);
            return;
        }
        --retries_left_;
        const std::size_t part = within_unit(offset, length, sizes_[below]);
        attempt(offset, part, below);
        offset += part;
        length -= part;
    }
}

void add_fault(std::vector<Fault>& faults, Fault fault) {
    if (!faults.empty()) {
        Fault& last = faults.back();
        if (last.operation == fault.operation && last.error == fault.error &&
            last.offset + last.length == fault.offset) {
            last.length += fault.length;
            return;
        }
    }
    if (faults.size() < kPlacesMax) {
        faults.push_back(std::move(fault));
    }
}

bool for_each_piece(const std::vector<Range>& ranges, ProgressSink& progress, std::stop_token stop,
                    const std::function<void(std::uint64_t, std::size_t)>& each) {
    std::uint64_t previous_end = 0;
    for (const Range& range : ranges) {
        EFFACE_ASSERT(range.length > 0 && range.length <= UINT64_MAX - range.offset);
        EFFACE_ASSERT(range.offset >= previous_end);
        previous_end = range.end();
        std::uint64_t offset = range.offset;
        while (offset < range.end()) {
            if (stop.stop_requested()) {
                return false;
            }
            const std::size_t rest = static_cast<std::size_t>(
                std::min<std::uint64_t>(range.end() - offset, kPieceBytes));
            const std::size_t length = within_unit(offset, rest, kPieceBytes);
            each(offset, length);
            progress.advance(length);
            offset += length;
        }
    }
    return true;
}

}  // namespace efface::stream
