// SPDX-License-Identifier: Apache-2.0
// Comparing what was read with the pattern made again.
#pragma once

#include "efface/stream/pass.hpp"

namespace efface::stream {

/// What is not the pattern in one piece, in rising order.
struct Found {
    std::uint64_t blocks_different = 0;
    std::vector<Range> different;                      ///< joined
    std::vector<CheckReport::Difference> differences;  ///< of the first blocks
    std::size_t differences_max = 0;                   ///< how many of those are wanted
};

/// Not shared between threads.
class Comparer final {
  public:
    /// `unit_bytes`: the block in which differences are counted.
    Comparer(const Pattern& pattern, std::size_t unit_bytes);

    /// `offset` is a multiple of the unit; only the end of a target may be a part of one.
    void compare(std::uint64_t offset, ByteView data, Found& found);

  private:
    void compare_blocks(std::uint64_t offset, ByteView data, Found& found);
    static void add_different(std::uint64_t offset, ByteView block, Found& found);

    std::unique_ptr<PatternSource> source_;
    std::size_t unit_;
    std::size_t chunk_;
};

/// Makes sure that no block of the buffer holds what is expected at `offset`: a read that says that
/// it was done and touched nothing is then found.
void spoil(const Pattern& pattern, std::uint64_t offset, MutableByteView buffer,
           std::size_t unit_bytes);

}  // namespace efface::stream
