// SPDX-License-Identifier: Apache-2.0
#include "help.hpp"

#include <fmt/format.h>

#include "efface/policy/overwrite.hpp"
#include "efface/rules/techniques.hpp"

namespace efface::cli {

namespace {

constexpr const char* kStatuses = R"(Exit status:
  0   everything is sanitized, or was before; a question: yes
  1   internal error
  2   wrong command line or malformed input
  3   a target is not sanitized, or indeterminate: do not release the storage
  4   sanitized with exceptions
  5   sanitized, but the evidence could not be delivered
  6   refused: authorisation
  7   refused: safety
  8   interrupted: resume goes on
  75  busy: another process holds the lock
  20, 21, 22  a question: no; not known; yes, but superseded or rejected
Read any other number as a failure. efface-exit(7) tells more, efface-reasons(7) each reason.
)";

}  // namespace

std::string techniques_footer() {
    std::string text =
        "Techniques of drives, best first (efface list -t: which one a drive has):\n";
    for (const auto& row : rules::techniques().rows()) {
        if (!row.command_set.empty()) {
            text += fmt::format("  {:<24} {}\n", row.name, row.title);
        }
    }
    text += "Techniques of the host:\n";
    for (const auto& policy : policy::overwrite_policies()) {
        text += fmt::format("  {:<24} {}\n", policy.name, policy.title);
    }
    return text;
}

std::string help_footer() {
    return techniques_footer() + "\n" + kStatuses;
}

}  // namespace efface::cli
