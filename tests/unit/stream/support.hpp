// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "efface/stream/overwrite.hpp"

#include "fake/disk/memory_disk.hpp"

namespace stream_test {

using efface::Bytes;
using efface::fake::Fault;
using efface::fake::MemoryDisk;
using efface::fake::Operation;
using efface::stream::KeyedStream;
using efface::stream::OverwriteReport;
using efface::stream::Range;
using efface::stream::ReadBackReport;

constexpr std::size_t kMiB = std::size_t{1} << 20U;
constexpr std::uint8_t kOldByte = 0x4f;

class CountingSink final : public efface::ProgressSink {
  public:
    void advance(std::uint64_t bytes) override { total += bytes; }
    std::uint64_t total = 0;
};

inline KeyedStream make_stream(std::uint8_t seed = 1) {
    return KeyedStream(Bytes(efface::stream::kStreamKeyBytes, seed));
}

inline OverwriteReport overwrite(MemoryDisk& disk, const std::vector<Range>& ranges,
                                 std::stop_token stop = {}) {
    CountingSink sink;
    KeyedStream stream = make_stream();
    return efface::stream::overwrite(disk, ranges, stream, sink, std::move(stop));
}

inline ReadBackReport read_back(MemoryDisk& disk, const std::vector<Range>& ranges,
                                std::stop_token stop = {}) {
    CountingSink sink;
    KeyedStream stream = make_stream();
    return efface::stream::read_back(disk, ranges, stream, sink, std::move(stop));
}

/// True while some 16 consecutive old bytes are left: random bytes do not repeat one value so
/// often, a surviving stretch of the old content does.
inline bool old_bytes_left(const Bytes& media, const Range& range) {
    const auto begin = media.begin() + static_cast<std::ptrdiff_t>(range.offset);
    const auto end = media.begin() + static_cast<std::ptrdiff_t>(range.end());
    return std::search_n(begin, end, 16, kOldByte) != end;
}

/// Fails the operations of one kind that touch [offset, offset + length): a bad area.
inline MemoryDisk::Hook bad_area(Operation::Kind kind, std::uint64_t offset, std::uint64_t length,
                                 int error) {
    return [=](const Operation& operation) -> Fault {
        const bool touches =
            operation.offset < offset + length && offset < operation.offset + operation.length;
        if (operation.kind == kind && touches) {
            return {Fault::Kind::fail, error, 0};
        }
        return {};
    };
}

}  // namespace stream_test
