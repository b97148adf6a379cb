// SPDX-License-Identifier: Apache-2.0
// AES-256-CTR with VAES (Intel 64 Architectures Software Developer's Manual, volume 2: VAESENC,
// AESKEYGENASSIST). Only functions that carry a `target` attribute use the instructions: the rest
// of the program runs on any processor. None of them branches on, or addresses memory by, key or
// data.
#include "vaes_generator.hpp"

#include "efface/base/error.hpp"
#include "efface/base/secret.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#include <utility>

namespace efface::stream {

namespace {

/// FIPS 197: 14 rounds, and the key that is added before the first.
constexpr int kRounds = 14;
/// Each round key stands as often as the widest register has blocks, so that one load, aligned,
/// brings it.
constexpr std::size_t kCopies = 4;
constexpr std::size_t kRoundKeyBytes = kCopies * kCipherBlockBytes;
constexpr std::size_t kScheduleBytes = (kRounds + 1) * kRoundKeyBytes;
constexpr int kBlocksIn256 = 2;
constexpr int kBlocksIn512 = 4;
/// Registers in work at a time: enough to hide what one round takes.
constexpr int kWays = 8;

/// Byte shuffle of a lane: each half is turned round.
constexpr long long kLowerReversed = 0x0001020304050607;
constexpr long long kUpperReversed = 0x08090a0b0c0d0e0f;

struct Counter {
    std::uint64_t nonce;
    std::uint64_t first;
};

/// What is done with the stream.
enum class Use { store, add, compare };

/// Where it is done: `in` for add and compare, `out` for store and add.
struct Stretch {
    const std::uint8_t* in;
    std::uint8_t* out;
    std::size_t bytes;

    void skip(std::size_t count) noexcept {
        in = in == nullptr ? nullptr : in + count;
        out = out == nullptr ? nullptr : out + count;
        bytes -= count;
    }
};

/// Memory that was last in another core's hands comes in time: about a tenth faster.
template <Use kUse>
[[gnu::always_inline]] inline void fetch_ahead(const Stretch& stretch, std::size_t step) {
    constexpr std::size_t kAheadBytes = 2048;
    constexpr std::size_t kLineBytes = 64;
    if (stretch.bytes < kAheadBytes + step) {
        return;
    }
    const std::uint8_t* from = kUse == Use::store ? stretch.out : stretch.in;
    for (std::size_t at = 0; at < step; at += kLineBytes) {
        __builtin_prefetch(from + kAheadBytes + at);
    }
}

template <typename Register>
const Register* as(const std::uint8_t* bytes) noexcept {
    return static_cast<const Register*>(static_cast<const void*>(bytes));
}
template <typename Register>
Register* as(std::uint8_t* bytes) noexcept {
    return static_cast<Register*>(static_cast<void*>(bytes));
}

// --- key schedule (FIPS 197 section 5.2) ---

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

[[gnu::target("aes,avx2"), gnu::noinline]] void expand_key(const std::uint8_t* key,
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

// --- 512 bits: four blocks a register ---

/// The number of each block is the upper half of its lane, little endian until it is used.
[[gnu::target("avx512f,avx512bw,vaes"), gnu::always_inline]] inline __m512i counters_512(
    const Counter& start) {
    const auto nonce = static_cast<long long>(start.nonce);
    const auto first = static_cast<long long>(start.first);
    const __m512i steps = _mm512_set_epi64(3, 0, 2, 0, 1, 0, 0, 0);
    return _mm512_add_epi64(steps, _mm512_set4_epi64(first, nonce, first, nonce));
}

template <int kCount>
[[gnu::target("avx512f,avx512bw,vaes"), gnu::always_inline]] inline void encrypt_512(
    const std::uint8_t* schedule, __m512i& counter, __m512i (&blocks)[kWays]) {
    const __m512i big_endian =
        _mm512_set_epi64(kUpperReversed, kLowerReversed, kUpperReversed, kLowerReversed,
                         kUpperReversed, kLowerReversed, kUpperReversed, kLowerReversed);
    const __m512i step = _mm512_maskz_set1_epi64(0xaa, kBlocksIn512);
    __m512i key = _mm512_load_si512(schedule);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) {
        blocks[i] = _mm512_xor_si512(_mm512_shuffle_epi8(counter, big_endian), key);
        counter = _mm512_add_epi64(counter, step);
    }
#pragma GCC unroll 16
    for (int round = 1; round < kRounds; ++round) {
        key = _mm512_load_si512(schedule + static_cast<std::size_t>(round) * kRoundKeyBytes);
#pragma GCC unroll 8
        for (int i = 0; i < kCount; ++i) {
            blocks[i] = _mm512_aesenc_epi128(blocks[i], key);
        }
    }
    key = _mm512_load_si512(schedule + kRounds * kRoundKeyBytes);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) {
        blocks[i] = _mm512_aesenclast_epi128(blocks[i], key);
    }
}

/// `mask`: the 64-bit words of the register that there are.
template <Use kUse>
[[gnu::target("avx512f,avx512bw,vaes"), gnu::always_inline]] inline void use_512(
    __m512i stream, const Stretch& stretch, std::size_t at, __mmask8 mask, __m512i& different) {
    if constexpr (kUse != Use::store) {
        stream =
            _mm512_maskz_xor_epi64(mask, stream, _mm512_maskz_loadu_epi64(mask, stretch.in + at));
    }
    if constexpr (kUse == Use::compare) {
        different = _mm512_or_si512(different, stream);
    } else {
        _mm512_mask_storeu_epi64(stretch.out + at, mask, stream);
    }
}

/// False when compared bytes differ.
template <Use kUse>
[[gnu::target("avx512f,avx512bw,vaes"), gnu::noinline]] bool run_512(const std::uint8_t* schedule,
                                                                     const Counter& start,
                                                                     Stretch stretch) {
    constexpr std::size_t kRegisterBytes = kBlocksIn512 * kCipherBlockBytes;
    constexpr std::size_t kStepBytes = kWays * kRegisterBytes;
    constexpr __mmask8 kAll = 0xff;
    __m512i counter = counters_512(start);
    __m512i different = _mm512_setzero_si512();
    __m512i blocks[kWays];
    for (; stretch.bytes >= kStepBytes; stretch.skip(kStepBytes)) {
        fetch_ahead<kUse>(stretch, kStepBytes);
        encrypt_512<kWays>(schedule, counter, blocks);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kWays; ++i) {
            use_512<kUse>(blocks[i], stretch, i * kRegisterBytes, kAll, different);
        }
    }
    for (; stretch.bytes >= kRegisterBytes; stretch.skip(kRegisterBytes)) {
        encrypt_512<1>(schedule, counter, blocks);
        use_512<kUse>(blocks[0], stretch, 0, kAll, different);
    }
    if (stretch.bytes > 0) {
        const auto mask =
            static_cast<__mmask8>((1U << (stretch.bytes / sizeof(std::uint64_t))) - 1);
        encrypt_512<1>(schedule, counter, blocks);
        use_512<kUse>(blocks[0], stretch, 0, mask, different);
    }
    return _mm512_test_epi64_mask(different, different) == 0;
}

