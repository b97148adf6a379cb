// SPDX-License-Identifier: Apache-2.0
// The only code that writes: results to standard output, words for people to standard error.
#pragma once

#include <string>
#include <string_view>

#include "efface/base/error.hpp"
#include "efface/base/json.hpp"

namespace efface::cli {

/// Prints to standard output. Throws Error(internal) when it can not be written: a full disk must
/// not look like success. Ends by SIGPIPE where the reader of a pipe has enough.
void print(std::string_view text);
/// One JSON document with a line feed.
void print_json(const Json& document);
/// The same for the end of a run, whose verdict decides the exit status and stands in the
/// certificate: that it can not be printed is said on standard error and is no failure of the run.
void print_ending(std::string_view text);
void print_ending_json(const Json& document);

/// How every document carries a failure: {"reason": "busy", "message": "...", "hint": "..."}.
[[nodiscard]] Json error_document(const Error& error);

/// "efface: text" on standard error.
void say(const std::string& text);
/// "efface: what" and the hint below.
void say_error(const Error& error);

[[nodiscard]] bool standard_input_is_terminal() noexcept;
/// Asks on standard error and reads a line from standard input; without its line feed.
[[nodiscard]] std::string ask(const std::string& question);

}  // namespace efface::cli
