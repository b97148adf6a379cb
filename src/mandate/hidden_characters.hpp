// SPDX-License-Identifier: Apache-2.0
// What people approve is what they see.
#pragma once

#include <string>

#include "efface/base/json.hpp"

namespace efface::mandate {

/// Throws Error(usage, unprintable_name) naming the first text of this document, of whatever depth,
/// that holds a control character (C0, DEL, C1, the separators of lines and paragraphs) or one that
/// turns the direction of text (Unicode Bidi_Control). Keys are refused as unknown ones are.
void refuse_hidden_characters(const Json& document, const std::string& where);

}  // namespace efface::mandate
