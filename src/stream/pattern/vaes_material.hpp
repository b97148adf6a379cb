// SPDX-License-Identifier: Apache-2.0
// What the VAES engines make of a key before the first block: the round keys, and a table that
// saves two of the fourteen rounds. x86-64 only, and only for processors with AES and AVX2.
#pragma once

#include <immintrin.h>

#include <algorithm>

#include "ctr_generator.hpp"

namespace efface::stream::vaes {

/// FIPS 197: 14 rounds, and the key that is added before the first.
constexpr int kRounds = 14;
/// Each round key stands as often as the widest register has blocks, so that one load, aligned,
/// brings it.
constexpr std::size_t kCopies = 4;
constexpr std::size_t kRoundKeyBytes = kCopies * kCipherBlockBytes;
constexpr std::size_t kScheduleBytes = (kRounds + 1) * kRoundKeyBytes;
/// Blocks whose numbers differ in the last byte only. That byte reaches one column of the state in
/// the first round and all in the second, where what the columns bring is added up: what two rounds
/// make of a block is what they make of the first block of its group, plus a value that depends on
/// the last byte. So these values are made once, in a table, and two rounds are left out.
constexpr std::uint64_t kGroupBlocks = 256;
constexpr std::size_t kTableBytes = kGroupBlocks * kCipherBlockBytes;
/// The values also depend on what meets the last byte in its column: the bytes 0, 5 and 10 of the
/// counter block. Number 10 changes every 2^40 blocks.
constexpr unsigned kTableShift = 40;
constexpr int kRoundsLeftOut = 2;

/// What is made of one key, in one stretch of memory: a register that is loaded from the end of the
/// table reaches into the schedule, and what comes from there is not used.
constexpr std::size_t kScheduleAt = kTableBytes;
constexpr std::size_t kMaterialBytes = kTableBytes + kScheduleBytes;

struct Start {
    const std::uint8_t* material;
    std::uint64_t nonce;
    std::uint64_t number;  ///< of the first block

    [[nodiscard]] const std::uint8_t* schedule() const noexcept { return material + kScheduleAt; }
};

template <typename Register>
const Register* as(const std::uint8_t* bytes) noexcept {
    return static_cast<const Register*>(static_cast<const void*>(bytes));
}
template <typename Register>
Register* as(std::uint8_t* bytes) noexcept {
    return static_cast<Register*>(static_cast<void*>(bytes));
}

/// Each word of a round key is the sum of the words before it, and of `mixed`.
[[gnu::target("aes,avx2"), gnu::always_inline]] inline __m128i next_key(__m128i key,
                                                                        __m128i mixed) {
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, mixed);
}

[[gnu::target("aes,avx2"), gnu::always_inline]] inline void keep(std::uint8_t* schedule, int round,
                                                                 __m128i key) {
    std::uint8_t* place = schedule + static_cast<std::size_t>(round) * kRoundKeyBytes;
    for (std::size_t copy = 0; copy < kCopies; ++copy) {
        _mm_store_si128(as<__m128i>(place + copy * kCipherBlockBytes), key);
    }
}

/// Round keys 2 * kStep and 2 * kStep + 1.
template <int kStep>
[[gnu::target("aes,avx2"), gnu::always_inline]] inline void expand(std::uint8_t* schedule,
                                                                   __m128i& even, __m128i& odd) {
    constexpr int kRoundConstant = 1 << (kStep - 1);
    even = next_key(even, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(odd, kRoundConstant), 0xff));
    keep(schedule, 2 * kStep, even);
    if constexpr (2 * kStep < kRounds) {
        odd = next_key(odd, _mm_shuffle_epi32(_mm_aeskeygenassist_si128(even, 0), 0xaa));
        keep(schedule, 2 * kStep + 1, odd);
    }
}

/// FIPS 197 section 5.2.
[[gnu::target("aes,avx2"), gnu::noinline]] inline void expand_key(const std::uint8_t* key,
                                                                  std::uint8_t* schedule) {
    __m128i even = _mm_loadu_si128(as<__m128i>(key));
    __m128i odd = _mm_loadu_si128(as<__m128i>(key + kCipherBlockBytes));
    keep(schedule, 0, even);
    keep(schedule, 1, odd);
    expand<1>(schedule, even, odd);
    expand<2>(schedule, even, odd);
    expand<3>(schedule, even, odd);
    expand<4>(schedule, even, odd);
    expand<5>(schedule, even, odd);
    expand<6>(schedule, even, odd);
    expand<7>(schedule, even, odd);
}

[[gnu::target("aes,avx2"), gnu::always_inline]] inline __m128i first_rounds(const Start& start,
                                                                            std::uint64_t number) {
    const std::uint8_t* schedule = start.schedule();
    __m128i block = _mm_set_epi64x(static_cast<long long>(__builtin_bswap64(number)),
                                   static_cast<long long>(__builtin_bswap64(start.nonce)));
    block = _mm_xor_si128(block, _mm_load_si128(as<__m128i>(schedule)));
    block = _mm_aesenc_si128(block, _mm_load_si128(as<__m128i>(schedule + kRoundKeyBytes)));
    return _mm_aesenc_si128(block, _mm_load_si128(as<__m128i>(schedule + 2 * kRoundKeyBytes)));
}

/// For all blocks whose numbers are the same above the lowest kTableShift bits.
[[gnu::target("aes,avx2"), gnu::noinline]] inline void make_table(const Start& start,
                                                                  std::uint8_t* table) {
    const std::uint64_t base = start.number >> kTableShift << kTableShift;
    const __m128i first = first_rounds(start, base);
    for (std::uint64_t last_byte = 0; last_byte < kGroupBlocks; ++last_byte) {
        _mm_store_si128(as<__m128i>(table + last_byte * kCipherBlockBytes),
                        _mm_xor_si128(first, first_rounds(start, base + last_byte)));
    }
}

/// A part of a stretch that lies in one group of blocks.
struct GroupPart {
    GroupPart(const Start& start, std::uint64_t number, std::size_t bytes_left) noexcept
        : first(number - number % kGroupBlocks),
          values(start.material + number % kGroupBlocks * kCipherBlockBytes),
          bytes(std::min<std::size_t>(bytes_left,
                                      (first + kGroupBlocks - number) * kCipherBlockBytes)) {}
    std::uint64_t first;         ///< number of the first block of the group
    const std::uint8_t* values;  ///< in the table
    std::size_t bytes;

    void skip(std::size_t count) noexcept {
        values += count;
        bytes -= count;
    }
};

}  // namespace efface::stream::vaes
