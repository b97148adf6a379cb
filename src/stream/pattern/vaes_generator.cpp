// SPDX-License-Identifier: Apache-2.0
// AES-256-CTR with VAES (Intel 64 Architectures Software Developer's Manual, volume 2: VAESENC,
// AESKEYGENASSIST). Only functions that carry a `target` attribute use the instructions: the rest
// of the program runs on any processor. None of them branches on, or addresses memory by, key or
// data.
#include "vaes_generator.hpp"

#include "efface/base/error.hpp"
#include "efface/base/secret.hpp"

#if defined(__x86_64__) && !defined(EFFACE_PORTABLE)

#include <cpuid.h>
#include <immintrin.h>

#include "vaes_material.hpp"

namespace efface::stream {

namespace {

using namespace vaes;

constexpr int kBlocksIn256 = 2;
constexpr int kBlocksIn512 = 4;
/// Registers in work at a time: enough to hide what one round takes.
constexpr int kWays = 8;

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

/// Memory that was last used by another core comes in time: about a tenth faster.
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

/// From the values of a group's table and what all blocks of the group have in common.
template <int kCount>
[[gnu::target("avx512f,vaes"), gnu::always_inline]] inline void encrypt_512(
    const std::uint8_t* schedule, const std::uint8_t* values, __m512i common,
    __m512i (&blocks)[kWays]) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kCount; ++i) {
        blocks[i] = _mm512_xor_si512(
            common, _mm512_loadu_si512(values + i * kBlocksIn512 * kCipherBlockBytes));
    }
#pragma GCC unroll 16
    for (std::size_t round = kRoundsLeftOut + 1; round < kRounds; ++round) {
        const __m512i key = _mm512_load_si512(schedule + round * kRoundKeyBytes);
#pragma GCC unroll 8
        for (int i = 0; i < kCount; ++i) {
            blocks[i] = _mm512_aesenc_epi128(blocks[i], key);
        }
    }
    const __m512i key = _mm512_load_si512(schedule + kRounds * kRoundKeyBytes);
#pragma GCC unroll 8
    for (int i = 0; i < kCount; ++i) {
        blocks[i] = _mm512_aesenclast_epi128(blocks[i], key);
    }
}

