// SPDX-License-Identifier: Apache-2.0
#include "parse.hpp"

#include <algorithm>

#include "form.hpp"

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

}  // namespace

CmsPtr parse_detached_cms(ByteView der, OSSL_LIB_CTX* library, const char* properties) {
    if (!form_problem(der).empty()) {
        return nullptr;
    }
    const std::uint8_t* next = der.data();
    CMS_ContentInfo* empty = CMS_ContentInfo_new_ex(library, properties);
    require(empty != nullptr, "allocate memory");
    // Frees `empty` where it fails.
    CmsPtr cms(d2i_CMS_ContentInfo(&empty, &next, static_cast<long>(der.size())));
    const bool good = cms != nullptr && next == der.data() + der.size() &&
                      is_detached_data(cms.get()) && is_same(cms.get(), der);
    (void)drain_openssl_errors();
    return good ? std::move(cms) : nullptr;
}

}  // namespace efface::evidence
