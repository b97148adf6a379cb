// SPDX-License-Identifier: Apache-2.0
// Lenient reading for the rendering: a record that was not checked is shown as far as it goes.
// Private to the view module.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "efface/base/json.hpp"
#include "efface/view/page.hpp"

namespace efface::view {

/// The value at the end of the path; a null value when a step is missing.
[[nodiscard]] const Json& look(const Json& value, std::initializer_list<const char*> path);
/// Strings as they are, numbers and booleans as words ("yes", "no"), nothing for the rest.
[[nodiscard]] std::string words(const Json& value);
/// "16777216 bytes (16.0 MiB)"; empty for no number.
[[nodiscard]] std::string bytes_in_words(const Json& value);
/// "4000787030016 bytes (4.00 TB, 3.64 TiB)": what the label of a drive says, and what tools say.
[[nodiscard]] std::string size_in_words(const Json& value);
/// " (1 h 02 min 03 s)"; empty unless both are times in this order.
[[nodiscard]] std::string duration_in_words(const Json& from, const Json& to);
constexpr std::size_t kSubIndent = 4;  ///< of fields that belong to the one above
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

/// Of a drive that erased itself. What it reported and what was seen of it stand apart.
[[nodiscard]] bool is_drive_work(const Json& sanitization);
void render_drive(Page& page, const Json& drive);
void render_health(Page& page, const Json& health);
void render_drive_report(Page& page, const Json& sanitization);
/// What was asked for where it is not what was done, and why not.
void render_passed_over(Page& page, const Json& sanitization);
void render_looked_for(Page& page, const Json& verification);
void render_hidden_areas(Page& page, const Json& areas);

}  // namespace efface::view
