// SPDX-License-Identifier: Apache-2.0
#include "open_key.hpp"

#include <array>

#include "key_files.hpp"

namespace efface::evidence {

namespace {

constexpr int kRsaBitsMin = 3072;
constexpr int kRsaBitsMax = 16384;
constexpr std::size_t kGroupNameMax = 64;

bool is_allowed_curve(const EVP_PKEY* key) {
    std::array<char, kGroupNameMax> name{};
    std::size_t size = 0;
    if (EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) != 1) {
        return false;
    }
    const std::string_view curve(name.data(), size);
    return curve == "prime256v1" || curve == "secp384r1" || curve == "P-256" || curve == "P-384";
}

}  // namespace

std::string key_problem(const EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "EC") == 1) {
        return is_allowed_curve(key) ? std::string() : "an ECDSA key must be on P-256 or P-384";
    }
    if (EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1) {
        const int bits = EVP_PKEY_get_bits(key);
        return bits >= kRsaBitsMin && bits <= kRsaBitsMax
                   ? std::string()
                   : "an RSA key must have 3072 bits or more";
    }
    return "only ECDSA and RSA keys are accepted";
}

OpenKey open_key(const KeyUri& uri, PassphraseSource& passphrases) {
    OpenKey open;
    switch (uri.place) {
        case KeyUri::Place::file:
            open.key = read_private_key(uri.path, passphrases);
            break;
        case KeyUri::Place::token:
            open = open_token_key(uri, passphrases);
            break;
        case KeyUri::Place::tpm:
            open = open_tpm_key(uri);
            break;
    }
    const auto problem = key_problem(open.key.get());
    (void)drain_openssl_errors();
    if (!problem.empty()) {
        throw Error(ErrorCode::usage, uri.text + ": " + problem,
                    "make a key on P-256, or an RSA key of 3072 bits");
    }
    return open;
}

}  // namespace efface::evidence
