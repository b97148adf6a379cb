// SPDX-License-Identifier: Apache-2.0
#include "signer.hpp"

#include <openssl/ec.h>

#include <algorithm>
#include <array>

#include "der.hpp"
#include "keys/open_key.hpp"

namespace efface::evidence {

namespace {

/// lastpos of CMS_signed_get0_data_by_OBJ: the attribute is there once and has one value.
constexpr int kOnceWithOneValue = -3;

int nid_of(const X509_ALGOR* algorithm) {
    const ASN1_OBJECT* object = nullptr;
    X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
    return OBJ_obj2nid(object);
}

/// One key must have one encoding: keys are told apart by the digest of theirs (SEC 1, 2.3.3).
bool is_uncompressed(const X509* certificate) {
    const ASN1_BIT_STRING* point = X509_get0_pubkey_bitstr(certificate);
    return point != nullptr && ASN1_STRING_length(point) > 0 &&
           *ASN1_STRING_get0_data(point) == POINT_CONVERSION_UNCOMPRESSED;
}

/// As above: parameters of an RSA key are NULL (RFC 3279, section 2.3.1).
bool has_null_parameters(X509* certificate) {
    X509_ALGOR* algorithm = nullptr;
    int type = V_ASN1_UNDEF;
    X509_PUBKEY_get0_param(nullptr, nullptr, nullptr, &algorithm,
                           X509_get_X509_PUBKEY(certificate));
    X509_ALGOR_get0(nullptr, &type, nullptr, algorithm);
    return type == V_ASN1_NULL;
}

/// No signature covers them, so there is one form of each: none for ECDSA (RFC 5758 section 3.2),
/// NULL for RSA (RFC 4055 section 5), a sequence for RSA-PSS (section 3).
bool has_own_parameters(const X509_ALGOR* signature) {
    int type = V_ASN1_UNDEF;
    X509_ALGOR_get0(nullptr, &type, nullptr, signature);
    switch (nid_of(signature)) {
        case NID_ecdsa_with_SHA256:
        case NID_ecdsa_with_SHA384:
            return type == V_ASN1_UNDEF;
        case NID_rsassaPss:
            return type == V_ASN1_SEQUENCE;
        default:
            return type == V_ASN1_NULL;
    }
}

template <typename T>
const T* attribute_value(CMS_SignerInfo* signer, int nid, int type) {
    return static_cast<const T*>(
        CMS_signed_get0_data_by_OBJ(signer, OBJ_nid2obj(nid), kOnceWithOneValue, type));
}

ByteView bytes_of(const ASN1_STRING* string) {
    return {ASN1_STRING_get0_data(string), static_cast<std::size_t>(ASN1_STRING_length(string))};
}

bool is_digest_of(CMS_SignerInfo* signer, ByteView content) {
    const auto* stated =
        attribute_value<ASN1_OCTET_STRING>(signer, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING);
    X509_ALGOR* algorithm = nullptr;
    CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, &algorithm, nullptr);
    const EVP_MD* digest = EVP_get_digestbynid(nid_of(algorithm));
    if (stated == nullptr || digest == nullptr) {
        return false;
    }
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> actual{};
    unsigned size = 0;
    require(EVP_Digest(content.data(), content.size(), actual.data(), &size, digest, nullptr) == 1,
            "compute the digest of the content");
    const ByteView wanted = bytes_of(stated);
    return wanted.size() == size && std::equal(wanted.begin(), wanted.end(), actual.begin());
}

bool is_sequence(ByteView der) {
    return der_children(der, kDerSequence).has_value() && is_strict_der(der);
}

/// With the unused bits at its end zero.
bool is_bit_string(ByteView der) {
    const auto elements = der_elements(der);
    if (!elements || elements->size() != 1 || elements->front().tag != kDerBitString ||
        elements->front().content.empty()) {
        return false;
    }
    const ByteView content = elements->front().content;
    const unsigned unused = content[0];
    return unused <= 7 && (content.size() > 1 || unused == 0) &&
           (content.size() == 1 || (content.back() & ((1U << unused) - 1U)) == 0);
}

/// Each one an object identifier, and maybe qualifiers.
bool is_policies(ByteView der) {
    const auto policies = der_children(der, kDerSequence);
    return policies && is_strict_der(der) &&
           std::all_of(policies->begin(), policies->end(), [](const DerElement& policy) {
               const auto parts = der_elements(policy.content);
               return policy.tag == kDerSequence && parts && !parts->empty() &&
                      parts->size() <= 2 && parts->front().tag == kDerOid &&
                      (parts->size() == 1 || parts->back().tag == kDerSequence);
           });
}

}  // namespace

std::optional<WallTime> signing_time_of(CMS_SignerInfo* signer) {
    for (const int type : {V_ASN1_UTCTIME, V_ASN1_GENERALIZEDTIME}) {
        const auto* value = attribute_value<ASN1_TIME>(signer, NID_pkcs9_signingTime, type);
        if (value != nullptr) {
            return from_asn1_time(value);
        }
    }
    return std::nullopt;
}

