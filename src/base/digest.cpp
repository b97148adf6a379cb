// SPDX-License-Identifier: Apache-2.0
#include "efface/base/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "efface/base/error.hpp"

namespace efface {

struct Sha256::Context {
    Context() : evp(EVP_MD_CTX_new()) {
        if (evp == nullptr || EVP_DigestInit_ex(evp, EVP_sha256(), nullptr) != 1) {
            EVP_MD_CTX_free(evp);
            throw Error(ErrorCode::internal, "SHA-256 is not available");
        }
    }
    ~Context() { EVP_MD_CTX_free(evp); }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    EVP_MD_CTX* evp;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView bytes) {
    if (EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) != 1) {
        throw Error(ErrorCode::internal, "SHA-256 failed");
    }
}

Digest Sha256::finish() {
    Digest digest{};
    if (EVP_DigestFinal_ex(context_->evp, digest.data(), nullptr) != 1 ||
        EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) != 1) {
        throw Error(ErrorCode::internal, "SHA-256 failed");
    }
    return digest;
}

Digest sha256(ByteView bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.finish();
}

std::string sha256_hex(ByteView bytes) {
    return to_hex(sha256(bytes));
}

std::string openssl_version() {
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

}  // namespace efface
