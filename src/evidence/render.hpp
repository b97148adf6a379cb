// SPDX-License-Identifier: Apache-2.0
// Lenient reading for the rendering: a record that was not checked is shown as far as it goes.
// Private to the evidence module.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "efface/base/json.hpp"

#include "page.hpp"

namespace efface::evidence {

/// The value at the end of the path; a null value when a step is missing.
[[nodiscard]] const Json& look(const Json& value, std::initializer_list<const char*> path);
/// Strings as they are, numbers and booleans as words ("yes", "no"), nothing for the rest.
[[nodiscard]] std::string words(const Json& value);
/// "16777216 bytes (16.0 MiB)"; empty for no number.
[[nodiscard]] std::string bytes_in_words(const Json& value);
/// Shows every text of a list as a bullet below the label. Nothing for an empty list.
void show_list(Page& page, const char* label, const Json& list, std::size_t indent);

void render_volume(Page& page, const Json& volume);

/// Of a certificate for one target: what it is,
void render_target(Page& page, const Json& predicate);
/// what was done to it, with passes and steps,
void render_work(Page& page, const Json& sanitization);
/// what was read back and compared,
void render_read_back(Page& page, const Json& predicate);
/// and what of it was not reached.
void render_not_reached(Page& page, const Json& predicate);

}  // namespace efface::evidence
