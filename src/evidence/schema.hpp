// SPDX-License-Identifier: Apache-2.0
// What a certificate must look like, and what it must not claim. Every function throws Error(usage)
// that names the place; returning is the answer "nothing wrong". Private to the evidence module.
#pragma once

#include <string_view>

#include "efface/base/json.hpp"

#include "record_view.hpp"

namespace efface::evidence {

constexpr std::size_t kVolumesMax = 4096;

/// In the order in which they came: a later one asks for all that an earlier one did.
enum class Schema { v1_0, v1_1 };
/// Of schemaVersion, which must be one of those.
[[nodiscard]] Schema schema_of(const RecordView& predicate);
/// A list of reasons: texts in 1.0.0; since then {"code", "text"}, with a code of efface-reasons.7.
void check_reasons(const RecordView& list, Schema schema);

/// _type, predicateType, and subjects with safe, distinct names.
void check_statement(const RecordView& statement);
/// Fields, types and closed vocabularies; unknown top-level fields are refused.
void check_predicate(const RecordView& predicate);
void check_volume(const RecordView& volume, Schema schema);

/// What a certificate is about: the volumes of a project, or one target.
enum class TargetType { volumes, media, file, memory };
/// Of certificateType, which must be one of the four.
[[nodiscard]] TargetType target_type_of(const RecordView& predicate);
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
/// What the fields say together: no verdict or level better than what it rests on.
void check_rules(const RecordView& predicate);
/// The part of it for the three types that have a target.
void check_target_rules(const RecordView& predicate);

/// "sanitized" and "sanitized-with-exceptions".
[[nodiscard]] bool is_success(std::string_view status) noexcept;
/// none 0, clear 1, purge 2.
[[nodiscard]] int level_rank(std::string_view level) noexcept;

}  // namespace efface::evidence
