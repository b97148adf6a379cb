// SPDX-License-Identifier: Apache-2.0
// Passes over a disk in memory, with small slots so that many of them are needed.
#pragma once

#include "efface/stream/pass.hpp"

#include "fake/disk/fixed.hpp"
#include "support.hpp"

namespace stream_test {

using efface::stream::CheckReport;
using efface::stream::FillReport;
using efface::stream::Pace;
using efface::stream::PassOptions;
using efface::stream::PassWatcher;
using efface::stream::Pattern;

constexpr std::size_t kSlot = std::size_t{64} << 10U;

/// Says `on` unless told otherwise; keeps what it was told.
class RecordingWatcher final : public PassWatcher {
  public:
    Go go(const Pace& pace) override {
        paces.push_back(pace);
        return answer ? answer(pace) : Go::on;
    }
    void advance(std::uint64_t bytes) override {
        advanced += bytes;
        if (on_advance) {
            on_advance(advanced);
        }
    }
    void written(std::uint64_t offset_bytes, const FillReport& so_far) override {
        watermarks.push_back(offset_bytes);
        CHECK(so_far.watermark == offset_bytes);
        if (on_written) {
            on_written(offset_bytes, so_far);
        }
    }
    void compared(std::uint64_t offset_bytes, const CheckReport&) override {
        compared_to.push_back(offset_bytes);
    }

    std::function<Go(const Pace&)> answer;
    std::function<void(std::uint64_t)> on_advance;
    std::function<void(std::uint64_t, const FillReport&)> on_written;
    std::vector<Pace> paces;
    std::uint64_t advanced = 0;
    std::vector<std::uint64_t> watermarks;
    std::vector<std::uint64_t> compared_to;
};

inline PassOptions small_options() {
    PassOptions options;
    options.slots = 4;
    options.slot_bytes = kSlot;
    options.failed_blocks_per_slot_max = 16;
    return options;
}

inline Pattern random_pattern(std::uint8_t seed = 1) {
    return {Pattern::Kind::random, Bytes(efface::stream::kStreamKeyBytes, seed)};
}
inline Pattern repeating(Bytes bytes) {
    return {Pattern::Kind::repeating, std::move(bytes)};
}

inline FillReport fill(efface::device::BlockTarget& disk, const Pattern& pattern,
                       std::uint64_t from = 0, const PassOptions& options = small_options(),
                       std::stop_token stop = {}) {
    RecordingWatcher watcher;
    const efface::fake::FixedClock clock;
    return efface::stream::fill(disk, pattern, from, options, watcher, clock, std::move(stop));
}

inline CheckReport check(efface::device::BlockTarget& disk, const Pattern& pattern,
                         const std::vector<Range>& ranges,
                         const PassOptions& options = small_options(), std::stop_token stop = {}) {
    RecordingWatcher watcher;
    const efface::fake::FixedClock clock;
    return efface::stream::check(disk, pattern, ranges, options, watcher, clock, std::move(stop));
}
inline CheckReport check(efface::device::BlockTarget& disk, const Pattern& pattern) {
    return check(disk, pattern, {{0, disk.size_bytes()}});
}

/// The pattern made at once, by the cipher alone.
inline Bytes expected_bytes(const Pattern& pattern, std::size_t size) {
    Bytes bytes(size);
    if (pattern.kind == Pattern::Kind::random) {
        KeyedStream(pattern.bytes).fill(0, bytes);
        return bytes;
    }
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = pattern.bytes[i % pattern.bytes.size()];
    }
    return bytes;
}

}  // namespace stream_test
