// SPDX-License-Identifier: Apache-2.0
// Certificate signing requests: PKCS#10 (RFC 2986). Private to the evidence module.
#pragma once

#include <string_view>

#include "openssl.hpp"

namespace efface::evidence {

/// The public key of a request in PEM that is signed by it, and is of a kind that is accepted
/// (key_problem()). What else the request wants is not looked at. Throws Error(usage).
[[nodiscard]] PkeyPtr key_of_request(std::string_view request_pem);

}  // namespace efface::evidence
