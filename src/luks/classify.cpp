// SPDX-License-Identifier: Apache-2.0
// The thresholds, and how often random data crosses them at 64 KiB:
//   byte values, chi-squared (255) outside 153..385        2.5e-7 + 0.6e-7 = 3.2e-7
//   one bits, more than 4.9 standard deviations off        9.6e-7
//   neighbouring bytes correlated, the same                9.6e-7
//   nibble pairs across bytes, chi-squared (255): the same distribution as the byte values, for
//   the pairs share no nibble, hence the same bounds       3.2e-7
// Together below 2.6e-6 a piece. With few bytes the upper tail of chi-squared is heavier: exactly
// computed for one sector (512 bytes) it is 7.1e-7 above 385, which still keeps 1e-6 each.
#include <fmt/format.h>

#include <cmath>

#include "efface/luks/payload_sample.hpp"

#include "magics.hpp"
#include "statistics.hpp"

namespace efface::luks {

namespace {

constexpr double kChiSquaredMin = 153.0;
constexpr double kChiSquaredMax = 385.0;
constexpr double kDeviationsMax = 4.9;

/// Statistics of the sectors that are not all zero.
PieceStatistics measure(ByteView piece) {
    PieceStatistics statistics;
    std::size_t run_begin = 0;
    for (std::size_t at = 0; at < piece.size(); at += kZeroSectorBytes) {
        const std::size_t length = std::min(kZeroSectorBytes, piece.size() - at);
        if (all_zero(piece.subspan(at, length))) {
            statistics.add(piece.subspan(run_begin, at - run_begin));
            run_begin = at + length;
        }
    }
    // A last sector that is cut short: whole words of it.
    const std::size_t rest = piece.size() - run_begin;
    statistics.add(piece.subspan(run_begin, rest - rest % 8));
    return statistics;
}

std::string speak_against(const PieceStatistics& statistics) {
    const double bytes = statistics.byte_chi_squared();
    if (bytes < kChiSquaredMin || bytes > kChiSquaredMax) {
        return fmt::format("byte chi-squared {:.1f}", bytes);
    }
    if (const double bits = statistics.monobit_z(); std::abs(bits) > kDeviationsMax) {
        return fmt::format("one bits {:.1f} deviations off", bits);
    }
    if (const double serial = statistics.serial_z(); std::abs(serial) > kDeviationsMax) {
        return fmt::format("serial correlation {:.1f} deviations off", serial);
    }
    const double nibbles = statistics.nibble_chi_squared();
    if (nibbles < kChiSquaredMin || nibbles > kChiSquaredMax) {
        return fmt::format("nibble chi-squared {:.1f}", nibbles);
    }
    return {};
}

}  // namespace

PieceVerdict classify(ByteView piece) {
    EFFACE_ASSERT(piece.size() >= kPieceBytesMin && piece.size() <= kSampleBytes);
    if (all_zero(piece)) {
        return {PieceClass::zero, {}};
    }
    if (const auto magic = find_magic(piece)) {
        return {PieceClass::structured, fmt::format("magic {} at {}", magic->name, magic->offset)};
    }
    const PieceStatistics statistics = measure(piece);
    if (statistics.bytes() == 0) {
        // Fewer than 8 bytes behind the last whole sector are all that is not zero.
        return {PieceClass::structured, "all zero but for the last bytes"};
    }
    std::string reason = speak_against(statistics);
    return {reason.empty() ? PieceClass::ciphertext_like : PieceClass::structured,
            std::move(reason)};
}

}  // namespace efface::luks
