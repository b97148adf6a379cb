// SPDX-License-Identifier: Apache-2.0
// What a command prints when it fails: one document with --json, words without.
#pragma once

#include <string>

#include "efface/base/error.hpp"
#include "efface/base/json.hpp"

namespace efface::cli {

/// Whether the user asks for a document, whatever else is wrong with the command line.
[[nodiscard]] bool asks_for_json(int argc, char** argv);

/// What `command` ("project erase") answers when it cannot be carried out: schema, exitCode,
/// changed, error, and what else it promises in any case. `changed`: by an earlier run.
[[nodiscard]] Json failure_document(const std::string& command, const Error& error, bool changed);

/// Says why, prints the document where one is asked for and none was printed, and returns the exit
/// status.
[[nodiscard]] int fail_with(const std::string& command, bool json, const Error& error);

}  // namespace efface::cli
