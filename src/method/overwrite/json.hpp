// SPDX-License-Identifier: Apache-2.0
// Parts of a record of passes: efface-certificate(5). The journal is in the same file.
#pragma once

#include "efface/base/json.hpp"
#include "efface/method/overwrite.hpp"
#include "efface/stream/pass.hpp"

namespace efface::method {

/// {"count","bytes","areas":[{"offset","length","error"}]}
[[nodiscard]] Json areas_json(const stream::FaultAreas& faults);
/// [{"offset","foundSha256","zero"}]
[[nodiscard]] Json differences_json(const stream::CheckReport& check);

/// One of `passes`; `number` from 1.
[[nodiscard]] Json pass_record(const PassState& pass, std::size_t number);
/// As "method" of `verification`.
[[nodiscard]] const char* to_string(ReadBack read_back) noexcept;

}  // namespace efface::method
