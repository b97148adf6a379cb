// SPDX-License-Identifier: Apache-2.0
// Does a record hold? Its shape, what it claims, and the order behind it. Every function throws
// Error(usage) that names the place and what is wrong there; returning is the answer "nothing".
#pragma once

#include <string_view>

#include "efface/rules/record_view.hpp"
#include "efface/rules/techniques.hpp"

namespace efface::judge {

/// The statement around the predicate, and subjects with safe, distinct names.
void check_statement(const rules::RecordView& statement);
/// Fields, types, bounds and closed vocabularies at every depth, by src/rules/tables/shapes*.json:
/// what is not in them is refused. Pages of a drive's status are those of their digests.
void check_predicate(const rules::RecordView& predicate);
/// What the fields of such a predicate say together: no verdict or level better than what it rests
/// on, by this table of techniques.
void check_rules(const rules::RecordView& predicate,
                 const rules::Techniques& table = rules::techniques());
/// That this order or manifest asks for what the record says was done.
void check_order(std::string_view text, const rules::RecordView& predicate);

/// What a certificate is about: the volumes of a project, or one target.
enum class TargetType { volumes, media, file, memory };
/// Of certificateType, which must be one of the four.
[[nodiscard]] TargetType target_type_of(const rules::RecordView& predicate);

}  // namespace efface::judge