/// `mask`: the 64-bit words of the register that there are.
template <Use kUse>
[[gnu::target("avx512f,vaes"), gnu::always_inline]] inline void use_512(
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
[[gnu::target("aes,avx2,avx512f,vaes"), gnu::noinline]] bool run_512(const Start& start,
                                                                     Stretch stretch) {
    constexpr std::size_t kRegisterBytes = kBlocksIn512 * kCipherBlockBytes;
    constexpr std::size_t kStepBytes = kWays * kRegisterBytes;
    constexpr __mmask8 kAll = 0xff;
    const std::uint8_t* schedule = start.schedule();
    std::uint64_t number = start.number;
    __m512i different = _mm512_setzero_si512();
    __m512i blocks[kWays];
    while (stretch.bytes > 0) {
        GroupPart part(start, number, stretch.bytes);
        number += part.bytes / kCipherBlockBytes;
        const __m512i common =
            _mm512_maskz_broadcast_i32x4(0xffff, first_rounds(start, part.first));
        for (; part.bytes >= kStepBytes; part.skip(kStepBytes), stretch.skip(kStepBytes)) {
            fetch_ahead<kUse>(stretch, kStepBytes);
            encrypt_512<kWays>(schedule, part.values, common, blocks);
#pragma GCC unroll 8
            for (std::size_t i = 0; i < kWays; ++i) {
                use_512<kUse>(blocks[i], stretch, i * kRegisterBytes, kAll, different);
            }
        }
        for (; part.bytes >= kRegisterBytes;
             part.skip(kRegisterBytes), stretch.skip(kRegisterBytes)) {
            encrypt_512<1>(schedule, part.values, common, blocks);
            use_512<kUse>(blocks[0], stretch, 0, kAll, different);
        }
        if (part.bytes > 0) {
            const auto mask =
                static_cast<__mmask8>((1U << (part.bytes / sizeof(std::uint64_t))) - 1);
            encrypt_512<1>(schedule, part.values, common, blocks);
            use_512<kUse>(blocks[0], stretch, 0, mask, different);
            stretch.skip(part.bytes);
        }
    }
    return _mm512_test_epi64_mask(different, different) == 0;
}

[[gnu::target("avx2,vaes"), gnu::always_inline]] inline __m256i round_key_256(
    const std::uint8_t* schedule, int round) {
    return _mm256_load_si256(
        as<__m256i>(schedule + static_cast<std::size_t>(round) * kRoundKeyBytes));
}

template <int kCount>
[[gnu::target("avx2,vaes"), gnu::always_inline]] inline void encrypt_256(
    const std::uint8_t* schedule, const std::uint8_t* values, __m256i common,
    __m256i (&blocks)[kWays]) {
    // Keeps the compiler from loading all round keys before the loop: there are not so many
    // registers, and it would leave copies of them on the stack.
    __asm__ volatile("" : "+r"(schedule));
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kCount; ++i) {
        const std::uint8_t* value = values + i * kBlocksIn256 * kCipherBlockBytes;
        blocks[i] = _mm256_xor_si256(common, _mm256_loadu_si256(as<__m256i>(value)));
    }
#pragma GCC unroll 16
    for (int round = kRoundsLeftOut + 1; round < kRounds; ++round) {
        const __m256i key = round_key_256(schedule, round);
#pragma GCC unroll 8
        for (int i = 0; i < kCount; ++i) {
            blocks[i] = _mm256_aesenc_epi128(blocks[i], key);
        }
    }
    const __m256i key = round_key_256(schedule, kRounds);
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

/// A single block.
template <Use kUse>
[[gnu::target("avx2,vaes"), gnu::always_inline]] inline void use_one(__m128i stream,
                                                                     const Stretch& stretch,
                                                                     __m256i& different) {
    if constexpr (kUse != Use::store) {
        stream = _mm_xor_si128(stream, _mm_loadu_si128(as<__m128i>(stretch.in)));
    }
    if constexpr (kUse == Use::compare) {
        different = _mm256_or_si256(different, _mm256_zextsi128_si256(stream));
    } else {
        _mm_storeu_si128(as<__m128i>(stretch.out), stream);
    }
}

template <Use kUse>
[[gnu::target("aes,avx2,vaes"), gnu::noinline]] bool run_256(const Start& start, Stretch stretch) {
    constexpr std::size_t kRegisterBytes = kBlocksIn256 * kCipherBlockBytes;
    constexpr std::size_t kStepBytes = kWays * kRegisterBytes;
    const std::uint8_t* schedule = start.schedule();
    std::uint64_t number = start.number;
    __m256i different = _mm256_setzero_si256();
    __m256i blocks[kWays];
    while (stretch.bytes > 0) {
        GroupPart part(start, number, stretch.bytes);
        number += part.bytes / kCipherBlockBytes;
        const __m256i common = _mm256_broadcastsi128_si256(first_rounds(start, part.first));
        for (; part.bytes >= kStepBytes; part.skip(kStepBytes), stretch.skip(kStepBytes)) {
            fetch_ahead<kUse>(stretch, kStepBytes);
            encrypt_256<kWays>(schedule, part.values, common, blocks);
#pragma GCC unroll 8
            for (std::size_t i = 0; i < kWays; ++i) {
                use_256<kUse>(blocks[i], stretch, i * kRegisterBytes, different);
            }
        }
        for (; part.bytes >= kRegisterBytes;
             part.skip(kRegisterBytes), stretch.skip(kRegisterBytes)) {
            encrypt_256<1>(schedule, part.values, common, blocks);
            use_256<kUse>(blocks[0], stretch, 0, different);
        }
        if (part.bytes > 0) {
            encrypt_256<1>(schedule, part.values, common, blocks);
            use_one<kUse>(_mm256_castsi256_si128(blocks[0]), stretch, different);
            stretch.skip(part.bytes);
        }
    }
    return _mm256_testz_si256(different, different) != 0;
}

class VaesGenerator final : public CtrGenerator {
  public:
    VaesGenerator(CtrEngine engine, ByteView key, std::uint64_t nonce)
        : engine_(engine), nonce_(nonce), material_(kMaterialBytes) {
        EFFACE_ASSERT(key.size() == kKeyBytes);
        expand_key(key.data(), material_.view().data() + kScheduleAt);
        make_table(start_at(0), material_.view().data());
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
    [[nodiscard]] Start start_at(std::uint64_t number) const noexcept {
        return {material_.view().data(), nonce_, number};
    }

    /// Cut where another table is needed.
    template <Use kUse>
    [[nodiscard]] bool run(std::uint64_t number, Stretch stretch) {
        EFFACE_ASSERT(stretch.bytes % kCipherBlockBytes == 0);
        while (stretch.bytes > 0) {
            if (number >> kTableShift != table_of_) {
                make_table(start_at(number), material_.view().data());
                table_of_ = number >> kTableShift;
            }
            const std::uint64_t blocks = std::min<std::uint64_t>(
                stretch.bytes / kCipherBlockBytes, ((table_of_ + 1) << kTableShift) - number);
            Stretch part = stretch;
            part.bytes = static_cast<std::size_t>(blocks) * kCipherBlockBytes;
            const bool equal = engine_ == CtrEngine::vaes_512
                                   ? run_512<kUse>(start_at(number), part)
                                   : run_256<kUse>(start_at(number), part);
            if (!equal) {
                return false;
            }
            number += blocks;
            stretch.skip(part.bytes);
        }
        return true;
    }

    CtrEngine engine_;
    std::uint64_t nonce_;
    std::uint64_t table_of_ = 0;  // the numbers it is for, without the lowest kTableShift bits
    SecretBytes material_;        // begins a page: aligned for any register
};

// The builtins also ask whether the system keeps the registers (XCR0); VAES has none of its own.
bool cpu_has_vaes() noexcept {
    if (!__builtin_cpu_supports("aes") || !__builtin_cpu_supports("avx2")) {
        return false;
    }
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_VAES) != 0;
}

}  // namespace

bool vaes_supported(CtrEngine engine) noexcept {
    static const bool has_vaes = cpu_has_vaes();  // to ask costs microseconds in a virtual machine
    return engine != CtrEngine::openssl && has_vaes &&
           (engine == CtrEngine::vaes_256 || __builtin_cpu_supports("avx512f") != 0);
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
