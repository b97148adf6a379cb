// SPDX-License-Identifier: Apache-2.0
// Private to the evidence module.
#pragma once

#include "openssl.hpp"

namespace efface::evidence {

constexpr std::size_t kCmsBytesMax = std::size_t{1} << 20U;
constexpr int kCmsSignersMax = 16;

/// A CMS SignedData without content inside, in DER and with nothing behind it; null otherwise.
/// `library`, `properties`: what later signs with it; the default one for null.
[[nodiscard]] CmsPtr parse_detached_cms(ByteView der, OSSL_LIB_CTX* library = nullptr,
                                        const char* properties = nullptr);

}  // namespace efface::evidence
