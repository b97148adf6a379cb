// SPDX-License-Identifier: Apache-2.0
// Lenient reading for the rendering: a record that was not checked is shown as far as it goes.
// Private to the view module.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "efface/base/json.hpp"
#include "efface/view/page.hpp"

#include "part.hpp"

namespace efface::view {

/// The value at the end of the path; a null value when a step is missing.
[[nodiscard]] Part look(const Part& value, std::initializer_list<const char*> path);
[[nodiscard]] const Json& look(const Json& value, std::initializer_list<const char*> path);
/// Strings as they are, numbers and booleans as words ("yes", "no"), nothing for the rest.
[[nodiscard]] std::string words(const Json& value);
/// Shows every leaf that was not, below a heading of its own; nothing where all was.
void render_rest(Page& page, const Json& record, const Shown& shown);
/// "16777216 bytes (16.0 MiB)"; empty for no number.
[[nodiscard]] std::string bytes_in_words(const Part& value);
/// "4000787030016 bytes (4.00 TB, 3.64 TiB)": what the label of a drive says, and what tools say.
[[nodiscard]] std::string size_in_words(const Part& value);
/// " (1 h 02 min 03 s)"; empty unless both are times in this order.
[[nodiscard]] std::string duration_in_words(const Part& from, const Part& to);
constexpr std::size_t kSubIndent = 4;  ///< of fields that belong to the one above
/// Shows every text of a list as a bullet below the label, none twice, and none of `elsewhere`, a
/// list that the page shows as well. Nothing for an empty list.
void show_list(Page& page, const char* label, const Part& list, std::size_t indent,
               const Json& elsewhere = Json());
/// "no-magic": what a control looked for, in words; the name where nobody put it in words.
[[nodiscard]] std::string control_in_words(const std::string& name);
/// "pass": "passed".
[[nodiscard]] std::string outcome_in_words(const std::string& result);

/// `result`: of the whole record, whose exceptions and risks are not repeated here.
void render_volume(Page& page, const Part& volume, const Part& result);

/// Of a certificate for one target: what it is,
void render_target(Page& page, const Part& predicate);
/// what was done to it, with passes and steps,
void render_work(Page& page, const Part& sanitization);
/// what was read back and compared,
void render_read_back(Page& page, const Part& predicate);
/// and what of it was not reached.
void render_not_reached(Page& page, const Part& predicate);

/// Of a drive that erased itself. What it reported and what was seen of it stand apart.
[[nodiscard]] bool is_drive_work(const Part& sanitization);
void render_drive(Page& page, const Part& drive);
void render_health(Page& page, const Part& health);
void render_drive_report(Page& page, const Part& sanitization);
/// What was asked for where it is not what was done, and why not.
void render_passed_over(Page& page, const Part& sanitization);
void render_looked_for(Page& page, const Part& verification);
void render_hidden_areas(Page& page, const Part& areas);

}  // namespace efface::view
