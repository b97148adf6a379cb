// SPDX-License-Identifier: Apache-2.0
#include "x509.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>

#include <algorithm>
#include <array>

#include "efface/base/json.hpp"

namespace efface::evidence {

namespace {

constexpr std::size_t kSerialBytes = 16;  // RFC 5280 section 4.1.2.2: at most 20, positive
constexpr std::chrono::days kRootLifetime{20 * 365 + 5};
constexpr std::chrono::days kLeafLifetime{3 * 365 + 1};
constexpr long kX509Version3 = 2;
constexpr std::size_t kOidTextMax = 128;

void add_name(X509_NAME* name, const char* field, const std::string& value) {
    if (value.empty()) {
        return;
    }
    const ByteView text = as_bytes(value);
    if (X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, text.data(),
                                   static_cast<int>(text.size()), -1, 0) != 1) {
        throw Error(ErrorCode::usage, "name '" + value + "' does not fit into a certificate (" +
                                          drain_openssl_errors() + ")");
    }
}

void set_subject(X509* certificate, const SubjectName& subject) {
    X509_NAME* name = X509_get_subject_name(certificate);
    add_name(name, "O", subject.organization);
    add_name(name, "OU", subject.unit);
    add_name(name, "CN", subject.common_name);
}

void set_random_serial(X509* certificate, Random& random) {
    std::array<std::uint8_t, kSerialBytes> serial{};
    random.fill(serial);
    serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7fU) | 0x40U);  // positive, full length
    const BignumPtr number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
    require(number != nullptr &&
                BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
            "set serial number");
}

void set_validity(X509* certificate, WallTime from, WallTime to) {
    require(ASN1_TIME_set(X509_getm_notBefore(certificate), to_time_t(from)) != nullptr &&
                ASN1_TIME_set(X509_getm_notAfter(certificate), to_time_t(to)) != nullptr,
            "set validity");
}

void add_extension(X509* certificate, X509V3_CTX* context, int nid, const char* value) {
    const X509ExtensionPtr extension(X509V3_EXT_nconf_nid(nullptr, context, nid, value));
    require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1,
            "add certificate extension");
}

void add_policy(CERTIFICATEPOLICIES* policies, const char* dotted) {
    PolicyPtr policy(POLICYINFO_new());
    Asn1ObjectPtr oid(OBJ_txt2obj(dotted, 1));
    require(policy != nullptr && oid != nullptr, "make a certificate policy");
    ASN1_OBJECT_free(policy->policyid);
    policy->policyid = oid.release();
    require(sk_POLICYINFO_push(policies, policy.get()) > 0, "make a certificate policy");
    (void)policy.release();
}

void add_policies(X509* certificate, const Holder& holder) {
    const PoliciesPtr policies(CERTIFICATEPOLICIES_new());
    require(policies != nullptr, "make a certificate policy");
    add_policy(policies.get(), policy_oid(holder.role));
    if (holder.held == Held::hardware) {
        add_policy(policies.get(), hardware_oid());
    }
    require(X509_add1_ext_i2d(certificate, NID_certificate_policies, policies.get(), 0,
                              X509V3_ADD_DEFAULT) == 1,
            "add certificate policies");
}

X509Ptr start_certificate(const SubjectName& subject, EVP_PKEY* key, Random& random) {
    X509Ptr certificate(X509_new());
    require(certificate != nullptr && X509_set_version(certificate.get(), kX509Version3) == 1 &&
                X509_set_pubkey(certificate.get(), key) == 1,
            "make certificate");
    set_random_serial(certificate.get(), random);
    set_subject(certificate.get(), subject);
    return certificate;
}

}  // namespace

PkeyPtr make_ec_key(const char* curve) {
    PkeyPtr key(EVP_EC_gen(curve));
    require(key != nullptr, "make an elliptic curve key");
    return key;
}