// --- 256 bits: two blocks a register ---

[[gnu::target("avx2,vaes"), gnu::always_inline]] inline __m256i round_key_256(
    const std::uint8_t* schedule, int round) {
    return _mm256_load_si256(
        as<__m256i>(schedule + static_cast<std::size_t>(round) * kRoundKeyBytes));
}

template <int kCount>
[[gnu::target("avx2,vaes"), gnu::always_inline]] inline void encrypt_256(
    const std::uint8_t* schedule, __m256i& counter, __m256i (&blocks)[kWays]) {
    const __m256i big_endian =
        _mm256_set_epi64x(kUpperReversed, kLowerReversed, kUpperReversed, kLowerReversed);
    const __m256i step = _mm256_set_epi64x(kBlocksIn256, 0, kBlocksIn256, 0);
    // Keeps the compiler from loading all round keys before the loop: there are not so many
    // registers, and it would leave copies of them on the stack.
    __asm__ volatile("" : "+r"(schedule));
    __m256i key = round_key_256(schedule, 0);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) {
        blocks[i] = _mm256_xor_si256(_mm256_shuffle_epi8(counter, big_endian), key);
        counter = _mm256_add_epi64(counter, step);
    }
#pragma GCC unroll 16
    for (int round = 1; round < kRounds; ++round) {
        key = round_key_256(schedule, round);
#pragma GCC unroll 8
        for (int i = 0; i < kCount; ++i) {
            blocks[i] = _mm256_aesenc_epi128(blocks[i], key);
        }
    }
    key = round_key_256(schedule, kRounds);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) {
        blocks[i] = _mm256_aesenclast_epi128(blocks[i], key);
    }
}

template <Use kUse>
[[gnu::target("avx2,vaes"), gnu::always_inline]] inline void use_256(__m256i stream,
                                                                     const Stretch& stretch,
                                                                     std::size_t at,
                                                                     __m256i& different) {
    if constexpr (kUse != Use::store) {
        stream = _mm256_xor_si256(stream, _mm256_loadu_si256(as<__m256i>(stretch.in + at)));
    }
    if constexpr (kUse == Use::compare) {
        different = _mm256_or_si256(different, stream);
    } else {
        _mm256_storeu_si256(as<__m256i>(stretch.out + at), stream);
    }
}

