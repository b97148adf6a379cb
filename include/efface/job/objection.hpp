// SPDX-License-Identifier: Apache-2.0
// What speaks against beginning: part of every plan.
#pragma once

#include <string>
#include <vector>

#include "efface/base/error.hpp"
#include "efface/base/json.hpp"

namespace efface::job {

/// A reason not to start.
struct Objection {
    Reason reason;  ///< mounted, "pg-data: /dev/loop3 is mounted at /srv"
    ErrorCode status = ErrorCode::safety;
};
/// A list of {"code", "text"}.
[[nodiscard]] Json to_json(const std::vector<Objection>& objections);
/// The exit status of a refusal for all of them, safety before all others; 0 when there is none.
[[nodiscard]] int status_of(const std::vector<Objection>& objections) noexcept;
/// Throws Error with that status, the code and next step of the first objection that has it, `what`
/// and all of them; nothing when there is none.
void refuse(const std::string& what, const std::vector<Objection>& objections);

}  // namespace efface::job
