// SPDX-License-Identifier: Apache-2.0
#include "parse.hpp"

#include <algorithm>
#include <set>

#include "der.hpp"

namespace efface::evidence {

namespace {

/// Whether the structure written again gives the same bytes, with nothing hidden in another order.
bool is_same(CMS_ContentInfo* cms, ByteView bytes) {
    const int size = i2d_CMS_ContentInfo(cms, nullptr);
    if (size <= 0 || static_cast<std::size_t>(size) != bytes.size()) {
        return false;
    }
    Bytes again(bytes.size());
    std::uint8_t* out = again.data();
    return i2d_CMS_ContentInfo(cms, &out) == size &&
           std::equal(again.begin(), again.end(), bytes.begin());
}

bool is_detached_data(CMS_ContentInfo* cms) {
    if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed ||
        OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data) {
        return false;
    }
    ASN1_OCTET_STRING** content = CMS_get0_content(cms);
    return content != nullptr && *content == nullptr;
}

bool is_one(const DerElement& element) {
    return element.tag == kDerInteger && element.content.size() == 1 && element.content[0] == 1;
}

/// The object identifier of a digest's AlgorithmIdentifier, whose parameters are absent or NULL
/// (RFC 5754 section 2); empty when it is another.
std::string digest_in(const DerElement& identifier) {
    const auto parts = der_elements(identifier.content);
    const bool good = identifier.tag == kDerSequence && parts &&
                      (parts->size() == 1 || (parts->size() == 2 && (*parts)[1].tag == kDerNull &&
                                              (*parts)[1].content.empty())) &&
                      parts->front().tag == kDerOid;
    return good ? to_hex(parts->front().content) : std::string();
}

/// The fields of SignedData; nothing when it is not that.
std::vector<DerElement> signed_data_in(ByteView der) {
    const auto outer = der_children(der, kDerSequence);
    if (!outer || outer->size() != 2 || (*outer)[1].tag != kDerExplicit0) {
        return {};
    }
    return der_children((*outer)[1].content, kDerSequence).value_or(std::vector<DerElement>{});
}

/// No signature covers the version numbers and the list of digest algorithms: only the one value
/// that follows from the rest is taken (signers named by issuer and serial number, so version 1,
/// and just the digests that they use, each once; RFC 5652 sections 5.1 and 5.3).
bool unsigned_parts_follow(ByteView der) {
    const auto fields = signed_data_in(der);
    if (fields.size() < 4 || !is_one(fields[0]) || fields[1].tag != kDerSet ||
        fields.back().tag != kDerSet) {
        return false;
    }
    const auto algorithms = der_elements(fields[1].content);
    const auto signers = der_elements(fields.back().content);
    if (!algorithms || !signers) {
        return false;
    }
    std::set<std::string> listed;
    for (const DerElement& identifier : *algorithms) {
        if (!listed.insert(digest_in(identifier)).second) {
            return false;
        }
    }
    std::set<std::string> used;
    for (const DerElement& signer : *signers) {
        const auto parts = der_elements(signer.content);
        if (!parts || parts->size() < 3 || !is_one((*parts)[0]) ||
            (*parts)[1].tag != kDerSequence) {
            return false;
        }
        used.insert(digest_in((*parts)[2]));
    }
    return listed == used && listed.count("") == 0;
}

}  // namespace

CmsPtr parse_detached_cms(ByteView der, OSSL_LIB_CTX* library, const char* properties) {
    if (der.empty() || der.size() > kCmsBytesMax) {
        return nullptr;
    }
    if (!is_strict_der(der)) {
        return nullptr;
    }
    const std::uint8_t* next = der.data();
    CMS_ContentInfo* empty = CMS_ContentInfo_new_ex(library, properties);
    require(empty != nullptr, "allocate memory");
    // Frees `empty` where it fails.
    CmsPtr cms(d2i_CMS_ContentInfo(&empty, &next, static_cast<long>(der.size())));
    const bool good = cms != nullptr && next == der.data() + der.size() &&
                      is_detached_data(cms.get()) && is_same(cms.get(), der) &&
                      unsigned_parts_follow(der);
    (void)drain_openssl_errors();
    return good ? std::move(cms) : nullptr;
}

}  // namespace efface::evidence
