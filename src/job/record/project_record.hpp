// SPDX-License-Identifier: Apache-2.0
// The certificate's words and fields: efface-certificate(5).
#pragma once

#include <string>
#include <vector>

#include "efface/evidence/bundle.hpp"
#include "efface/evidence/keys.hpp"
#include "efface/job/plan.hpp"
#include "efface/mandate/manifest.hpp"

#include "journal/journal.hpp"

namespace efface::job {

/// The run's part of a location that was not finished.
[[nodiscard]] Json unfinished_location_record();

/// One entry of `volumes`.
[[nodiscard]] Json volume_record(const VolumePlan& plan, Json locations, method::Verdict verdict,
                                 method::Level level, const std::vector<Reason>& reasons,
                                 const std::vector<Reason>& exceptions);

/// The ten items of SP 800-88 on cryptographic erase, answered for this volume.
[[nodiscard]] Json cryptographic_erase_items(const VolumePlan& plan, const Json& locations);

struct PredicateInput {
    const mandate::Manifest& manifest;
    const RunState& run;
    const evidence::KeyStore& keys;
    Json volumes;
    std::vector<PreviousAttempt> previous;
    std::string certificate_id;
    WallTime issued_at{};
    Json tool;
    Json environment;
};
/// `predicate` of the statement.
[[nodiscard]] Json make_predicate(const PredicateInput& input);

}  // namespace efface::job