std::string algorithm_problem(CMS_SignerInfo* signer, X509* certificate) {
    X509_ALGOR* digest_algorithm = nullptr;
    X509_ALGOR* signature_algorithm = nullptr;
    CMS_SignerInfo_get0_algs(signer, nullptr, nullptr, &digest_algorithm, &signature_algorithm);
    const int digest = nid_of(digest_algorithm);
    const int signature = nid_of(signature_algorithm);
    if (digest != NID_sha256 && digest != NID_sha384) {
        return "the digest must be SHA-256 or SHA-384";
    }
    const EVP_PKEY* key = X509_get0_pubkey(certificate);
    if (key == nullptr) {
        return "its public key cannot be read";
    }
    if (!has_own_parameters(signature_algorithm)) {
        return "its signature algorithm has invalid parameters";
    }
    if (EVP_PKEY_is_a(key, "EC") == 1) {
        const int wanted = digest == NID_sha256 ? NID_ecdsa_with_SHA256 : NID_ecdsa_with_SHA384;
        return key_problem(key).empty() && is_uncompressed(certificate) && signature == wanted
                   ? std::string()
                   : "an ECDSA key must be on P-256 or P-384, and its algorithm must name the "
                     "digest";
    }
    if (EVP_PKEY_is_a(key, "RSA") == 1 || EVP_PKEY_is_a(key, "RSA-PSS") == 1) {
        const int wanted =
            digest == NID_sha256 ? NID_sha256WithRSAEncryption : NID_sha384WithRSAEncryption;
        const bool fits =
            signature == wanted || signature == NID_rsaEncryption || signature == NID_rsassaPss;
        const bool one_form = EVP_PKEY_is_a(key, "RSA") != 1 || has_null_parameters(certificate);
        return key_problem(key).empty() && one_form && fits
                   ? std::string()
                   : "an RSA key must have 3072 bits or more, "
                     "and its algorithm must name the digest";
    }
    return "only ECDSA and RSA signatures are accepted";
}

std::string attribute_problem(CMS_SignerInfo* signer, ByteView content) {
    const auto* type = attribute_value<ASN1_OBJECT>(signer, NID_pkcs9_contentType, V_ASN1_OBJECT);
    if (type == nullptr || OBJ_obj2nid(type) != NID_pkcs7_data) {
        return "its content type attribute is missing or wrong";
    }
    return is_digest_of(signer, content) ? std::string() : "signed different content";
}

std::string extension_problem(const X509* certificate) {
    const auto odd = [&](int nid, bool (*is_good)(ByteView)) {
        const int at = X509_get_ext_by_NID(certificate, nid, -1);
        if (at < 0) {
            return false;
        }
        const auto* value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
        return X509_get_ext_by_NID(certificate, nid, at) >= 0 || !is_good(bytes_of(value));
    };
    const bool bad = odd(NID_basic_constraints, is_sequence) || odd(NID_key_usage, is_bit_string) ||
                     odd(NID_ext_key_usage, is_sequence) ||
                     odd(NID_certificate_policies, is_policies);
    return bad ? "an extension of its certificate is malformed" : "";
}

std::string usage_problem(X509* certificate) {
    // X509_check_ca() lets an authority pass whose key usage forgets keyCertSign.
    if (X509_check_ca(certificate) != 0 ||
        (X509_get_extension_flags(certificate) & EXFLAG_CA) != 0) {
        return "its certificate is one of a certificate authority";
    }
    const bool stated = (X509_get_extension_flags(certificate) & EXFLAG_KUSAGE) != 0;
    if (!stated || (X509_get_key_usage(certificate) & X509v3_KU_DIGITAL_SIGNATURE) == 0) {
        return "its certificate is not for digital signatures";
    }
    // RFC 5280 section 4.2.1.12: one that is there narrows what the key is for.
    const bool narrowed = (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0;
    if (narrowed && (X509_get_extended_key_usage(certificate) & (XKU_SMIME | XKU_ANYEKU)) == 0) {
        return "its certificate's extended key usage is not for signed messages";
    }
    return {};
}

std::string signature_problem(CMS_SignerInfo* signer, X509* certificate) {
    CMS_SignerInfo_set1_signer_cert(signer, certificate);
    const bool good = CMS_SignerInfo_verify(signer) == 1;
    (void)drain_openssl_errors();
    return good ? std::string() : "the signature is wrong";
}

bool names_its_certificate(CMS_SignerInfo* signer, STACK_OF(X509) * chain) {
    const auto* value =
        attribute_value<ASN1_STRING>(signer, NID_id_smime_aa_signingCertificateV2, V_ASN1_SEQUENCE);
    if (value == nullptr) {
        return false;
    }
    const ByteView der = bytes_of(value);
    const std::uint8_t* next = der.data();
    const SigningCertV2Ptr named(
        d2i_ESS_SIGNING_CERT_V2(nullptr, &next, static_cast<long>(der.size())));
    const bool good = named != nullptr && next == der.data() + der.size() &&
                      OSSL_ESS_check_signing_certs(nullptr, named.get(), chain, 1) == 1;
    (void)drain_openssl_errors();
    return good;
}

}  // namespace efface::evidence
