// SPDX-License-Identifier: Apache-2.0
#include "signing_key.hpp"

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"

#include "cms/x509.hpp"

namespace efface::evidence {

namespace fs = std::filesystem;

namespace {

X509Ptr read_certificate(const fs::path& path) {
    const auto text = read_text_file(path, kPemBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, path.string() + ": no such file",
                    "restore it, or have the certificate issued again");
    }
    std::vector<X509Ptr> certificates = certificates_from_pem(*text);
    if (certificates.size() != 1) {
        throw Error(ErrorCode::usage, path.string() + ": must hold one certificate");
    }
    return std::move(certificates.front());
}

/// The same certificate for the library that signs: OpenSSL does not mix them.
X509Ptr for_library(X509Ptr certificate, const OpenKey& open) {
    if (open.library == nullptr) {
        return certificate;
    }
    const Bytes der = der_of(certificate.get());
    X509* again = X509_new_ex(open.library, open.properties);
    const std::uint8_t* at = der.data();
    require(again != nullptr && d2i_X509(&again, &at, static_cast<long>(der.size())) != nullptr,
            "read a certificate");
    return X509Ptr(again);
}

}  // namespace

SigningKey::SigningKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}

SigningKey SigningKey::open(const KeyUri& uri, const fs::path& certificate_pem,
                            PassphraseSource& passphrases) {
    X509Ptr certificate = read_certificate(certificate_pem);  // before a PIN is tried
    auto state = std::make_shared<State>();
    state->open = open_key(uri, passphrases);
    state->certificate = for_library(std::move(certificate), state->open);
    if (X509_check_private_key(state->certificate.get(), state->open.key.get()) != 1) {
        (void)drain_openssl_errors();
        throw Error(
            ErrorCode::usage,
            printable(uri.text) + " and " + certificate_pem.string() + " do not belong together",
            "name the certificate that was issued for this key");
    }
    return SigningKey(std::move(state));
}

SigningKey SigningKey::load(const fs::path& key_pem, const fs::path& certificate_pem) {
    NoPassphrase nobody;
    KeyUri uri;
    uri.path = key_pem;
    uri.text = key_pem.string();
    return open(uri, certificate_pem, nobody);
}

std::string SigningKey::subject() const {
    return common_name_of(state_->certificate.get());
}

std::string SigningKey::spki_sha256() const {
    return spki_sha256_of(state_->certificate.get());
}

std::optional<Role> SigningKey::role() const {
    return role_of(state_->certificate.get());
}

Validity SigningKey::validity() const {
    return validity_of(state_->certificate.get());
}

}  // namespace efface::evidence
