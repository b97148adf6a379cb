// SPDX-License-Identifier: Apache-2.0
#include "cms_parse.hpp"

#include <algorithm>
#include <set>

namespace efface::evidence {

namespace {

constexpr std::size_t kElementsMax = 4096;

/// Whether the structure written anew gives the same bytes: then they were DER, with nothing
/// hidden in a longer form.
bool is_der(CMS_ContentInfo* cms, ByteView bytes) {
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

struct Element {
    int tag = -1;
    ByteView content;
};

/// The elements in a row; nothing when they are malformed.
std::vector<Element> elements_of(ByteView bytes) {
    std::vector<Element> elements;
    const std::uint8_t* at = bytes.data();
    const std::uint8_t* const end = at + bytes.size();
    while (at < end) {
        long size = 0;
        int tag = 0;
        int kind = 0;
        if ((ASN1_get_object(&at, &size, &tag, &kind, end - at) & 0x80) != 0 || size < 0 ||
            elements.size() > kElementsMax) {
            return {};
        }
        elements.push_back({tag, {at, static_cast<std::size_t>(size)}});
        at += size;
    }
    return elements;
}

bool is_one(const Element& element) {
    return element.tag == V_ASN1_INTEGER && element.content.size() == 1 && element.content[0] == 1;
}

/// The object identifier that stands first in an AlgorithmIdentifier; empty when malformed.
std::string algorithm_in(const Element& identifier) {
    const auto parts = elements_of(identifier.content);
    return parts.empty() || parts[0].tag != V_ASN1_OBJECT ? std::string()
                                                          : to_hex(parts[0].content);
}

/// No signature covers the version numbers and the list of digest algorithms: only the one value
/// that follows from the rest is taken (signers named by issuer and serial number, so version 1,
/// and just the digests that they use; RFC 5652 sections 5.1 and 5.3).
bool unsigned_parts_follow(ByteView der) {
    const auto outer = elements_of(der);
    const auto info = outer.size() == 1 ? elements_of(outer[0].content) : outer;
    const auto wrapped = info.size() == 2 ? elements_of(info[1].content) : info;
    const auto fields = wrapped.size() == 1 ? elements_of(wrapped[0].content) : wrapped;
    if (fields.size() < 4 || !is_one(fields[0]) || fields[1].tag != V_ASN1_SET ||
        fields.back().tag != V_ASN1_SET) {
        return false;
    }
    std::set<std::string> listed;
    for (const Element& identifier : elements_of(fields[1].content)) {
        listed.insert(algorithm_in(identifier));
    }
    std::set<std::string> used;
    for (const Element& signer : elements_of(fields.back().content)) {
        const auto parts = elements_of(signer.content);
        if (parts.size() < 3 || !is_one(parts[0]) || parts[1].tag != V_ASN1_SEQUENCE) {
            return false;
        }
        used.insert(algorithm_in(parts[2]));
    }
    return listed == used && listed.count("") == 0;
}

}  // namespace

CmsPtr parse_detached_cms(ByteView der) {
    if (der.empty() || der.size() > kCmsBytesMax) {
        return nullptr;
    }
    const std::uint8_t* next = der.data();
    CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &next, static_cast<long>(der.size())));
    const bool good = cms != nullptr && next == der.data() + der.size() &&
                      is_detached_data(cms.get()) && is_der(cms.get(), der) &&
                      unsigned_parts_follow(der);
    (void)drain_openssl_errors();
    return good ? std::move(cms) : nullptr;
}

}  // namespace efface::evidence
