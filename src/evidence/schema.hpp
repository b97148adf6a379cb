// SPDX-License-Identifier: Apache-2.0
// What a certificate must look like, and what it must not claim. Every function throws Error(usage)
// that names the place; returning is the answer "nothing wrong". Private to the evidence module.
#pragma once

#include "efface/base/json.hpp"

#include "record_view.hpp"

namespace efface::evidence {

constexpr std::size_t kVolumesMax = 4096;

/// _type, predicateType, and subjects with safe, distinct names.
void check_statement(const RecordView& statement);
/// Fields, types and closed vocabularies; unknown top-level fields are refused.
void check_predicate(const RecordView& predicate);
void check_volume(const RecordView& volume);
/// What the fields say together: no verdict or level better than what it rests on.
void check_rules(const RecordView& predicate);

}  // namespace efface::evidence
