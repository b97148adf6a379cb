// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cerrno>

#include "efface/base/error.hpp"
#include "efface/device/luks_library.hpp"

namespace efface::device {

namespace {

using Result = CredentialTrial::Result;

/// A code of libcryptsetup: a slot number, or what a negative errno stands for.
std::string in_words(const char* call, int code) {
    return code >= 0 ? fmt::format("{}: {}", call, code)
                     : fmt::format("{}: {} {}", call, code, errno_text(-code));
}

ReasonCode why_not_tried(int code) {
    return code == -ENOMEM      ? ReasonCode::luks_memory
           : code == -ETIMEDOUT ? ReasonCode::luks_deadline
                                : ReasonCode::control_not_asked;
}

}  // namespace

CredentialTrial trial_of(const UnlockAnswer& answer) {
    if (!answer.failure.empty()) {
        return {Result::not_tried, answer.why, answer.failure, true};
    }
    if (answer.load_code < 0) {
        // -EINVAL is its answer to a place without a header; anything else says nothing of it.
        const bool none = answer.load_code == -EINVAL;
        return {Result::not_tried, why_not_tried(answer.load_code),
                in_words("crypt_load", answer.load_code), !none};
    }
    const auto detail = in_words("unlock", answer.code);
    if (answer.code >= 0) {
        return {Result::opened, ReasonCode::control_not_asked, detail, true};
    }
    // Only these say that it opens nothing: wrong for every slot, or no slot to try.
    if (answer.code == -EPERM || answer.code == -ENOENT) {
        return {Result::refused, ReasonCode::control_not_asked, detail, true};
    }
    return {Result::not_tried, why_not_tried(answer.code), detail, true};
}

}  // namespace efface::device
