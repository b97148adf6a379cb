// SPDX-License-Identifier: Apache-2.0
// What a certificate must look like, and what it must not claim. Every function throws Error(usage)
// that names the place; returning is the answer "nothing wrong". Private to the judge module.
#pragma once

#include <string_view>

#include "efface/base/json.hpp"
#include "efface/judge/judge.hpp"
#include "efface/rules/record_view.hpp"
#include "efface/rules/verdict.hpp"

namespace efface::judge {

using rules::is_success;
using rules::level_rank;
using rules::RecordView;

constexpr std::size_t kVolumesMax = 4096;

/// In the order in which they came: a later one asks for all that an earlier one did.
enum class Schema { v1_0, v1_1 };
/// Of schemaVersion, which must be one of those.
[[nodiscard]] Schema schema_of(const RecordView& predicate);
/// A list of reasons: texts in 1.0.0; since then {"code", "text"}, with a code of efface-reasons.7.
void check_reasons(const RecordView& list, Schema schema);

void check_volume(const RecordView& volume, Schema schema);

/// The fields of the three types that have a target.
void check_target_fields(const RecordView& predicate);
/// The part of them that tells of a drive's own erasure; nobody else has it.
void check_drive_fields(const RecordView& predicate);
/// Of target.hiddenAreas.
void check_hidden_area_fields(const RecordView& hidden, Schema schema);
/// nullopt when it is missing, null or empty: it did not happen.
[[nodiscard]] std::optional<WallTime> time_of(const RecordView& record, const char* key);
/// [{"name", "result", "detail"}]
void check_controls(const RecordView& controls);
/// The part of it for the three types that have a target.
void check_target_rules(const RecordView& predicate, const rules::Techniques& table);

}  // namespace efface::judge
