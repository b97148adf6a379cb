// SPDX-License-Identifier: Apache-2.0
// What is in a record more than once, or can be computed from the rest of it, must agree. Every
// function throws Error(usage) that names the place. Private to the judge module.
#pragma once

#include "efface/rules/techniques.hpp"

#include "claims.hpp"

namespace efface::judge {

/// The facts that the table lists.
void check_facts(const RecordView& predicate, const rules::Techniques& table);
/// Of a target: what was typed names it; what the drive says of itself, of its namespaces and of
/// its native size is what was erased, or is listed; its commands lie within its operation.
void check_target_facts(const RecordView& predicate, const rules::Technique* row);

}  // namespace efface::judge
