// SPDX-License-Identifier: Apache-2.0
// What of one piece is still to be transferred, after transfers of it fell short or failed.
#pragma once

#include <optional>
#include <vector>

#include "efface/device/block_target.hpp"

namespace efface::stream {

struct Failed {
    std::uint64_t offset = 0;  ///< bytes
    std::uint64_t length = 0;  ///< bytes
    int error = 0;             ///< errno; 0 for a transfer that made no progress
};

struct Span {
    std::uint64_t offset = 0;
    std::size_t length = 0;
    unsigned tries = 0;  ///< of this very span, before
};

struct SplitLimits {
    std::size_t unit_bytes = 0;  ///< one logical block: the smallest transfer
    unsigned retries = 0;        ///< of one block, after the first try
    unsigned failed_in_row_max = 0;
};

/// Says which span comes next and learns from the answer. A short transfer goes on behind what was
/// moved; one that moved nothing is cut in halves down to one block. Spans come in rising order.
/// Ends: each answer moves a block, cuts, or uses up a try.
class Splitter final {
  public:
    explicit Splitter(SplitLimits limits) : limits_(limits) {}

    /// A new piece; `length` is a multiple of the unit.
    void begin(std::uint64_t offset, std::size_t length);
    /// The span to transfer now; nullopt when the piece is over.
    [[nodiscard]] std::optional<Span> next() const;
    /// Takes the answer for next(). Returns how many bytes from its start were moved (whole units).
    std::size_t answer(const device::IoResult& result);

    [[nodiscard]] std::uint64_t bytes_moved() const noexcept { return moved_; }
    /// Transfers beyond the first one.
    [[nodiscard]] std::uint64_t retries() const noexcept {
        return answers_ == 0 ? 0 : answers_ - 1;
    }
    /// In rising order, neighbours with the same error joined.
    [[nodiscard]] std::vector<Failed> take_failed() { return std::move(failed_); }

  private:
    void nothing_moved(const Span& span, int error);
    void add_failed(std::uint64_t offset, std::size_t length, int error);

    SplitLimits limits_;
    std::vector<Span> rest_;  // a stack: the lowest address on top
    std::vector<Failed> failed_;
    std::uint64_t moved_ = 0;
    std::uint64_t answers_ = 0;
    unsigned failed_in_row_ = 0;
};

}  // namespace efface::stream
