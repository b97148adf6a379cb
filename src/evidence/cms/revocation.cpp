// SPDX-License-Identifier: Apache-2.0
#include "revocation.hpp"

#include <openssl/pem.h>

#include <algorithm>
#include <array>

#include "efface/evidence/cms.hpp"

#include "x509.hpp"

namespace efface::evidence {

using CrlPtr = Owned<X509_CRL, X509_CRL_free>;
using RevokedPtr = Owned<X509_REVOKED, X509_REVOKED_free>;
using IntegerPtr = Owned<ASN1_INTEGER, ASN1_INTEGER_free>;
using EnumeratedPtr = Owned<ASN1_ENUMERATED, ASN1_ENUMERATED_free>;
using TimePtr = Owned<ASN1_GENERALIZEDTIME, ASN1_GENERALIZEDTIME_free>;

struct Revocations::List {
    CrlPtr crl;
};

namespace {

constexpr std::size_t kListBytesMax = std::size_t{4} << 20U;
constexpr std::size_t kListsMax = 64;
constexpr long kCrlVersion2 = 1;
/// Stock verifiers refuse an old list; ours does not.
constexpr std::chrono::days kListLifetime{400};

struct ReasonName {
    RevocationReason reason;
    const char* name;
    int code;  ///< CRLReason, RFC 5280 section 5.3.1
};
constexpr std::array<ReasonName, 3> kReasons{{{RevocationReason::compromised, "compromised", 1},
                                              {RevocationReason::left, "left", 3},
                                              {RevocationReason::replaced, "replaced", 4}}};

/// The next list off the front of `text`, line ends behind it included; null when something else
/// stands there.
CrlPtr take_list(std::string_view& text) {
    constexpr std::string_view kBegin = "-----BEGIN X509 CRL-----";
    constexpr std::string_view kEnd = "-----END X509 CRL-----";
    const auto end = text.find(kEnd);
    if (!text.starts_with(kBegin) || end == text.npos) {
        return nullptr;
    }
    const auto block = text.substr(0, end + kEnd.size());
    text.remove_prefix(block.size());
    text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
    const BioPtr bio = read_only_bio(as_bytes(block));
    CrlPtr list(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
    (void)drain_openssl_errors();
    return list;
}

/// Every list of a text that is nothing but lists. Throws Error(usage).
std::vector<CrlPtr> lists_in(std::string_view pem) {
    std::vector<CrlPtr> lists;
    bool good = pem.size() <= kListBytesMax;
    while (good && !pem.empty()) {
        lists.push_back(take_list(pem));
        good = lists.back() != nullptr && lists.size() <= kListsMax;
    }
    if (!good) {
        throw Error(ErrorCode::usage, "not only revocation lists in PEM",
                    "give crl.pem of the evidence root");
    }
    return lists;
}

bool is_of(X509_CRL* list, const X509* root) {
    const bool good = X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(root)) == 0 &&
                      X509_CRL_verify(list, X509_get0_pubkey(root)) == 1;
    (void)drain_openssl_errors();
    return good;
}

RevocationReason reason_of(const X509_REVOKED* entry) {
    const EnumeratedPtr value(static_cast<ASN1_ENUMERATED*>(
        X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, nullptr, nullptr)));
    const long code = value == nullptr ? 0 : ASN1_ENUMERATED_get(value.get());
    const auto* found = std::find_if(kReasons.begin(), kReasons.end(),
                                     [code](const ReasonName& row) { return row.code == code; });
    // What is not said, and what others say of keys and authorities, is taken for the worst.
    return found == kReasons.end() ? RevocationReason::compromised : found->reason;
}

Revocation revocation_of(const X509_REVOKED* entry) {
    Revocation revocation;
    revocation.at = from_asn1_time(X509_REVOKED_get0_revocationDate(entry)).value_or(WallTime{});
    revocation.reason = reason_of(entry);
    const TimePtr since(static_cast<ASN1_GENERALIZEDTIME*>(
        X509_REVOKED_get_ext_d2i(entry, NID_invalidity_date, nullptr, nullptr)));
    const auto invalid = from_asn1_time(since.get());
    const bool from_ever = revocation.reason == RevocationReason::compromised;
    revocation.invalid_from = invalid     ? std::min(*invalid, revocation.at)
                              : from_ever ? WallTime{}
                                          : revocation.at;
    return revocation;
}

}  // namespace

const char* to_string(RevocationReason reason) noexcept {
    return kReasons.at(static_cast<std::size_t>(reason)).name;
}

std::optional<RevocationReason> revocation_reason_from_string(std::string_view text) noexcept {
    const auto* found = std::find_if(kReasons.begin(), kReasons.end(),
                                     [text](const ReasonName& row) { return text == row.name; });
    return found == kReasons.end() ? std::nullopt : std::optional(found->reason);
}

