// SPDX-License-Identifier: Apache-2.0
// Overwriting ranges with the keyed stream, and looking at them again. What happened is returned
// as counts and places; nothing here decides what it means.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/base/progress.hpp"
#include "efface/device/block_target.hpp"
#include "efface/stream/keyed_stream.hpp"

namespace efface::stream {

struct Range {
    std::uint64_t offset = 0;  ///< bytes
    std::uint64_t length = 0;  ///< bytes

    [[nodiscard]] std::uint64_t end() const noexcept { return offset + length; }
    friend bool operator==(const Range&, const Range&) = default;
};

/// Sorted, without overlap or empty ranges, touching ones joined.
[[nodiscard]] std::vector<Range> normalized(std::vector<Range> ranges);
/// `from` without `holes`; both normalized.
[[nodiscard]] std::vector<Range> without(const std::vector<Range>& from,
                                         const std::vector<Range>& holes);
[[nodiscard]] std::uint64_t total_bytes(const std::vector<Range>& ranges) noexcept;

/// Unit in which "did this change" is counted, whatever the device's block size.
constexpr std::uint32_t kBlockBytes = 4096;
/// Places quoted in a report; all further ones are only counted.
constexpr std::size_t kPlacesMax = 64;

struct Fault {
    std::string operation;     ///< "read", "write", "flush"
    std::uint64_t offset = 0;  ///< bytes
    std::uint64_t length = 0;  ///< bytes that were not transferred
    int error = 0;             ///< errno; 0 for a transfer that made no progress
};

struct OverwriteReport {
    std::uint64_t bytes_written = 0;
    std::uint64_t write_faults = 0;
    int flush_error = 0;
    bool stopped = false;       ///< a stop was asked for; the ranges are not completely written
    std::vector<Fault> faults;  ///< the first kPlacesMax

    [[nodiscard]] bool complete() const noexcept {
        return write_faults == 0 && flush_error == 0 && !stopped;
    }
};

/// Writes the stream over `ranges` (normalized) in their order and flushes once at the end. A
/// failed piece is retried block by block, then counted; the rest is still written. Nothing is
/// thrown for I/O.
[[nodiscard]] OverwriteReport overwrite(device::BlockTarget& target,
                                        const std::vector<Range>& ranges, KeyedStream& stream,
                                        ProgressSink& progress, std::stop_token stop);

struct ReadBackReport {
    std::uint64_t bytes_compared = 0;
    std::uint64_t blocks_compared = 0;
    std::uint64_t blocks_different = 0;  ///< do not hold the pattern
    std::uint64_t read_faults = 0;
    bool stopped = false;
    std::vector<std::uint64_t> different_offsets;  ///< the first kPlacesMax
    std::vector<Fault> faults;                     ///< the first kPlacesMax

    /// Every byte of the ranges was read and is the pattern.
    [[nodiscard]] bool matches(std::uint64_t bytes_expected) const noexcept {
        return blocks_different == 0 && read_faults == 0 && !stopped &&
               bytes_compared == bytes_expected;
    }
};

/// Reads `ranges` from the medium and compares with the stream made again. Finds writes that were
/// lost, cut short or altered. Does not find a flush that was acknowledged and not carried out: the
/// medium shows the pattern until the power goes.
[[nodiscard]] ReadBackReport read_back(device::BlockTarget& target,
                                       const std::vector<Range>& ranges, KeyedStream& stream,
                                       ProgressSink& progress, std::stop_token stop);

}  // namespace efface::stream