X509Ptr make_root(const SubjectName& subject, EVP_PKEY* key, WallTime now, Random& random) {
    X509Ptr root = start_certificate(subject, key, random);
    require(X509_set_issuer_name(root.get(), X509_get_subject_name(root.get())) == 1, "set issuer");
    set_validity(root.get(), now, now + kRootLifetime);
    X509V3_CTX context{};
    X509V3_set_ctx(&context, root.get(), root.get(), nullptr, nullptr, 0);
    add_extension(root.get(), &context, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(root.get(), &context, NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(root.get(), &context, NID_subject_key_identifier, "hash");
    add_extension(root.get(), &context, NID_authority_key_identifier, "keyid:always");
    require(X509_sign(root.get(), key, EVP_sha384()) > 0, "sign the root certificate");
    return root;
}

X509Ptr make_leaf(const SubjectName& subject, EVP_PKEY* key, const Holder& holder, const X509* root,
                  EVP_PKEY* root_key, WallTime now, Random& random) {
    X509Ptr leaf = start_certificate(subject, key, random);
    require(X509_set_issuer_name(leaf.get(), X509_get_subject_name(root)) == 1, "set issuer");
    const std::optional<WallTime> root_end = from_asn1_time(X509_get0_notAfter(root));
    if (!root_end || *root_end <= now) {
        throw Error(ErrorCode::usage, "the evidence root has expired",
                    "create a new key folder with 'efface keys init'");
    }
    set_validity(leaf.get(), now, std::min(*root_end, now + kLeafLifetime));
    X509V3_CTX context{};
    // The context's issuer is only read; its type is that of a C interface without const.
    X509V3_set_ctx(&context, const_cast<X509*>(root), leaf.get(), nullptr, nullptr, 0);
    add_extension(leaf.get(), &context, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(leaf.get(), &context, NID_key_usage, "critical,digitalSignature,nonRepudiation");
    add_policies(leaf.get(), holder);
    add_extension(leaf.get(), &context, NID_subject_key_identifier, "hash");
    add_extension(leaf.get(), &context, NID_authority_key_identifier, "keyid:always");
    require(X509_sign(leaf.get(), root_key, EVP_sha384()) > 0, "sign a certificate");
    return leaf;
}

namespace {

std::string only_text_of(const X509_NAME* name, int nid) {
    const int at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0) {
        return {};
    }
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    const int type = ASN1_STRING_type(value);
    const bool ascii =
        type == V_ASN1_NUMERICSTRING || type == V_ASN1_PRINTABLESTRING || type == V_ASN1_IA5STRING;
    const std::string text(as_text(
        {ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value))}));
    const bool good = type == V_ASN1_UTF8STRING
                          ? is_utf8(text)
                          : ascii && std::all_of(text.begin(), text.end(), [](char c) {
                                return static_cast<unsigned char>(c) < 0x80U;
                            });
    return good ? text : std::string();
}

}  // namespace

Issuer names_of(const X509* certificate) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    return {only_text_of(subject, NID_organizationName),
            only_text_of(subject, NID_organizationalUnitName),
            only_text_of(subject, NID_commonName)};
}

namespace {

/// Dotted; empty when the extension is malformed, or there twice.
std::vector<std::string> policies_of(const X509* certificate) {
    int critical = -1;  // stays below -1 for an extension that is there twice
    const PoliciesPtr policies(static_cast<CERTIFICATEPOLICIES*>(
        X509_get_ext_d2i(certificate, NID_certificate_policies, &critical, nullptr)));
    std::vector<std::string> found;
    if (policies == nullptr) {
        (void)drain_openssl_errors();
        return found;
    }
    for (int i = 0; i < sk_POLICYINFO_num(policies.get()); ++i) {
        std::array<char, kOidTextMax> text{};
        const int size = OBJ_obj2txt(text.data(), static_cast<int>(text.size()),
                                     sk_POLICYINFO_value(policies.get(), i)->policyid, 1);
        if (size > 0 && static_cast<std::size_t>(size) < text.size()) {
            found.emplace_back(text.data());
        }
    }
    return found;
}

}  // namespace

std::optional<Role> role_of(const X509* certificate) {
    std::optional<Role> found;
    for (const auto& policy : policies_of(certificate)) {
        for (const Role role :
             {Role::station, Role::operator_person, Role::witness, Role::approver}) {
            if (policy != policy_oid(role)) {
                continue;
            }
            if (found) {
                return std::nullopt;
            }
            found = role;
        }
    }
    return found;
}

Held held_of(const X509* certificate) {
    const auto policies = policies_of(certificate);
    return std::count(policies.begin(), policies.end(), hardware_oid()) == 1 ? Held::hardware
                                                                             : Held::software;
}

Validity validity_of(const X509* certificate) {
    const auto from = from_asn1_time(X509_get0_notBefore(certificate));
    const auto to = from_asn1_time(X509_get0_notAfter(certificate));
    if (!from || !to) {
        throw Error(ErrorCode::usage,
                    common_name_of(certificate) + ": the dates of the certificate cannot be read");
    }
    return {*from, *to};
}

std::string serial_of(const X509* certificate) {
    const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
    return to_hex(
        {ASN1_STRING_get0_data(serial), static_cast<std::size_t>(ASN1_STRING_length(serial))});
}

void add_authority_key(X509_CRL* list, const X509* root) {
    X509V3_CTX context{};
    // The context's issuer is only read; its type is that of a C interface without const.
    X509V3_set_ctx(&context, const_cast<X509*>(root), nullptr, nullptr, list, 0);
    if (X509_CRL_get_ext_by_NID(list, NID_authority_key_identifier, -1) >= 0) {
        return;
    }
    const X509ExtensionPtr extension(
        X509V3_EXT_nconf_nid(nullptr, &context, NID_authority_key_identifier, "keyid:always"));
    require(extension != nullptr && X509_CRL_add_ext(list, extension.get(), -1) == 1,
            "name the root's key in a list");
}

}  // namespace efface::evidence
