// SPDX-License-Identifier: Apache-2.0
#include "efface/base/process.hpp"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <cstdlib>

namespace efface {

namespace {

/// Of all keys that a run opens at once a few kilobytes; a power of two.
constexpr std::size_t kSecureHeapBytes = std::size_t{32} * 1024;
constexpr std::size_t kSecureHeapPieceMin = 32;

/// openssl-env(7): what names configuration, code or trust.
constexpr std::array kOpensslVariables{
    "OPENSSL_CONF",
    "OPENSSL_CONF_INCLUDE",
    "OPENSSL_MODULES",
    "OPENSSL_ENGINES",
    "OPENSSL_ia32cap",
    "OPENSSL_armcap",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "OPENSSL_MALLOC_FD",
    "OPENSSL_MALLOC_FAILURES",
    "OPENSSL_WIN32_UTF8",
    "RANDFILE",
    "OPENSSL_TRACE",
    "CTLOG_FILE",
    "QLOGDIR",
    "SSLKEYLOGFILE",
};

}  // namespace

bool settle_process() noexcept {
    (void)::umask(S_IRWXG | S_IRWXO);
    bool settled = true;
    for (const char* variable : kOpensslVariables) {
        settled = ::unsetenv(variable) == 0 && settled;
    }
    settled = OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) == 1 && settled;
    settled = CRYPTO_secure_malloc_init(kSecureHeapBytes, kSecureHeapPieceMin) != 0 && settled;
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 && settled;
}

}  // namespace efface
