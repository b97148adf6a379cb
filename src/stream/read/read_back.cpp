// SPDX-License-Identifier: Apache-2.0
#include "efface/base/secret.hpp"
#include "efface/device/aligned_buffer.hpp"
#include "efface/stream/overwrite.hpp"

#include "pass/transfer.hpp"

namespace efface::stream {

namespace {

/// One pass of reading.
class Comparer final {
  public:
    Comparer(device::BlockTarget& target, KeyedStream& stream, std::size_t buffer_bytes)
        : target_(target),
          stream_(stream),
          data_(buffer_bytes),
          reader_(
              target.preferred_alignment(),
              [this](std::uint64_t offset, std::size_t length) {
                  return target_.read_at(offset, data_at(offset, length));
              },
              [this](std::uint64_t offset, std::size_t length) { compare(offset, length); },
              [this](std::uint64_t offset, std::size_t length, int error) {
                  ++report_.read_faults;
                  add_fault(report_.faults, {"read", offset, length, error});
              }) {}
    // What does not hold the pattern may be old key material.
    ~Comparer() { cleanse(data_.view()); }
    Comparer(const Comparer&) = delete;
    Comparer& operator=(const Comparer&) = delete;

    void read_piece(std::uint64_t offset, std::size_t length) {
        piece_offset_ = offset;
        reader_.run(offset, length);
    }

    [[nodiscard]] ReadBackReport report(bool stopped) {
        report_.stopped = stopped;
        report_.blocks_compared = compared_.count();
        report_.blocks_different = different_.count();
        return std::move(report_);
    }

  private:
    [[nodiscard]] MutableByteView data_at(std::uint64_t offset, std::size_t length) {
        return data_.view().subspan(static_cast<std::size_t>(offset - piece_offset_), length);
    }

    void compare(std::uint64_t offset, std::size_t length) {
        report_.bytes_compared += length;
        for_each_part(offset, length, kChunkBytes,
                      [this](std::uint64_t at, std::size_t, std::size_t part) {
                          compare_chunk(at, data_at(at, part));
                      });
    }

    void compare_chunk(std::uint64_t offset, ByteView data) {
        const bool equal = stream_.equals(offset, data);
        bool found = equal;
        for_each_part(offset, data.size(), kBlockBytes,
                      [&](std::uint64_t at, std::size_t done, std::size_t part) {
                          compared_.add(at);
                          if (!equal && !stream_.equals(at, data.subspan(done, part))) {
                              add_difference(at);
                              found = true;
                          }
                      });
        if (!found) {
            add_difference(offset);  // the two looks disagree: nothing may pass for it
        }
    }

    void add_difference(std::uint64_t offset) {
        if (different_.add(offset) && report_.different_offsets.size() < kPlacesMax) {
            report_.different_offsets.push_back(offset);
        }
    }

    device::BlockTarget& target_;
    KeyedStream& stream_;
    device::AlignedBuffer data_;
    std::uint64_t piece_offset_ = 0;
    BlockCounter compared_;
    BlockCounter different_;
    ReadBackReport report_;
    ShrinkingTransfer reader_;
};

}  // namespace

ReadBackReport read_back(device::BlockTarget& target, const std::vector<Range>& ranges,
                         KeyedStream& stream, ProgressSink& progress, std::stop_token stop) {
    Comparer comparer(target, stream, buffer_bytes_for(ranges));
    const bool all = for_each_piece(
        ranges, progress, std::move(stop),
        [&](std::uint64_t offset, std::size_t length) { comparer.read_piece(offset, length); });
    return comparer.report(!all);
}

}  // namespace efface::stream
