// SPDX-License-Identifier: Apache-2.0
// Private to the evidence module.
#pragma once

#include "openssl.hpp"

namespace efface::evidence {

constexpr int kCmsSignersMax = 16;

/// A CMS SignedData without content inside, in its one strict form (form.hpp); null otherwise.
/// `library`, `properties`: what later signs with it; the default one for null.
[[nodiscard]] CmsPtr parse_detached_cms(ByteView der, OSSL_LIB_CTX* library = nullptr,
                                        const char* properties = nullptr);

}  // namespace efface::evidence
