// SPDX-License-Identifier: Apache-2.0
#include "form.hpp"

#include <algorithm>
#include <set>

#include "der.hpp"
#include "openssl.hpp"

namespace efface::evidence {

namespace {

using DerElements = std::vector<DerElement>;

constexpr std::size_t kSignedAttributesMax = 32;
constexpr std::size_t kCertificateSetMax = std::size_t{kCertificatesMax};
/// Contents of object identifiers, in hex.
constexpr const char* kOidSigningTime = "2a864886f70d010905";
constexpr const char* kOidSigningCertificate = "2a864886f70d010910020c";
constexpr const char* kOidSigningCertificateV2 = "2a864886f70d010910022f";
constexpr const char* kOidSha256 = "608648016503040201";
constexpr const char* kOidSha384 = "608648016503040202";

bool has_tags(const DerElements& elements, std::initializer_list<std::uint8_t> tags) {
    return std::equal(
        elements.begin(), elements.end(), tags.begin(), tags.end(),
        [](const DerElement& element, std::uint8_t tag) { return element.tag == tag; });
}

bool are_all(const DerElements& elements, std::uint8_t tag) {
    return std::all_of(elements.begin(), elements.end(),
                       [&](const DerElement& element) { return element.tag == tag; });
}

/// What stands inside; all of it was found to be strict DER.
DerElements parts_in(const DerElement& element) {
    return der_elements(element.content).value_or(DerElements{});
}

bool is_small_integer(const DerElement& element, std::uint8_t value) {
    return element.tag == kDerInteger && element.content.size() == 1 && element.content[0] == value;
}

/// The object identifier of a digest's AlgorithmIdentifier, whose parameters are absent or NULL
/// (RFC 5754 section 2); empty when it is another.
std::string digest_in(const DerElement& identifier) {
    const DerElements parts = parts_in(identifier);
    const bool good = identifier.tag == kDerSequence &&
                      (has_tags(parts, {kDerOid}) ||
                       (has_tags(parts, {kDerOid, kDerNull}) && parts.back().content.empty()));
    return good ? to_hex(parts.front().content) : std::string();
}

/// The fields of SignedData; nothing when it is not that.
DerElements signed_data_in(ByteView der) {
    const auto outer = der_children(der, kDerSequence);
    if (!outer || !has_tags(*outer, {kDerOid, kDerContext0})) {
        return {};
    }
    return der_children((*outer)[1].content, kDerSequence).value_or(DerElements{});
}

/// No signature covers the version numbers and the list of digest algorithms: only the one value
/// that follows from the rest is taken (signers named by issuer and serial number, so version 1,
/// and just the digests that they use, each once; RFC 5652 sections 5.1 and 5.3).
bool unsigned_parts_follow(const DerElements& fields) {
    std::set<std::string> listed;
    for (const DerElement& identifier : parts_in(fields[1])) {
        if (!listed.insert(digest_in(identifier)).second) {
            return false;
        }
    }
    std::set<std::string> used;
    for (const DerElement& signer : parts_in(fields[4])) {
        const DerElements parts = parts_in(signer);
        if (!is_small_integer(parts[0], 1)) {
            return false;
        }
        used.insert(digest_in(parts[2]));
    }
    return is_small_integer(fields[0], 1) && listed == used && listed.count("") == 0;
}

/// RFC 5280 sections 4.1.2.1 and 4.2: version 3, and no extension twice, whatever it says.
bool is_good_certificate(const DerElement& certificate) {
    const DerElements outer = parts_in(certificate);
    const DerElements fields = outer.empty() ? outer : parts_in(outer.front());
    const DerElements version = fields.empty() ? fields : parts_in(fields.front());
    if (version.size() != 1 || fields.front().tag != kDerContext0 ||
        !is_small_integer(version.front(), 2)) {
        return false;
    }
    std::set<std::string> seen;
    for (const DerElement& field : fields) {
        const DerElements list = field.tag == kDerContext3 ? parts_in(field) : DerElements{};
        for (const DerElement& extension : list.empty() ? list : parts_in(list.front())) {
            const DerElements parts = parts_in(extension);
            if ((!has_tags(parts, {kDerOid, kDerOctetString}) &&
                 !has_tags(parts, {kDerOid, kDerBoolean, kDerOctetString})) ||
                !seen.insert(to_hex(parts.front().content)).second) {
                return false;
            }
        }
    }
    return true;
}

std::string certificates_problem(const DerElement& field) {
    const DerElements certificates = parts_in(field);
    if (certificates.empty() || certificates.size() > kCertificateSetMax) {
        return "must carry the certificates of its signers";
    }
    if (!are_all(certificates, kDerSequence) || !is_in_set_order(certificates)) {
        return "its certificates are not the certificates alone, in DER order";
    }
    return std::all_of(certificates.begin(), certificates.end(), is_good_certificate)
               ? std::string()
               : "a certificate is not of version 3 with each extension once";
}

/// RFC 5652 section 11.3: UTCTime until 2049, with seconds and Z, and nothing else.
bool is_good_time(const DerElement& time) {
    const std::string text(as_text(time.content));
    const std::size_t digits = time.tag == kDerUtcTime ? 12 : 14;
    return (time.tag == kDerUtcTime || time.tag == kDerGeneralizedTime) &&
           text.size() == digits + 1 && text.back() == 'Z' &&
           text.find_first_not_of("0123456789") == digits &&
           (time.tag == kDerUtcTime || text >= "2050");
}

/// Each certificate is named by a digest that is allowed (RFC 5035 section 4).
bool is_good_signing_certificate(const DerElement& attribute) {
    const DerElements parts = parts_in(attribute);
    const DerElements named = parts.empty() ? parts : parts_in(parts.front());
    return !named.empty() &&
           std::all_of(named.begin(), named.end(), [](const DerElement& certificate) {
               const DerElements fields = parts_in(certificate);
               if (fields.empty() || fields.front().tag == kDerOctetString) {
                   return !fields.empty();  // SHA-256, which is then left out
               }
               const std::string digest = digest_in(fields.front());
               return digest == kOidSha256 || digest == kOidSha384;
           });
}

std::string attribute_form_problem(const std::string& name, const DerElements& values) {
    if (name == kOidSigningCertificate) {
        return "has a signing-certificate by the digest SHA-1 (RFC 2634)";
    }
    if (name == kOidSigningTime && (values.size() != 1 || !is_good_time(values.front()))) {
        return "its signing time is not UTC with seconds and Z";
    }
    if (name == kOidSigningCertificateV2 &&
        (values.size() != 1 || !is_good_signing_certificate(values.front()))) {
        return "its signing-certificate-v2 is not by a digest of SHA-256 or SHA-384";
    }
    return {};
}

std::string attributes_problem(const DerElement& field) {
    const DerElements attributes = parts_in(field);
    if (attributes.empty() || attributes.size() > kSignedAttributesMax) {
        return "has no signed attributes, or too many";
    }
    if (!is_in_set_order(attributes)) {
        return "its signed attributes are not in DER order";
    }
    std::set<std::string> seen;
    for (const DerElement& attribute : attributes) {
        const DerElements parts = parts_in(attribute);
        if (attribute.tag != kDerSequence || !has_tags(parts, {kDerOid, kDerSet}) ||
            parts.back().content.empty()) {
            return "a signed attribute is malformed";
        }
        const std::string name = to_hex(parts.front().content);
        if (!seen.insert(name).second) {
            return "a signed attribute is there more than once";
        }
        std::string problem = attribute_form_problem(name, parts_in(parts.back()));
        if (!problem.empty()) {
            return problem;
        }
    }
    return {};
}

std::string signer_problem(const DerElement& signer) {
    const DerElements parts = parts_in(signer);
    if (has_tags(parts, {kDerInteger, kDerSequence, kDerSequence, kDerSequence, kDerOctetString})) {
        return "has no signed attributes";
    }
    if (!parts.empty() && parts.back().tag == kDerContext1) {
        return "has unsigned attributes, which this version does not accept";
    }
    if (signer.tag != kDerSequence ||
        !has_tags(parts, {kDerInteger, kDerSequence, kDerSequence, kDerContext0, kDerSequence,
                          kDerOctetString})) {
        return "a signer is malformed";
    }
    return attributes_problem(parts[3]);
}

}  // namespace

std::string form_problem(ByteView der) {
    if (der.empty() || der.size() > kCmsBytesMax || !is_strict_der(der)) {
        return kNoCmsSignature;
    }
    const DerElements fields = signed_data_in(der);
    if (std::any_of(fields.begin(), fields.end(),
                    [](const DerElement& field) { return field.tag == kDerContext1; })) {
        return "carries revocation lists, which this version does not accept";
    }
    if (has_tags(fields, {kDerInteger, kDerSet, kDerSequence, kDerSet})) {
        return "must carry the certificates of its signers";
    }
    if (!has_tags(fields, {kDerInteger, kDerSet, kDerSequence, kDerContext0, kDerSet}) ||
        !has_tags(parts_in(fields[2]), {kDerOid})) {
        return kNoCmsSignature;
    }
    std::string problem = certificates_problem(fields[3]);
    for (const DerElement& signer : parts_in(fields[4])) {
        if (problem.empty()) {
            problem = signer_problem(signer);
        }
    }
    if (problem.empty() && !unsigned_parts_follow(fields)) {
        problem = "its version numbers or digest algorithms do not follow from its signers";
    }
    return problem;
}

}  // namespace efface::evidence
