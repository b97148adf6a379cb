// SPDX-License-Identifier: Apache-2.0
#include "statistics.hpp"

#include <bit>
#include <cmath>
#include <cstring>

namespace efface::luks {

namespace {

constexpr std::size_t kWordBytes = 8;
constexpr std::size_t kRunBytesMax = std::size_t{64} * 1024;

std::uint64_t load(const std::uint8_t* from) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, kWordBytes);
    return word;
}

double chi_squared(const std::array<std::uint32_t, 256>& counts, std::uint64_t total) {
    double squares = 0;
    for (const std::uint32_t cell : counts) {
        squares += static_cast<double>(cell) * static_cast<double>(cell);
    }
    const auto n = static_cast<double>(total);
    return squares * 256.0 / n - n;
}

/// In blocks that fit 32 bits (65025 * 2^16 < 2^32), so that the compiler can work on many at once.
std::uint64_t sum_products(const std::uint8_t* bytes, std::size_t pairs) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < pairs; ++i) {
        sum += static_cast<std::uint32_t>(bytes[i]) * bytes[i + 1];
    }
    return sum;
}

}  // namespace

void PieceStatistics::add(ByteView run) {
    EFFACE_ASSERT(run.size() % kWordBytes == 0 && bytes_ + run.size() <= kRunBytesMax);
    if (run.empty()) {
        return;
    }
    static_assert(std::endian::native == std::endian::little, "order of the bytes in a word");
    const std::uint8_t* const bytes = run.data();
    const std::size_t last = run.size() - kWordBytes;
    for (std::size_t i = 0; i < last; i += kWordBytes) {
        const std::uint64_t word = __builtin_bswap64(load(bytes + i));
        for (unsigned j = 0; j + 1 < kWordBytes; ++j) {
            ++tables_[j % 2][(word >> (52 - 8 * j)) & 0xfffU];
        }
        ++tables_[1][((word & 0xffU) << 4U) | (bytes[i + kWordBytes] >> 4U)];
    }
    for (std::size_t i = last; i + 1 < run.size(); ++i) {
        ++tables_[0][(std::size_t{bytes[i]} << 4U) | (bytes[i + 1] >> 4U)];
    }
    ++run_ends_[run.back()];
    const std::size_t pairs = run.size() - 1;
    products_ += sum_products(bytes, pairs);
    ends_sum_ += std::uint64_t{run.front()} + run.back();
    bytes_ += run.size();
    pairs_ += pairs;
}

std::array<std::uint32_t, 256> PieceStatistics::byte_counts() const {
    std::array<std::uint32_t, 256> counts = run_ends_;
    for (std::size_t value = 0; value < counts.size(); ++value) {
        for (std::size_t cell = value * 16; cell < value * 16 + 16; ++cell) {
            counts[value] += std::uint32_t{tables_[0][cell]} + tables_[1][cell];
        }
    }
    return counts;
}

double PieceStatistics::byte_chi_squared() const {
    EFFACE_ASSERT(bytes_ != 0);
    return chi_squared(byte_counts(), bytes_);
}

double PieceStatistics::nibble_chi_squared() const {
    EFFACE_ASSERT(pairs_ != 0);
    std::array<std::uint32_t, 256> counts{};
    for (std::size_t cell = 0; cell < kCells; ++cell) {
        counts[cell & 0xffU] += std::uint32_t{tables_[0][cell]} + tables_[1][cell];
    }
    return chi_squared(counts, pairs_);
}

double PieceStatistics::monobit_z() const {
    EFFACE_ASSERT(bytes_ != 0);
    const std::array<std::uint32_t, 256> counts = byte_counts();
    std::uint64_t ones = 0;
    for (std::size_t value = 0; value < counts.size(); ++value) {
        ones += static_cast<std::uint64_t>(std::popcount(value)) * counts[value];
    }
    // 8 n fair bits: mean 4 n, variance 2 n.
    const auto n = static_cast<double>(bytes_);
    return (static_cast<double>(ones) - 4.0 * n) / std::sqrt(2.0 * n);
}

double PieceStatistics::serial_z() const {
    EFFACE_ASSERT(pairs_ != 0);
    // Against the mean and variance of uniform bytes (127.5 and (256^2 - 1) / 12), not those of
    // the sample: a constant piece then has a value too.
    constexpr double kMean = 127.5;
    constexpr double kVariance = 65535.0 / 12.0;
    const auto n = static_cast<double>(pairs_);
    std::uint64_t sum = 0;
    const std::array<std::uint32_t, 256> counts = byte_counts();
    for (std::size_t value = 0; value < counts.size(); ++value) {
        sum += value * counts[value];
    }
    // The sum of (a - mean)(b - mean): each byte is in two pairs, the ends of a run in one.
    const double covariance = static_cast<double>(products_) -
                              kMean * static_cast<double>(2 * sum - ends_sum_) + n * kMean * kMean;
    return covariance / (kVariance * std::sqrt(n));
}

}  // namespace efface::luks
