// SPDX-License-Identifier: Apache-2.0
#include "whole_medium.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/device/aligned_buffer.hpp"

#include "drive/record/record.hpp"

namespace efface::method {

namespace {

constexpr std::size_t kPieceReadBytes = std::size_t{1} << 20U;
constexpr std::size_t kDifferentKept = 16;

void compare(ByteView piece, std::uint64_t offset, std::size_t block_bytes, WholeSeen& seen) {
    seen.compared_bytes += piece.size();
    if (keeps(seen.promise, piece)) {
        return;
    }
    for (std::size_t at = 0; at < piece.size(); at += block_bytes) {
        const auto shows = look_at_block(
            seen.promise, piece.subspan(at, std::min(block_bytes, piece.size() - at)));
        if (shows != BlockShows::other) {
            seen.deallocated_blocks += shows == BlockShows::deallocated ? 1U : 0U;
            continue;
        }
        ++seen.mismatches;
        if (seen.different.size() < kDifferentKept) {
            seen.different.push_back(offset + at);
        }
    }
}

}  // namespace

bool read_whole(device::BlockTarget& surface, const PlaceReader& read, const std::stop_token& stop,
                WholeSeen& seen) {
    const std::uint64_t size = surface.size_bytes();
    const std::size_t block_bytes = std::max(canary_bytes(), surface.preferred_alignment());
    const std::uint64_t unexpected_before = seen.unexpected_bytes;
    EFFACE_ASSERT(kPieceReadBytes % block_bytes == 0 && !seen.promise.repeated.empty());
    // What a read that brings nothing leaves behind is not what is promised.
    const auto nothing_read = static_cast<std::uint8_t>(~seen.promise.repeated.front());
    seen.planned_bytes += size;
    device::AlignedBuffer buffer(kPieceReadBytes);
    for (std::uint64_t offset = 0; offset < size; offset += kPieceReadBytes) {
        if (stop.stop_requested()) {
            return false;
        }
        const auto piece = buffer.view().first(
            static_cast<std::size_t>(std::min<std::uint64_t>(kPieceReadBytes, size - offset)));
        std::fill(piece.begin(), piece.end(), nothing_read);
        if (surface.read_at(offset, piece).complete(piece.size())) {
            compare(piece, offset, block_bytes, seen);
            continue;
        }
        for (std::size_t at = 0; at < piece.size(); at += block_bytes) {
            const auto block = piece.subspan(at, std::min(block_bytes, piece.size() - at));
            std::fill(block.begin(), block.end(), nothing_read);
            const auto answer = read(offset + at, block);
            if (answer.readable) {
                compare(block, offset + at, block_bytes, seen);
                continue;
            }
            // Where content is promised every block can be read: no status is expected.
            seen.unreadable_bytes += block.size();
            seen.unexpected_bytes += block.size();
        }
        if ((seen.unexpected_bytes - unexpected_before) * kUnexpectedShare > size) {
            return false;
        }
    }
    return true;
}

bool judge_whole(const WholeSeen& seen, Outcome& outcome) {
    if (seen.mismatches > 0) {
        outcome.verdict = worst(outcome.verdict, Verdict::not_sanitized);
        outcome.reasons.push_back(
            {ReasonCode::content_differs,
             fmt::format(
                 "{} blocks do not hold what the technique leaves ({}), the first at byte {}",
                 seen.mismatches, to_text(seen.promise), seen.different.front())});
    }
    if (seen.unexpected_bytes > 0) {
        outcome.exceptions.push_back(
            {ReasonCode::unreadable_blocks,
             fmt::format("{} bytes cannot be read although the technique leaves them readable",
                         seen.unexpected_bytes)});
    }
    return seen.mismatches == 0 && seen.compared_bytes > 0 &&
           seen.compared_bytes + seen.unexpected_bytes == seen.planned_bytes &&
           seen.unexpected_bytes <= seen.planned_bytes / kUnexpectedShare;
}

Json to_json(const WholeSeen& seen) {
    ObjectWriter json;
    if (seen.deallocated_blocks > 0) {
        json.add("deallocatedBlocks", seen.deallocated_blocks);
    }
    return json.add("content", to_text(seen.promise))
        .add("bytesPlanned", seen.planned_bytes)
        .add("bytesCompared", seen.compared_bytes)
        .add("mismatches", seen.mismatches)
        .add("different", Json(seen.different))
        .add("unreadableBytes", seen.unreadable_bytes)
        .add("unexpectedBytes", seen.unexpected_bytes)
        .take();
}

}  // namespace efface::method
