// SPDX-License-Identifier: Apache-2.0
// What a record bears. The program holds its own record against the rules of every verifier before
// it signs; an auditor computes the verdict again from what was recorded.
#pragma once

#include <string>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::judge {

/// The words of efface-certificate(5).
struct Verdict {
    std::string status;  ///< "sanitized", ...
    std::string level;   ///< "purge", "clear", "none"

    friend bool operator==(const Verdict&, const Verdict&) = default;
};

struct Judgement {
    Verdict verdict;                      ///< the best that the record bears
    std::vector<std::string> objections;  ///< "place: the rule" to each better one; none: all holds
};

/// Lowers what `predicate` claims to what it bears: the level, then the verdict, of single volumes
/// and of the whole; the first objection becomes a reason in it, with the code claim-lowered (a
/// text in 1.0.0). Never raises, and gives an answer for every object: a success that can't hold is
/// indeterminate, what was none stays what it was.
/// `order` is the text of the order or manifest; empty without one.
[[nodiscard]] Judgement lower(Json& predicate, std::string_view order);

/// The best verdict and level that the observations and figures bear, whatever the record claims.
[[nodiscard]] Judgement replay(const Json& predicate);

/// What the record claims.
[[nodiscard]] Verdict verdict_of(const Json& predicate);

}  // namespace efface::judge
