// SPDX-License-Identifier: Apache-2.0
// CMS_verify() is not used: it takes signatures without signed attributes, and says of several
// signers only yes or no. Each SignerInfo is taken apart here instead.
#include <array>
#include <set>

#include "efface/evidence/cms.hpp"

#include "form.hpp"
#include "parse.hpp"
#include "revocation.hpp"
#include "signer.hpp"
#include "x509.hpp"

namespace efface::evidence {

namespace {

/// 128 bits of security for every key and digest of a chain: P-256, RSA-3072, SHA-256.
constexpr int kSecurityLevel = 3;

X509StorePtr make_store(std::string_view roots_pem) {
    const std::vector<X509Ptr> roots = certificates_from_pem(roots_pem);
    if (roots.empty()) {
        return nullptr;
    }
    X509StorePtr store(X509_STORE_new());
    require(store != nullptr, "create a certificate store");
    for (const X509Ptr& root : roots) {
        require(X509_STORE_add_cert(store.get(), root.get()) == 1, "trust a root");
    }
    return store;
}

struct Parts {
    CmsPtr cms;
    X509StackPtr certificates;
    X509StorePtr store;
    const Revocations* revocations = nullptr;
    ByteView content;
};

/// The one certificate that the SignerInfo names; null when there is none, or several.
X509* certificate_of(CMS_SignerInfo* signer, STACK_OF(X509) * certificates) {
    X509* found = nullptr;
    for (int i = 0; i < sk_X509_num(certificates); ++i) {
        X509* candidate = sk_X509_value(certificates, i);
        if (CMS_SignerInfo_cert_cmp(signer, candidate) != 0) {
            continue;
        }
        if (found != nullptr) {
            return nullptr;
        }
        found = candidate;
    }
    return found;
}

/// What is wrong with the chain or with what the signer signed about it; empty = nothing.
std::string chain_problem(const Parts& parts, CMS_SignerInfo* info, X509* certificate, WallTime at,
                          Signer& signer) {
    const X509StoreContextPtr context(X509_STORE_CTX_new());
    require(context != nullptr && X509_STORE_CTX_init(context.get(), parts.store.get(), certificate,
                                                      parts.certificates.get()) == 1,
            "check a certificate path");
    X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
    X509_VERIFY_PARAM_set_time(param, to_time_t(at));
    X509_VERIFY_PARAM_set_auth_level(param, kSecurityLevel);
    require(X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT) == 1 &&
                X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY) == 1,
            "check a certificate path");
    if (X509_verify_cert(context.get()) != 1) {
        const int error = X509_STORE_CTX_get_error(context.get());
        (void)drain_openssl_errors();
        return std::string("no valid chain to a trusted root at the signing time: ") +
               X509_verify_cert_error_string(error);
    }
    STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
    if (!names_its_certificate(info, chain)) {
        return "signing-certificate-v2 is missing or names another certificate";
    }
    signer.root_sha256 = sha256_hex(der_of(sk_X509_value(chain, sk_X509_num(chain) - 1)));
    return {};
}

std::string role_text(const Signer& signer) {
    return signer.subject.empty() ? "signer" : "signer " + signer.subject;
}

void check_signer(const Parts& parts, CMS_SignerInfo* info, CmsReport& report) {
    X509* certificate = certificate_of(info, parts.certificates.get());
    if (certificate == nullptr) {
        report.problems.emplace_back("a signer's certificate is missing or ambiguous");
        return;
    }
    Signer signer;
    signer.subject = common_name_of(certificate);
    signer.named = names_of(certificate);
    signer.spki_sha256 = spki_sha256_of(certificate);
    signer.certificate_sha256 = sha256_hex(der_of(certificate));
    signer.role = role_of(certificate);
    signer.held = held_of(certificate);
    signer.revoked = parts.revocations->of(certificate);
    signer.signing_time = signing_time_of(info);
    const auto add = [&](const std::string& problem) {
        if (!problem.empty()) {
            report.problems.push_back(role_text(signer) + ": " + problem);
        }
    };
    add(algorithm_problem(info, certificate));
    add(attribute_problem(info, parts.content));
    add(extension_problem(certificate));
    add(usage_problem(certificate));
    add(signature_problem(info, certificate));
    add(signer.signing_time ? chain_problem(parts, info, certificate, *signer.signing_time, signer)
                            : "no signing time");
    if (signer.revoked && signer.signing_time &&
        *signer.signing_time >= signer.revoked->invalid_from) {
        add(std::string("its key was revoked (") + to_string(signer.revoked->reason) + ")");
    }
    report.signers.push_back(std::move(signer));
}

void verify_into(CmsReport& report, Parts& parts) {
    STACK_OF(CMS_SignerInfo)* infos = CMS_get0_SignerInfos(parts.cms.get());
    const int count = sk_CMS_SignerInfo_num(infos);
    if (count < 1 || count > kCmsSignersMax) {
        report.problems.push_back("must have 1 to " + std::to_string(kCmsSignersMax) + " signers");
        return;
    }
    parts.certificates.reset(CMS_get1_certs(parts.cms.get()));
    for (int i = 0; i < count; ++i) {
        check_signer(parts, sk_CMS_SignerInfo_value(infos, i), report);
    }
    std::set<std::string> keys;
    for (const Signer& signer : report.signers) {
        if (!keys.insert(signer.spki_sha256).second) {
            report.problems.push_back(role_text(signer) + ": signed more than once");
        }
    }
}

}  // namespace

std::vector<TrustedRoot> trusted_roots(std::string_view roots_pem) {
    std::vector<TrustedRoot> roots;
    for (const X509Ptr& root : certificates_from_pem(roots_pem)) {
        roots.push_back({common_name_of(root.get()), sha256_hex(der_of(root.get()))});
    }
    return roots;
}

CmsReport cms_verify(ByteView content, ByteView signature_der, std::string_view roots_pem,
                     std::string_view revocations_pem) {
    CmsReport report;
    try {
        const Revocations revocations(revocations_pem, roots_pem);
        Parts parts;
        parts.revocations = &revocations;
        parts.content = content;
        parts.store = make_store(roots_pem);
        if (parts.store == nullptr) {
            report.problems.emplace_back("no trusted root certificate in PEM was given");
            return report;
        }
        parts.cms = parse_detached_cms(signature_der);
        if (parts.cms == nullptr) {
            const std::string problem = form_problem(signature_der);
            report.problems.emplace_back(problem.empty() ? kNoCmsSignature : problem);
            return report;
        }
        verify_into(report, parts);
    } catch (const Error& error) {  // OpenSSL could not answer: that is never a good signature
        report.problems.emplace_back(error.what());
    }
    return report;
}

}  // namespace efface::evidence
