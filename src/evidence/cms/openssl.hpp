// SPDX-License-Identifier: Apache-2.0
// OpenSSL objects with owners, and the few questions that keys, certificates and CMS share.
// Private to the evidence module.
#pragma once

#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/ess.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/base/clock.hpp"
#include "efface/base/error.hpp"

namespace efface::evidence {

/// Deletes with the C function `kFree`.
template <auto kFree>
struct FreeWith {
    template <typename T>
    void operator()(T* object) const noexcept {
        kFree(object);
    }
};
template <typename T, auto kFree>
using Owned = std::unique_ptr<T, FreeWith<kFree>>;

using BioPtr = Owned<BIO, BIO_free_all>;
using PkeyPtr = Owned<EVP_PKEY, EVP_PKEY_free>;
using X509Ptr = Owned<X509, X509_free>;
using X509ExtensionPtr = Owned<X509_EXTENSION, X509_EXTENSION_free>;
using X509StorePtr = Owned<X509_STORE, X509_STORE_free>;
using X509StoreContextPtr = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;
using CmsPtr = Owned<CMS_ContentInfo, CMS_ContentInfo_free>;
using Asn1TimePtr = Owned<ASN1_TIME, ASN1_TIME_free>;
using Asn1ObjectPtr = Owned<ASN1_OBJECT, ASN1_OBJECT_free>;
using BignumPtr = Owned<BIGNUM, BN_free>;
using PoliciesPtr = Owned<CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free>;
using PolicyPtr = Owned<POLICYINFO, POLICYINFO_free>;
using SigningCertV2Ptr = Owned<ESS_SIGNING_CERT_V2, ESS_SIGNING_CERT_V2_free>;

struct FreeStackOfX509 {
    void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_pop_free(stack, X509_free); }
};
/// Owns the certificates in it.
using X509StackPtr = std::unique_ptr<STACK_OF(X509), FreeStackOfX509>;
struct FreeStackOnly {
    void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};
/// Borrows the certificates in it.
using X509BorrowedStackPtr = std::unique_ptr<STACK_OF(X509), FreeStackOnly>;

constexpr std::size_t kPemBytesMax = std::size_t{64} * 1024;
constexpr int kCertificatesMax = 64;

/// The reasons on OpenSSL's error queue, in order; the queue is empty afterwards.
[[nodiscard]] std::string drain_openssl_errors();
/// Throws Error(internal) with `what` and OpenSSL's reasons.
[[noreturn]] void throw_openssl(const std::string& what);
/// Throws as above unless `good`.
void require(bool good, const char* what);

/// A BIO that reads the bytes, which must outlive it.
[[nodiscard]] BioPtr read_only_bio(ByteView bytes);

/// What was written into a BIO in memory.
[[nodiscard]] std::string text_of(const BioPtr& memory);

[[nodiscard]] Bytes der_of(const X509* certificate);
[[nodiscard]] std::string pem_of(X509* certificate);
/// Hex, of the DER SubjectPublicKeyInfo.
[[nodiscard]] std::string spki_sha256_of(const X509* certificate);
/// The last common name, made printable; empty when there is none.
[[nodiscard]] std::string common_name_of(const X509* certificate);
/// Every certificate of a text that is nothing but "CERTIFICATE" blocks in the strict form of
/// RFC 7468 and empty lines behind them (lines may end in CR LF), at most kCertificatesMax; empty
/// when anything else is there: another label, text between, a block that is cut short.
[[nodiscard]] std::vector<X509Ptr> certificates_from_pem(std::string_view pem);

/// Whole seconds since 1970, rounded down.
[[nodiscard]] std::time_t to_time_t(WallTime time) noexcept;
/// nullopt when it is not a time between 1970 and 9999.
[[nodiscard]] std::optional<WallTime> from_asn1_time(const ASN1_TIME* time);

}  // namespace efface::evidence
