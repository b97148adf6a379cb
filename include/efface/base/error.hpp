// SPDX-License-Identifier: Apache-2.0
// Failures. An answer of a device or a file (refused, mismatch, unreadable) is a value and ends up
// in the certificate; a failure is this one exception; a bug aborts (assert.hpp).
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

#include "efface/base/reason.hpp"

namespace efface {

/// Why the program cannot go on. The values are the exit statuses of efface.8.
enum class ErrorCode : int {
    internal = 1,       ///< unexpected failure of the program or the operating system
    usage = 2,          ///< wrong command line or malformed input
    not_sanitized = 3,  ///< a target could not be read, written or flushed
    evidence = 5,       ///< sanitised, but the evidence could not be written
    authorisation = 6,  ///< refused: no valid confirmation or approval
    safety = 7,         ///< refused: in use, protected, or not the expected target
    interrupted = 8,    ///< stopped at a safe point; running again resumes
    busy = 75,          ///< someone else holds the lock (EX_TEMPFAIL)
};

/// The reason code of a failure for which nobody knew a more exact one.
[[nodiscard]] ReasonCode general_reason(ErrorCode code) noexcept;

/// The only exception type of the program. `what()` names object, action and cause, in lower case
/// and without a full stop; `hint()` is the next step for a person, or empty; `code()` is the exit
/// status, `reason()` says more exactly why.
class Error final : public std::runtime_error {
  public:
    Error(ErrorCode code, const std::string& what, std::string hint = {})
        : Error(code, general_reason(code), what, std::move(hint)) {}
    Error(ErrorCode code, ReasonCode reason, const std::string& what, std::string hint = {})
        : std::runtime_error(what), code_(code), reason_(reason), hint_(std::move(hint)) {}

    [[nodiscard]] ErrorCode code() const noexcept { return code_; }
    [[nodiscard]] ReasonCode reason() const noexcept { return reason_; }
    [[nodiscard]] const std::string& hint() const noexcept { return hint_; }

  private:
    ErrorCode code_;
    ReasonCode reason_;
    std::string hint_;
};

/// Throws Error(code) with the text of `error_number` behind `what`.
[[noreturn]] void throw_errno(ErrorCode code, const std::string& what, int error_number);

/// The system's text for an errno value, safe in threads: "Input/output error (EIO)".
[[nodiscard]] std::string errno_text(int error_number);

}  // namespace efface
