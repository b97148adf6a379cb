// SPDX-License-Identifier: Apache-2.0
// How a plan says what overwriting does.
#pragma once

#include <string>
#include <vector>

#include "efface/inventory/inventory.hpp"
#include "efface/method/overwrite.hpp"
#include "efface/policy/overwrite.hpp"

namespace efface::job {

[[nodiscard]] method::ReadBack read_back_of(mandate::Verification verification);
/// A pass; `operator_bytes` is the pattern that was given.
[[nodiscard]] std::string step_of(const policy::PassRule& pass, const Bytes& operator_bytes);
[[nodiscard]] std::string step_of(mandate::Verification verification);
[[nodiscard]] std::vector<std::string> not_reached(inventory::Kind kind);

}  // namespace efface::job
