// SPDX-License-Identifier: Apache-2.0
#include "efface/stream/keyed_stream.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "efface/base/error.hpp"

namespace efface::stream {

namespace {

constexpr std::size_t kCipherBlockBytes = 16;
/// Plaintext of one cipher call: small enough to stay in the first-level cache.
constexpr std::size_t kZerosBytes = std::size_t{16} * 1024;
constexpr std::array<std::uint8_t, kZerosBytes> kZeros{};

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};

}  // namespace

struct KeyedStream::Context {
    std::unique_ptr<EVP_CIPHER_CTX, FreeContext> cipher{EVP_CIPHER_CTX_new()};

    void start_at_block(std::uint64_t block) const {
        std::array<std::uint8_t, kCipherBlockBytes> counter{};
        write_be<std::uint64_t>(counter, sizeof(std::uint64_t), block);
        if (EVP_EncryptInit_ex(cipher.get(), nullptr, nullptr, nullptr, counter.data()) != 1) {
            throw Error(ErrorCode::internal, "fill pattern: the cipher refused a counter");
        }
    }

    /// `length` is at most kZerosBytes.
    void next(const std::uint8_t* plain, std::uint8_t* into, std::size_t length) const {
        int produced = 0;
        if (EVP_EncryptUpdate(cipher.get(), into, &produced, plain, static_cast<int>(length)) !=
                1 ||
            produced != static_cast<int>(length)) {
            throw Error(ErrorCode::internal, "fill pattern: the cipher stopped");
        }
    }

    void start_at(std::uint64_t offset) const {
        start_at_block(offset / kCipherBlockBytes);
        const std::size_t skipped = offset % kCipherBlockBytes;
        if (skipped != 0) {
            std::array<std::uint8_t, kCipherBlockBytes> discarded{};
            next(kZeros.data(), discarded.data(), skipped);
        }
    }
};

KeyedStream::KeyedStream(ByteView key) : context_(std::make_unique<Context>()) {
    EFFACE_ASSERT(key.size() == kStreamKeyBytes);
    if (!context_->cipher || EVP_EncryptInit_ex(context_->cipher.get(), EVP_aes_256_ctr(), nullptr,
                                                key.data(), nullptr) != 1) {
        throw Error(ErrorCode::internal, "fill pattern: OpenSSL has no AES-256-CTR");
    }
}

KeyedStream::~KeyedStream() = default;
KeyedStream::KeyedStream(KeyedStream&&) noexcept = default;
KeyedStream& KeyedStream::operator=(KeyedStream&&) noexcept = default;

void KeyedStream::fill(std::uint64_t offset_bytes, MutableByteView into) {
    EFFACE_ASSERT(context_ != nullptr);
    EFFACE_ASSERT(into.size() <= UINT64_MAX - offset_bytes);
    if (into.empty()) {
        return;
    }
    context_->start_at(offset_bytes);
    while (!into.empty()) {
        const std::size_t length = std::min(into.size(), kZerosBytes);
        context_->next(kZeros.data(), into.data(), length);
        into = into.subspan(length);
    }
}

void KeyedStream::difference(std::uint64_t offset_bytes, ByteView data, MutableByteView into) {
    EFFACE_ASSERT(context_ != nullptr && into.size() == data.size());
    EFFACE_ASSERT(data.size() <= UINT64_MAX - offset_bytes);
    if (data.empty()) {
        return;
    }
    context_->start_at(offset_bytes);
    while (!data.empty()) {
        const std::size_t length = std::min(data.size(), kZerosBytes);
        context_->next(data.data(), into.data(), length);
        data = data.subspan(length);
        into = into.subspan(length);
    }
}

}  // namespace efface::stream
