// SPDX-License-Identifier: Apache-2.0
// Every SignerInfo is finished here by itself (attributes, then signature), never by CMS_final():
// that one sets its own signing time and cannot add a signer to a finished structure.
#include <openssl/rsa.h>

#include <array>

#include "efface/base/digest.hpp"
#include "efface/evidence/cms.hpp"

#include "keys/signing_key.hpp"
#include "parse.hpp"

namespace efface::evidence {

namespace {

constexpr unsigned kSignerFlags =
    CMS_PARTIAL | CMS_CADES | CMS_BINARY | CMS_DETACHED | CMS_NOSMIMECAP;

/// RSASSA-PSS with SHA-256, MGF1 of it and a salt of 32 bytes (RFC 4055 section 3.1). OpenSSL
/// writes it only in CMS_final().
constexpr std::array<std::uint8_t, 50> kPssParameters{
    0x30, 0x30, 0xa0, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
    0x03, 0x04, 0x02, 0x01, 0xa1, 0x1a, 0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48,
    0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48,
    0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0xa2, 0x03, 0x02, 0x01, 0x20};
constexpr int kPssSaltBytes = 32;

void choose_pss(CMS_SignerInfo* signer) {
    EVP_PKEY_CTX* context = CMS_SignerInfo_get0_pkey_ctx(signer);
    X509_ALGOR* algorithm = nullptr;
    CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, nullptr, &algorithm);
    ASN1_STRING* parameters = ASN1_STRING_new();
    require(context != nullptr && parameters != nullptr &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
                EVP_PKEY_CTX_set_rsa_pss_saltlen(context, kPssSaltBytes) > 0 &&
                ASN1_STRING_set(parameters, kPssParameters.data(),
                                static_cast<int>(kPssParameters.size())) == 1 &&
                X509_ALGOR_set0(algorithm, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE,
                                parameters) == 1,
            "sign with RSA-PSS");
}

/// A token may have signed with another key than the one whose public key it showed.
void check_signature(CMS_SignerInfo* signer, const SigningKey& key) {
    CMS_SignerInfo_set1_signer_cert(signer, key.state().certificate.get());
    if (CMS_SignerInfo_verify(signer) != 1) {
        (void)drain_openssl_errors();
        throw Error(ErrorCode::usage, ReasonCode::bad_approval,
                    "the signature of " + key.subject() + " does not fit its certificate",
                    "name one key of the token: objects of a key pair have an id of their own");
    }
}

void add_signer(CMS_ContentInfo* cms, ByteView content, const SigningKey& key, WallTime at) {
    const SigningKey::State& state = key.state();
    const bool rsa = EVP_PKEY_is_a(state.open.key.get(), "EC") != 1;
    CMS_SignerInfo* signer =
        CMS_add1_signer(cms, state.certificate.get(), state.open.key.get(), EVP_sha256(),
                        kSignerFlags | (rsa ? unsigned{CMS_KEY_PARAM} : 0U));
    require(signer != nullptr, "add a signer");
    if (rsa) {
        choose_pss(signer);
    }
    const Digest digest = sha256(content);
    const Asn1TimePtr time(ASN1_TIME_adj(nullptr, to_time_t(at), 0, 0));
    require(time != nullptr, "add the signing time");
    // The type of content must be there before the digest of it is signed (RFC 5652 section 11.1).
    require(CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_contentType, V_ASN1_OBJECT,
                                        OBJ_nid2obj(NID_pkcs7_data), -1) == 1 &&
                CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING,
                                            digest.data(), static_cast<int>(digest.size())) == 1 &&
                CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime,
                                            ASN1_STRING_type(time.get()), time.get(), -1) == 1,
            "add signed attributes");
    require(CMS_SignerInfo_sign(signer) == 1, "sign");
    check_signature(signer, key);
}

Bytes encode(CMS_ContentInfo* cms) {
    const int size = i2d_CMS_ContentInfo(cms, nullptr);
    require(size > 0, "encode the signature");
    Bytes der(static_cast<std::size_t>(size));
    std::uint8_t* out = der.data();
    require(i2d_CMS_ContentInfo(cms, &out) == size, "encode the signature");
    return der;
}

}  // namespace

Bytes cms_sign(ByteView content, const SigningKey& key, WallTime at) {
    const auto& open = key.state().open;
    const CmsPtr cms(CMS_sign_ex(nullptr, nullptr, nullptr, nullptr,
                                 CMS_PARTIAL | CMS_DETACHED | CMS_BINARY, open.library,
                                 open.properties));
    require(cms != nullptr, "make a signature");
    add_signer(cms.get(), content, key, at);
    return encode(cms.get());
}

bool cms_signed_by(ByteView signature_der, const SigningKey& key) {
    const CmsPtr cms = parse_detached_cms(signature_der);
    if (cms == nullptr) {
        return false;
    }
    const X509StackPtr certificates(CMS_get1_certs(cms.get()));
    STACK_OF(CMS_SignerInfo)* infos = CMS_get0_SignerInfos(cms.get());
    for (int i = 0; i < sk_CMS_SignerInfo_num(infos); ++i) {
        for (int j = 0; j < sk_X509_num(certificates.get()); ++j) {
            X509* certificate = sk_X509_value(certificates.get(), j);
            if (CMS_SignerInfo_cert_cmp(sk_CMS_SignerInfo_value(infos, i), certificate) == 0 &&
                spki_sha256_of(certificate) == key.spki_sha256()) {
                return true;
            }
        }
    }
    return false;
}

Bytes cms_add_signer(ByteView existing, ByteView content, const SigningKey& key, WallTime at) {
    const auto& open = key.state().open;
    const CmsPtr cms = parse_detached_cms(existing, open.library, open.properties);
    const CmsPtr checked = parse_detached_cms(existing);
    const BioPtr bytes = read_only_bio(content);
    const unsigned flags = CMS_BINARY | CMS_DETACHED | CMS_NO_SIGNER_CERT_VERIFY;
    if (cms == nullptr || checked == nullptr ||
        CMS_verify(checked.get(), nullptr, nullptr, bytes.get(), nullptr, flags) != 1) {
        (void)drain_openssl_errors();
        throw Error(ErrorCode::usage, "the existing signature does not match this content",
                    "if the content was changed on purpose, remove the signature file");
    }
    const X509BorrowedStackPtr signers(CMS_get0_signers(checked.get()));
    for (int i = 0; i < sk_X509_num(signers.get()); ++i) {
        if (spki_sha256_of(sk_X509_value(signers.get(), i)) == key.spki_sha256()) {
            throw Error(ErrorCode::usage, key.subject() + " has already signed this");
        }
    }
    add_signer(cms.get(), content, key, at);
    return encode(cms.get());
}

}  // namespace efface::evidence
