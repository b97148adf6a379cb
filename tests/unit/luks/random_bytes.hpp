// SPDX-License-Identifier: Apache-2.0
// AES-128-CTR under a fixed key: what a ciphertext looks like, the same in every run.
#pragma once

#include <openssl/evp.h>

#include <array>

#include "efface/base/bytes.hpp"

namespace efface::test {

class Ciphertext final {
  public:
    explicit Ciphertext(std::uint8_t key) : context_(EVP_CIPHER_CTX_new()) {
        std::array<std::uint8_t, 16> bytes{};
        bytes.fill(key);
        EVP_EncryptInit_ex(context_, EVP_aes_128_ctr(), nullptr, bytes.data(), bytes.data());
    }
    ~Ciphertext() { EVP_CIPHER_CTX_free(context_); }
    Ciphertext(const Ciphertext&) = delete;
    Ciphertext& operator=(const Ciphertext&) = delete;

    Bytes next(std::size_t size) {
        const Bytes zeros(size, 0);
        Bytes result(size);
        int done = 0;
        EVP_EncryptUpdate(context_, result.data(), &done, zeros.data(), static_cast<int>(size));
        return result;
    }

  private:
    EVP_CIPHER_CTX* context_;
};

}  // namespace efface::test
