// SPDX-License-Identifier: Apache-2.0
// The one form that a signature may have (efface-certificate(5), Signatures). RFC 5652 and OpenSSL
// leave several, and two judges that each read them in their own way may differ; so this is decided
// once, on the bytes, before anything is asked of them. Private to the evidence module.
#pragma once

#include <string>

#include "efface/base/bytes.hpp"

namespace efface::evidence {

constexpr std::size_t kCmsBytesMax = std::size_t{1} << 20U;
constexpr const char* kNoCmsSignature =
    "not a single detached CMS signature in DER (truncated, followed by more bytes, or with "
    "embedded content)";

/// What of a CMS SignedData is not in that form; empty = nothing.
[[nodiscard]] std::string form_problem(ByteView der);

}  // namespace efface::evidence
