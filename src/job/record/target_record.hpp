// SPDX-License-Identifier: Apache-2.0
// The certificate of one target: efface-certificate(5).
#pragma once

#include "efface/job/target_run.hpp"

#include "run/certified_run.hpp"
#include "work/target/content_sample.hpp"

namespace efface::job {

constexpr const char* kTargetDocument = "target.json";

/// What a target run keeps there.
struct TargetState {
    TargetPlan plan;
    mandate::ErasureChoice choice;  ///< what is carried out; a fallback replaces it
    Json asked;                     ///< the choice that the job began with
    std::string requested;          ///< technique as it was asked for, also mandate::kPolicyAuto
    /// Techniques before that of the plan: {"technique", "at", "why", "commands"}. Without commands
    /// the drive has it not, objects, or the policy does; with them it refused what was sent.
    Json passed_over = Json::array();
    std::string order_text;  ///< empty: typed at the terminal
    Json progress;           ///< of TargetStorage
    bool done = false;
    Json outcome;  ///< {"status","reasons","exceptions","record","identityAfter","completedAt"}
    Json observations = Json::array();
    std::string kept_at;  ///< when this was kept: no date in it is later
    /// What success left there, for standing(); empty where nothing can be read.
    std::vector<SurfaceSample> left;
};
[[nodiscard]] Json to_json(const TargetState& state);
/// Throws Error(internal) for a damaged journal.
[[nodiscard]] TargetState target_state_from_json(const Json& json);

/// What target.json of every version up to this one says: which target it is about.
struct TargetGlance {
    std::string name;
    Json identity;
};
/// Throws Error(usage) for a later version, Error(internal) for a damaged journal.
[[nodiscard]] TargetGlance glance_at(const Json& document, const std::string& job_id);

struct TargetPredicateInput {
    const TargetState& target;
    const mandate::Order* order;
    const RunState& run;
    const evidence::KeyStore& keys;
    std::vector<PreviousAttempt> previous;
    std::string certificate_id;
    WallTime issued_at{};
    Json tool;
    Json environment;
};
/// `predicate` of the statement.
[[nodiscard]] Json make_target_predicate(const TargetPredicateInput& input);

}  // namespace efface::job
