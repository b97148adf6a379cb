// SPDX-License-Identifier: Apache-2.0
// What a certificate must not claim. Every function throws Error(usage) that names the place;
// returning is the answer "nothing wrong". A record's shape (check_predicate) is known to be right
// where rules read it. Private to the judge module.
#pragma once

#include <algorithm>
#include <string_view>

#include "efface/base/json.hpp"
#include "efface/judge/judge.hpp"
#include "efface/rules/record_view.hpp"
#include "efface/rules/verdict.hpp"

namespace efface::judge {

using rules::is_one_of;
using rules::is_success;
using rules::level_rank;
using rules::RecordView;

/// What rules tell apart: records of 1.0.0, and all later ones, whose reasons have codes.
enum class Schema { v1_0, v1_1 };
/// Of schemaVersion.
[[nodiscard]] Schema schema_of(const RecordView& predicate);
/// nullopt when it is missing, null or empty: it did not happen.
[[nodiscard]] std::optional<WallTime> time_of(const RecordView& record, const char* key);
/// The rules of the three types that have a target.
void check_target_rules(const RecordView& predicate, const rules::Techniques& table);

/// From best to worst: sanitized 0, not-sanitized 3.
[[nodiscard]] int status_rank(std::string_view status);
/// The row of the technique, which must be one for volumes.
[[nodiscard]] const rules::Technique& technique_of_volumes(const RecordView& predicate,
                                                           const rules::Techniques& table);
/// One volume by itself. `authorization` holds the owner's statement, `row` is one of the table.
void check_volume_claim(const RecordView& volume, const RecordView& authorization, Schema schema,
                        const rules::Technique& row, const rules::Techniques& table);

}  // namespace efface::judge