Revocations::Revocations(std::string_view lists_pem, std::string_view roots_pem) {
    const auto roots = certificates_from_pem(roots_pem);
    for (CrlPtr& list : lists_in(lists_pem)) {
        if (std::none_of(roots.begin(), roots.end(),
                         [&](const X509Ptr& root) { return is_of(list.get(), root.get()); })) {
            throw Error(ErrorCode::usage, "a revocation list was not signed by a trusted root",
                        "give the list of the root that is trusted");
        }
        lists_.push_back({std::move(list)});
    }
}

Revocations::~Revocations() = default;

std::optional<Revocation> Revocations::of(const X509* certificate) const {
    std::optional<Revocation> worst;
    for (const List& list : lists_) {
        X509_REVOKED* entry = nullptr;
        // The C interface takes what it only reads without const. 2: removed from the list.
        const int found = X509_NAME_cmp(X509_CRL_get_issuer(list.crl.get()),
                                        X509_get_issuer_name(certificate)) == 0
                              ? X509_CRL_get0_by_serial(list.crl.get(), &entry,
                                                        X509_get0_serialNumber(certificate))
                              : 0;
        if (found != 1) {
            continue;
        }
        const Revocation revocation = revocation_of(entry);
        if (!worst || revocation.invalid_from < worst->invalid_from) {
            worst = revocation;
        }
    }
    return worst;
}

namespace {

Asn1TimePtr time_of(WallTime at) {
    Asn1TimePtr time(ASN1_TIME_adj(nullptr, to_time_t(at), 0, 0));
    require(time != nullptr, "write a time");
    return time;
}

void add_entry(X509_CRL* list, const X509* certificate, const RevocationEntry& entry) {
    RevokedPtr revoked(X509_REVOKED_new());
    const auto at = time_of(entry.at);
    IntegerPtr serial(ASN1_INTEGER_dup(X509_get0_serialNumber(certificate)));
    const EnumeratedPtr reason(ASN1_ENUMERATED_new());
    require(revoked != nullptr && serial != nullptr && reason != nullptr &&
                X509_REVOKED_set_serialNumber(revoked.get(), serial.get()) == 1 &&
                X509_REVOKED_set_revocationDate(revoked.get(), at.get()) == 1 &&
                ASN1_ENUMERATED_set(
                    reason.get(), kReasons.at(static_cast<std::size_t>(entry.reason)).code) == 1 &&
                X509_REVOKED_add1_ext_i2d(revoked.get(), NID_crl_reason, reason.get(), 0, 0) == 1,
            "enter a revocation");
    if (entry.since) {
        const TimePtr since(ASN1_GENERALIZEDTIME_set(nullptr, to_time_t(*entry.since)));
        require(since != nullptr && X509_REVOKED_add1_ext_i2d(revoked.get(), NID_invalidity_date,
                                                              since.get(), 0, 0) == 1,
                "enter a revocation");
    }
    require(X509_CRL_add0_revoked(list, revoked.get()) == 1, "enter a revocation");
    (void)revoked.release();
}

/// The number of a list (RFC 5280 section 5.2.3): 0 where it has none.
long number_of(X509_CRL* list) {
    const IntegerPtr number(
        static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(list, NID_crl_number, nullptr, nullptr)));
    return number == nullptr ? 0 : ASN1_INTEGER_get(number.get());
}

}  // namespace

void check_revocations(std::string_view revocations_pem, std::string_view roots_pem) {
    (void)Revocations(revocations_pem, roots_pem);
}

std::string revocation_list(std::string_view old_pem, const std::vector<X509Ptr>& certificates,
                            const RevocationEntry& entry, const X509* root, EVP_PKEY* root_key) {
    auto old = lists_in(old_pem);
    CrlPtr list(old.empty() ? X509_CRL_new() : X509_CRL_dup(old.front().get()));
    const long number = old.empty() ? 1 : number_of(old.front().get()) + 1;
    const auto now = time_of(entry.at);
    const auto next = time_of(entry.at + kListLifetime);
    require(list != nullptr && X509_CRL_set_version(list.get(), kCrlVersion2) == 1 &&
                X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(root)) == 1 &&
                X509_CRL_set1_lastUpdate(list.get(), now.get()) == 1 &&
                X509_CRL_set1_nextUpdate(list.get(), next.get()) == 1,
            "make a revocation list");
    const IntegerPtr count(ASN1_INTEGER_new());
    require(count != nullptr && ASN1_INTEGER_set(count.get(), number) == 1 &&
                X509_CRL_add1_ext_i2d(list.get(), NID_crl_number, count.get(), 0,
                                      X509V3_ADD_REPLACE) == 1,
            "number a revocation list");
    add_authority_key(list.get(), root);
    for (const X509Ptr& certificate : certificates) {
        add_entry(list.get(), certificate.get(), entry);
    }
    require(X509_CRL_sort(list.get()) == 1 && X509_CRL_sign(list.get(), root_key, EVP_sha384()) > 0,
            "sign a revocation list");
    const BioPtr bio(BIO_new(BIO_s_mem()));
    require(bio != nullptr && PEM_write_bio_X509_CRL(bio.get(), list.get()) == 1,
            "write a revocation list as PEM");
    return text_of(bio);
}

}  // namespace efface::evidence
