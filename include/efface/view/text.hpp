// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "efface/base/json.hpp"
#include "efface/view/page.hpp"

namespace efface::view {

/// The certificate for a person: plain text of at most so many columns, no control characters.
/// Title "Certificate of sanitization" only for sanitized and sanitized-with-exceptions; else
/// "Record of unsuccessful sanitization".
[[nodiscard]] std::string render_text(const Json& certificate, std::size_t columns = kPageColumns);

}  // namespace efface::view
