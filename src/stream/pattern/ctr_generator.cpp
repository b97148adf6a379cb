// SPDX-License-Identifier: Apache-2.0
#include "ctr_generator.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "efface/base/error.hpp"

#include "vaes_generator.hpp"

namespace efface::stream {

namespace {

/// Plaintext of one cipher call: small enough to stay in the first-level cache.
constexpr std::size_t kZerosBytes = std::size_t{16} * 1024;
constexpr std::array<std::uint8_t, kZerosBytes> kZeros{};

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};

class OpensslGenerator final : public CtrGenerator {
  public:
    OpensslGenerator(ByteView key, std::uint64_t nonce) : nonce_(nonce) {
        if (!cipher_ || EVP_EncryptInit_ex(cipher_.get(), EVP_aes_256_ctr(), nullptr, key.data(),
                                           nullptr) != 1) {
            throw Error(ErrorCode::internal, "fill pattern: OpenSSL has no AES-256-CTR");
        }
    }

    void fill(std::uint64_t first, MutableByteView into) override {
        start_at(first);
        while (!into.empty()) {
            const std::size_t length = std::min(into.size(), kZerosBytes);
            next(ByteView(kZeros).first(length), into.data());
            into = into.subspan(length);
        }
    }

    void difference(std::uint64_t first, ByteView data, MutableByteView into) override {
        EFFACE_ASSERT(into.size() == data.size());
        start_at(first);
        while (!data.empty()) {
            const std::size_t length = std::min(data.size(), kZerosBytes);
            next(data.first(length), into.data());
            data = data.subspan(length);
            into = into.subspan(length);
        }
    }

    [[nodiscard]] bool equals(std::uint64_t first, ByteView data) override {
        start_at(first);
        while (!data.empty()) {
            const std::size_t length = std::min(data.size(), kZerosBytes);
            next(data.first(length), difference_.data());
            if (!std::equal(kZeros.begin(), kZeros.begin() + static_cast<std::ptrdiff_t>(length),
                            difference_.begin())) {
                return false;
            }
            data = data.subspan(length);
        }
        return true;
    }

    [[nodiscard]] CtrEngine engine() const noexcept override { return CtrEngine::openssl; }

  private:
    void start_at(std::uint64_t block) {
        std::array<std::uint8_t, kCipherBlockBytes> counter{};
        write_be<std::uint64_t>(counter, 0, nonce_);
        write_be<std::uint64_t>(counter, sizeof(std::uint64_t), block);
        if (EVP_EncryptInit_ex(cipher_.get(), nullptr, nullptr, nullptr, counter.data()) != 1) {
            throw Error(ErrorCode::internal, "fill pattern: the cipher refused a counter");
        }
    }

    /// `plain` is at most kZerosBytes long.
    void next(ByteView plain, std::uint8_t* into) {
        const int length = static_cast<int>(plain.size());
        int produced = 0;
        if (EVP_EncryptUpdate(cipher_.get(), into, &produced, plain.data(), length) != 1 ||
            produced != length) {
            throw Error(ErrorCode::internal, "fill pattern: the cipher stopped");
        }
    }

    std::uint64_t nonce_;
    std::unique_ptr<EVP_CIPHER_CTX, FreeContext> cipher_{EVP_CIPHER_CTX_new()};
    Bytes difference_ = Bytes(kZerosBytes);
};

/// Odd, so that every width of a step and every rest comes up.
constexpr std::size_t kTriedBlocks = 47;
/// A carry out of the low 32 bits falls among them.
constexpr std::uint64_t kTriedFirst = 0xfffffff0;

/// All that an engine can do, against OpenSSL.
bool agrees_with_openssl(CtrEngine engine, MakeGenerator make) {
    Bytes key(kKeyBytes);
    std::iota(key.begin(), key.end(), std::uint8_t{0x11});
    OpensslGenerator reference(key, 0);
    const std::unique_ptr<CtrGenerator> tried = make(engine, key, 0);
    Bytes expected(kTriedBlocks * kCipherBlockBytes);
    reference.fill(kTriedFirst, expected);
    Bytes made(expected.size());
    tried->fill(kTriedFirst, made);
    if (made != expected || !tried->equals(kTriedFirst, expected)) {
        return false;
    }
    tried->difference(kTriedFirst, expected, made);
    if (made != Bytes(expected.size())) {
        return false;
    }
    for (std::size_t block = 0; block < kTriedBlocks; ++block) {
        std::uint8_t& byte = expected[block * kCipherBlockBytes + block % kCipherBlockBytes];
        byte ^= 1U;
        if (tried->equals(kTriedFirst, expected)) {
            return false;
        }
        byte ^= 1U;
    }
    return true;
}

}  // namespace

bool supported(CtrEngine engine) noexcept {
    return engine == CtrEngine::openssl || vaes_supported(engine);
}

std::unique_ptr<CtrGenerator> make_generator(CtrEngine engine, ByteView key, std::uint64_t nonce) {
    EFFACE_ASSERT(supported(engine) && key.size() == kKeyBytes);
    if (engine == CtrEngine::openssl) {
        return std::make_unique<OpensslGenerator>(key, nonce);
    }
    return make_vaes_generator(engine, key, nonce);
}

CtrEngine widest_that_agrees(MakeGenerator make) {
    for (const CtrEngine engine : {CtrEngine::vaes_512, CtrEngine::vaes_256}) {
        if (supported(engine) && agrees_with_openssl(engine, make)) {
            return engine;
        }
    }
    return CtrEngine::openssl;
}

CtrEngine best_engine() {
    static const CtrEngine best = widest_that_agrees(make_generator);
    return best;
}

}  // namespace efface::stream
