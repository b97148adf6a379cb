// SPDX-License-Identifier: Apache-2.0
#include "efface/base/error.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "efface/base/assert.hpp"

namespace efface {

ReasonCode general_reason(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::internal:
            return ReasonCode::internal;
        case ErrorCode::usage:
            return ReasonCode::bad_usage;
        case ErrorCode::not_sanitized:
            return ReasonCode::io_failed;
        case ErrorCode::evidence:
            return ReasonCode::evidence_failed;
        case ErrorCode::authorisation:
            return ReasonCode::not_permitted;
        case ErrorCode::safety:
            return ReasonCode::unsafe;
        case ErrorCode::interrupted:
            return ReasonCode::interrupted;
        case ErrorCode::busy:
            return ReasonCode::busy;
    }
    return ReasonCode::internal;
}

void throw_errno(ErrorCode code, const std::string& what, int error_number) {
    const auto text = what + ": " + errno_text(error_number);
    if (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG) {
        throw Error(code, ReasonCode::no_space, text,
                    "make room there (or raise ulimit -f), then run the same command again");
    }
    throw Error(code, text);
}

std::string errno_text(int error_number) {
    const char* text = ::strerrordesc_np(error_number);
    const char* name = ::strerrorname_np(error_number);
    std::string result = text != nullptr ? text : "unknown error";
    result += " (";
    result += name != nullptr ? std::string(name) : std::to_string(error_number);
    result += ")";
    return result;
}

void assertion_failed(const char* expression, const char* file, int line) noexcept {
    (void)std::fprintf(stderr, "efface: bug: %s does not hold at %s:%d\n", expression, file, line);
    std::abort();
}

}  // namespace efface
