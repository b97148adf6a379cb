// SPDX-License-Identifier: Apache-2.0
// What a SigningKey holds. Private to the evidence module.
#pragma once

#include "efface/evidence/keys.hpp"

#include "open_key.hpp"

namespace efface::evidence {

struct SigningKey::State {
    OpenKey open;  ///< before the certificate: its library must be there while that is freed
    X509Ptr certificate;
};

}  // namespace efface::evidence
