// SPDX-License-Identifier: Apache-2.0
#include "request.hpp"

#include <openssl/pem.h>

#include "efface/evidence/keys.hpp"

#include "keys/names.hpp"
#include "keys/open_key.hpp"

namespace efface::evidence {

namespace {

constexpr std::size_t kRequestBytesMax = std::size_t{64} << 10U;

using RequestPtr = Owned<X509_REQ, X509_REQ_free>;

}  // namespace

PkeyPtr key_of_request(std::string_view request_pem) {
    if (request_pem.size() > kRequestBytesMax) {
        throw Error(ErrorCode::usage, "the request is larger than 64 KiB");
    }
    const BioPtr bio = read_only_bio(as_bytes(request_pem));
    const RequestPtr request(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
    PkeyPtr key(request == nullptr ? nullptr : X509_REQ_get_pubkey(request.get()));
    const bool signed_by_it = key != nullptr && X509_REQ_verify(request.get(), key.get()) == 1;
    const auto problem = signed_by_it ? key_problem(key.get()) : std::string();
    (void)drain_openssl_errors();
    if (!signed_by_it) {
        throw Error(ErrorCode::usage, "not a certificate signing request that its key signed",
                    "make it with 'efface keys request', or openssl req -new");
    }
    if (!problem.empty()) {
        throw Error(ErrorCode::usage, "the request: " + problem,
                    "make a key on P-256, or an RSA key of 3072 bits");
    }
    return key;
}

std::string make_request(const KeyUri& uri, const std::string& name,
                         PassphraseSource& passphrases) {
    if (!is_identifier(name, kPersonNameMax, true)) {
        throw Error(ErrorCode::usage, "a name has 1 to 64 of A-Z a-z 0-9 . _ -");
    }
    const OpenKey open = open_key(uri, passphrases);
    const RequestPtr request(X509_REQ_new_ex(open.library, open.properties));
    require(request != nullptr && X509_REQ_set_version(request.get(), 0) == 1 &&
                X509_REQ_set_pubkey(request.get(), open.key.get()) == 1,
            "make a request");
    const ByteView text = as_bytes(name);
    require(
        X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_UTF8,
                                   text.data(), static_cast<int>(text.size()), -1, 0) == 1,
        "name the request");
    require(X509_REQ_sign(request.get(), open.key.get(), EVP_sha256()) > 0, "sign the request");
    if (X509_REQ_verify_ex(request.get(), open.key.get(), open.library, open.properties) != 1) {
        (void)drain_openssl_errors();
        throw Error(ErrorCode::usage,
                    "the signature does not fit the public key that the token shows for this key",
                    "name one key of the token: objects of a key pair have an id of their own");
    }
    const BioPtr bio(BIO_new(BIO_s_mem()));
    require(bio != nullptr && PEM_write_bio_X509_REQ(bio.get(), request.get()) == 1,
            "write the request as PEM");
    return text_of(bio);
}

}  // namespace efface::evidence
