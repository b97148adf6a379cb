// SPDX-License-Identifier: Apache-2.0
#include "efface/stream/overwrite.hpp"

#include "efface/device/aligned_buffer.hpp"

#include "transfer.hpp"

namespace efface::stream {

namespace {

/// One pass of writing: the buffers, the piece in hand and the counts.
class Overwriter final {
  public:
    Overwriter(device::BlockTarget& target, KeyedStream& stream, std::size_t buffer_bytes)
        : target_(target),
          stream_(stream),
          pattern_(buffer_bytes),
          writer_(
              target.preferred_alignment(),
              [this](std::uint64_t offset, std::size_t length) {
                  return target_.write_at(offset, pattern_at(offset, length));
              },
              [this](std::uint64_t, std::size_t length) { report_.bytes_written += length; },
              [this](std::uint64_t offset, std::size_t length, int error) {
                  ++report_.write_faults;
                  add_fault(report_.faults, {"write", offset, length, error});
              }) {}

    void write_piece(std::uint64_t offset, std::size_t length) {
        piece_offset_ = offset;
        stream_.fill(offset, pattern_.first(length));
        writer_.run(offset, length);
    }

    void flush() {
        report_.flush_error = target_.flush();
        if (report_.flush_error != 0) {
            add_fault(report_.faults, {"flush", 0, 0, report_.flush_error});
        }
    }

    [[nodiscard]] OverwriteReport report(bool stopped) {
        report_.stopped = stopped;
        return std::move(report_);
    }

  private:
    [[nodiscard]] MutableByteView pattern_at(std::uint64_t offset, std::size_t length) {
        return pattern_.view().subspan(static_cast<std::size_t>(offset - piece_offset_), length);
    }

    device::BlockTarget& target_;
    KeyedStream& stream_;
    device::AlignedBuffer pattern_;
    std::uint64_t piece_offset_ = 0;
    OverwriteReport report_;
    ShrinkingTransfer writer_;
};

}  // namespace

OverwriteReport overwrite(device::BlockTarget& target, const std::vector<Range>& ranges,
                          KeyedStream& stream, ProgressSink& progress, std::stop_token stop) {
    Overwriter overwriter(target, stream, buffer_bytes_for(ranges));
    const bool all = for_each_piece(
        ranges, progress, std::move(stop),
        [&](std::uint64_t offset, std::size_t length) { overwriter.write_piece(offset, length); });
    // Also after a stop or a fault: what was written is to be durable when the run is resumed.
    overwriter.flush();
    return overwriter.report(!all);
}

}  // namespace efface::stream
