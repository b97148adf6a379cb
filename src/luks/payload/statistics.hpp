// SPDX-License-Identifier: Apache-2.0
// Four statistics that ciphertext must not stand out in.
#pragma once

#include <array>

#include "efface/base/bytes.hpp"

namespace efface::luks {

constexpr std::size_t kZeroSectorBytes = 512;

/// Counts that all four statistics follow from; fed in runs.
class PieceStatistics final {
  public:
    /// Adds a run of bytes; a multiple of 8 long, at most 64 KiB in all runs together.
    void add(ByteView run);

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

    // Each wants at least one byte; under random data each has the distribution that it names.
    /// Of byte values: chi-squared with 255 degrees of freedom.
    [[nodiscard]] double byte_chi_squared() const;
    /// Of (low half of a byte, high half of the next): chi-squared with 255 degrees of freedom.
    /// Sees order, which the byte values do not; halves within one byte are left to that one.
    [[nodiscard]] double nibble_chi_squared() const;
    /// Number of one bits, in standard deviations.
    [[nodiscard]] double monobit_z() const;
    /// Correlation of each byte with the next, in standard deviations.
    [[nodiscard]] double serial_z() const;

  private:
    // One increment a byte serves both chi-squared tests: a cell is a byte and the high half of the
    // next (12 bits). Two tables, so that equal neighbours do not wait for each other; 16 bits
    // hold every count, for there are fewer than 2^16 neighbours.
    static constexpr std::size_t kCells = 4096;
    using Table = std::array<std::uint16_t, kCells>;
    std::array<Table, 2> tables_{};
    std::array<std::uint32_t, 256> run_ends_{};  ///< last bytes of runs, which have no next
    std::uint64_t bytes_ = 0;
    std::uint64_t pairs_ = 0;     ///< neighbours within runs
    std::uint64_t products_ = 0;  ///< sum over neighbours of their product
    std::uint64_t ends_sum_ = 0;  ///< sum over runs of the first and the last byte

    [[nodiscard]] std::array<std::uint32_t, 256> byte_counts() const;
};

}  // namespace efface::luks