template <Use kUse>
[[gnu::target("avx2,vaes"), gnu::noinline]] bool run_256(const std::uint8_t* schedule,
                                                         const Counter& start, Stretch stretch) {
    constexpr std::size_t kRegisterBytes = kBlocksIn256 * kCipherBlockBytes;
    constexpr std::size_t kStepBytes = kWays * kRegisterBytes;
    const auto nonce = static_cast<long long>(start.nonce);
    const auto first = static_cast<long long>(start.first);
    __m256i counter = _mm256_add_epi64(_mm256_set_epi64x(1, 0, 0, 0),
                                       _mm256_set_epi64x(first, nonce, first, nonce));
    __m256i different = _mm256_setzero_si256();
    __m256i blocks[kWays];
    for (; stretch.bytes >= kStepBytes; stretch.skip(kStepBytes)) {
        fetch_ahead<kUse>(stretch, kStepBytes);
        encrypt_256<kWays>(schedule, counter, blocks);
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kWays; ++i) {
            use_256<kUse>(blocks[i], stretch, i * kRegisterBytes, different);
        }
    }
    for (; stretch.bytes >= kRegisterBytes; stretch.skip(kRegisterBytes)) {
        encrypt_256<1>(schedule, counter, blocks);
        use_256<kUse>(blocks[0], stretch, 0, different);
    }
    if (stretch.bytes > 0) {  // one block
        encrypt_256<1>(schedule, counter, blocks);
        __m128i last = _mm256_castsi256_si128(blocks[0]);
        if constexpr (kUse != Use::store) {
            last = _mm_xor_si128(last, _mm_loadu_si128(as<__m128i>(stretch.in)));
        }
        if constexpr (kUse == Use::compare) {
            different = _mm256_or_si256(different, _mm256_zextsi128_si256(last));
        } else {
            _mm_storeu_si128(as<__m128i>(stretch.out), last);
        }
    }
    return _mm256_testz_si256(different, different) != 0;
}

// --- dispatch ---

class VaesGenerator final : public CtrGenerator {
  public:
    VaesGenerator(CtrEngine engine, ByteView key, std::uint64_t nonce)
        : engine_(engine), nonce_(nonce), schedule_(kScheduleBytes) {
        EFFACE_ASSERT(key.size() == kKeyBytes);
        expand_key(key.data(), schedule_.view().data());
    }

    void fill(std::uint64_t first, MutableByteView into) override {
        (void)run<Use::store>(first, {nullptr, into.data(), into.size()});
    }
    void difference(std::uint64_t first, ByteView data, MutableByteView into) override {
        EFFACE_ASSERT(into.size() == data.size());
        (void)run<Use::add>(first, {data.data(), into.data(), data.size()});
    }
    [[nodiscard]] bool equals(std::uint64_t first, ByteView data) override {
        return run<Use::compare>(first, {data.data(), nullptr, data.size()});
    }
    [[nodiscard]] CtrEngine engine() const noexcept override { return engine_; }

  private:
    template <Use kUse>
    [[nodiscard]] bool run(std::uint64_t first, const Stretch& stretch) const {
        EFFACE_ASSERT(stretch.bytes % kCipherBlockBytes == 0);
        const std::uint8_t* schedule = schedule_.view().data();
        const Counter start{nonce_, first};
        return engine_ == CtrEngine::vaes_512 ? run_512<kUse>(schedule, start, stretch)
                                              : run_256<kUse>(schedule, start, stretch);
    }

    CtrEngine engine_;
    std::uint64_t nonce_;
    SecretBytes schedule_;  // begins a page: aligned for any register
};

}  // namespace

// The builtins also ask whether the system keeps the registers (XCR0); VAES has none of its own.
bool vaes_supported(CtrEngine engine) noexcept {
    if (engine == CtrEngine::openssl || !__builtin_cpu_supports("aes") ||
        !__builtin_cpu_supports("avx2")) {
        return false;
    }
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || (ecx & bit_VAES) == 0) {
        return false;
    }
    return engine == CtrEngine::vaes_256 ||
           (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"));
}

std::unique_ptr<CtrGenerator> make_vaes_generator(CtrEngine engine, ByteView key,
                                                  std::uint64_t nonce) {
    EFFACE_ASSERT(vaes_supported(engine));
    return std::make_unique<VaesGenerator>(engine, key, nonce);
}

}  // namespace efface::stream

#else

namespace efface::stream {

bool vaes_supported(CtrEngine) noexcept {
    return false;
}

std::unique_ptr<CtrGenerator> make_vaes_generator(CtrEngine, ByteView, std::uint64_t) {
    EFFACE_ASSERT(false);
    return nullptr;
}

}  // namespace efface::stream

#endif
