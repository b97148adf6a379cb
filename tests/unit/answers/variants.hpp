// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "example_bundle.hpp"

namespace efface::answers {

/// An insider's record: good signatures over something that is not so. The VARIANT of make_bundle;
/// Error(usage) for one that nobody knows.
[[nodiscard]] evidence::ExampleChanges variant(std::string_view name);

}  // namespace efface::answers
