// SPDX-License-Identifier: Apache-2.0
#include "efface/stream/overwrite.hpp"

#include <cstring>

#include "efface/base/secret.hpp"
#include "efface/device/aligned_buffer.hpp"

#include "transfer.hpp"

namespace efface::stream {

namespace {

/// One pass of writing: the buffers, the piece in hand and the counts.
class Overwriter final {
  public:
    Overwriter(device::BlockTarget& target, KeyedStream& stream)
        : target_(target),
          stream_(stream),
          pattern_(kPieceBytes),
          old_(kPieceBytes),
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
    // What was there may have been key material.
    ~Overwriter() { cleanse(old_.view()); }
    Overwriter(const Overwriter&) = delete;
    Overwriter& operator=(const Overwriter&) = delete;

    void write_piece(std::uint64_t offset, std::size_t length) {
        piece_offset_ = offset;
        stream_.fill(offset, pattern_.first(length));
        compare_old(offset, length);
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
        report_.blocks_compared_before = compared_.count();
        return std::move(report_);
    }

  private:
    [[nodiscard]] MutableByteView pattern_at(std::uint64_t offset, std::size_t length) {
        return pattern_.view().subspan(static_cast<std::size_t>(offset - piece_offset_), length);
    }

    /// Old content that can not be read is not tried again: it only says less about the past.
    void compare_old(std::uint64_t offset, std::size_t length) {
        const Move read = [&](std::uint64_t at, std::size_t wanted) {
            return target_.read_at(
                at, old_.view().subspan(static_cast<std::size_t>(at - offset), wanted));
        };
        const device::IoResult result = move_all(read, offset, length);
        if (!result.complete(length)) {
            ++report_.read_faults;
            add_fault(report_.faults,
                      {"read", offset + result.bytes, length - result.bytes, result.error});
        }
        for_each_part(offset, result.bytes, kBlockBytes,
                      [this](std::uint64_t at, std::size_t done, std::size_t part) {
                          const bool first_part = compared_.add(at);
                          if (first_part && std::memcmp(old_.view().data() + done,
                                                        pattern_.view().data() + done, part) == 0) {
                              ++report_.blocks_already_pattern;
                          }
                      });
    }

    device::BlockTarget& target_;
    KeyedStream& stream_;
    device::AlignedBuffer pattern_;
    device::AlignedBuffer old_;
    std::uint64_t piece_offset_ = 0;
    BlockCounter compared_;
    OverwriteReport report_;
    ShrinkingTransfer writer_;
};

}  // namespace

OverwriteReport overwrite(device::BlockTarget& target, const std::vector<Range>& ranges,
                          KeyedStream& stream, ProgressSink& progress, std::stop_token stop) {
    Overwriter overwriter(target, stream);
    const bool all = for_each_piece(
        ranges, progress, std::move(stop),
        [&](std::uint64_t offset, std::size_t length) { overwriter.write_piece(offset, length); });
    // Also after a stop or a fault: what was written is to be durable when the run is resumed.
    overwriter.flush();
    return overwriter.report(!all);
}

}  // namespace efface::stream
