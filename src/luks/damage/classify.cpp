// SPDX-License-Identifier: Apache-2.0
// The thresholds, and how often random data crosses them at 64 KiB (two-sided, computed exactly
// from the normal and the chi-squared distribution):
//   byte values, chi-squared (255) outside 146..405        0.5e-8 + 0.64e-8 = 1.1e-8
//   one bits, more than 5.7 standard deviations off        1.2e-8
//   neighbouring bytes correlated, the same                1.2e-8
//   nibble pairs across bytes, chi-squared (255): the same distribution as the byte values, for
//   the pairs share no nibble, hence the same bounds       1.1e-8
// Together below 4.7e-8 a piece. A volume's 301 pieces (95 % confidence of 1 %) raise a false alarm
// in 1.4e-5 of all volumes: one of 70,000 loses its level wrongly. With few bytes the upper tail of
// chi-squared is heavier: exactly computed for one sector (512 bytes) it is 3.3e-8 above 405.
//
// What it costs: a surplus of one bits is found in half of the pieces from 0.39 % on (4.9
// deviations would find 0.34 %), at 6 deviations in six of ten pieces and at 7 in nine. Plain data
// is far beyond: even of 80 pieces of raw deflate (changelogs and programs, no magic within) all
// are found, as with narrower bounds.
#include <fmt/format.h>

#include <cmath>

#include "efface/luks/payload_sample.hpp"

#include "header/magics.hpp"
#include "payload/statistics.hpp"

namespace efface::luks {

namespace {

constexpr double kChiSquaredMin = 146.0;
constexpr double kChiSquaredMax = 405.0;
constexpr double kDeviationsMax = 5.7;

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
        return {PieceClass::structured, "all zero except for the last bytes"};
    }
    std::string reason = speak_against(statistics);
    return {reason.empty() ? PieceClass::ciphertext_like : PieceClass::structured,
            std::move(reason)};
}

}  // namespace efface::luks
