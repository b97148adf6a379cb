// SPDX-License-Identifier: Apache-2.0
// Bugs abort, in every build. Never used for input, for devices or for anything outside the
// program.
#pragma once

namespace efface {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;
}  // namespace efface

#define EFFACE_ASSERT(expression) \
    ((expression) ? void(0) : ::efface::assertion_failed(#expression, __FILE__, __LINE__))
