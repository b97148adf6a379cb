// SPDX-License-Identifier: Apache-2.0
// The only code that writes: results to standard output, words for people to standard error.
// Whatever is in a text - names, labels, models - no control character and none that turns the
// direction of text reaches a screen.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "efface/base/error.hpp"
#include "efface/base/json.hpp"

#include "screen.hpp"

namespace efface::cli {

/// Safe on a screen: control characters but line feeds, characters that turn the direction of text
/// and invalid UTF-8 become "\u{1b}".
[[nodiscard]] std::string on_screen(std::string_view text);
/// A name within a text: line feeds, too.
[[nodiscard]] std::string one_line(std::string_view text);
/// A document in ASCII, without line feeds, or with `indent` columns. Never throws for what a
/// string holds.
[[nodiscard]] std::string json_text(const Json& document, int indent = -1);

/// The answer of a question, to standard output. Throws Error(internal) when it cannot be written:
/// a full disk must not look like success. Ends by SIGPIPE where the reader of a pipe has enough.
void print(std::string_view text);
/// The same for what its caller made safe cell by cell, with colours in it.
void print_made_safe(std::string_view text);
/// One JSON document with a line feed.
void print_json(const Json& document);
/// A part of one, such as an item of a list that is never held as a whole.
void print_json_part(std::string_view text);
/// The end of a run, whose verdict decides the exit status and is in the certificate: that it
/// cannot be printed is said on standard error and is not a failure of the run. A reader that takes
/// nothing for half a minute is not waited for.
void print_ending(std::string_view text);
void print_ending_json(const Json& document);
/// Whether a document, or a part of one, went to standard output.
[[nodiscard]] bool document_printed() noexcept;

/// How every document carries a failure: {"code": "busy", "reason": the same, "message", "hint"}.
[[nodiscard]] Json error_document(const Error& error);

/// "efface: text" on standard error; lines behind the first are indented. Does not wait for who
/// reads it.
void say(const std::string& text, Meaning meaning = Meaning::plain);
/// "efface: what" and the hint below.
void say_error(const Error& error);
/// A text of several lines for a person, as it is.
void show(std::string_view text);
/// What a terminal is told, its commands among it; false when it was lost. Only for text that
/// one_line() made safe.
bool draw(std::string text);
/// Waits a moment for standard error to be read, at the end of the program.
void finish_words();

[[nodiscard]] bool standard_input_is_terminal() noexcept;
/// Asks on standard error and reads a line from standard input; without its line feed and the
/// blanks around it. nullopt when there is none: the input ended, or the stop was requested.
[[nodiscard]] std::optional<std::string> ask(const std::string& question,
                                             const std::stop_token& stop);

}  // namespace efface::cli
