// SPDX-License-Identifier: Apache-2.0
// What a SigningKey holds. Private to the evidence module.
#pragma once

#include "efface/evidence/keys.hpp"

#include "cms/openssl.hpp"

namespace efface::evidence {

struct SigningKey::State {
    PkeyPtr key;
    X509Ptr certificate;
};

}  // namespace efface::evidence
