// SPDX-License-Identifier: Apache-2.0
// The whole path of `efface erase` for one target: guard, plan, confirm, announce, erase, verify,
// certify. An interrupted job goes on where it was durable when it is run again.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/job/context.hpp"
#include "efface/job/objection.hpp"
#include "efface/job/run_result.hpp"
#include "efface/mandate/authorization.hpp"
#include "efface/mandate/order.hpp"

namespace efface::job {

/// What will be done to one target: everything that is known before it is touched.
struct TargetPlan {
    std::string name;           ///< as the operator or the order gave it
    std::string path;           ///< canonical, or memory:KIND:PLACE
    std::string kind;           ///< "disk", "loop", "file", "tmpfs", ...
    std::string confirm_token;  ///< what a person types: its serial number, or NAME-SIZE-xxxx
    Json identity;              ///< what names this target for ever: the certificate's subject
    Json found;                 ///< `target` of the certificate, as far as it is known
    std::uint64_t size_bytes = 0;
    bool size_varies = false;  ///< from look to look (free memory): no part of the digest
    std::uint64_t bytes_to_transfer = 0;  ///< writing and reading, for an estimate
    std::string technique;
    Json choice;  ///< of the operator or the order; null for memory
    std::string policy_version;
    std::string policy_digest;
    std::vector<std::string> steps;
    std::vector<guard::Content> destroys;  ///< what is on it now
    std::vector<std::string> not_reached;
    std::vector<Reason> exceptions;  ///< that success would carry
    std::vector<Reason> residual_risks;
    std::vector<Objection> objections;          ///< reasons to refuse
    method::Level level = method::Level::none;  ///< that success would claim
    std::optional<DoneBefore> done_before;      ///< then there is nothing to do
    std::optional<OpenJob> open_job;            ///< that would go on
    /// What the drive reports of its health now; no part of the digest.
    method::Health health;
};
/// Hex. Changes when the target or what would be done to it changes, but for a size that varies.
[[nodiscard]] std::string plan_digest(const TargetPlan& plan);
/// For `efface plan --json`.
[[nodiscard]] Json plan_document(const TargetPlan& plan);

struct TargetRequest {
    std::string target;  ///< a path, or memory:KIND:PLACE
    mandate::ErasureChoice choice;
    const mandate::Order* order = nullptr;  ///< when the target is in one; outlives the run
    /// Of `efface resume`: resume this job only; its choice holds.
    std::string job_id;
    /// When not empty: refuse (Error(safety)) unless the plan still has this digest.
    std::string expected_plan_digest;
    /// Asked once everything is known and nothing was done. Throws Error(authorisation) to refuse.
    std::function<mandate::Authorization(const TargetPlan& plan)> authorize;
    std::string program;  ///< path of this executable: its digest is in the certificate
};

/// Changes nothing. What preflight finds wanting is among the objections; what was done before and
/// stands as it was left has none.
[[nodiscard]] TargetPlan make_target_plan(RunContext& context, const TargetRequest& request);

/// Of a request that is refused before it is a run: whether the job that it names, or its order,
/// has begun to change its storage and not ended well, by the journal of that job alone. False of
/// one that is typed, which has no job yet.
[[nodiscard]] bool may_have_changed(const StateDirectory& state, const TargetRequest& request);

/// Never throws an Error: what failed is in the result; the rest is in its certificate.
[[nodiscard]] RunResult run_target(RunContext& context, const TargetRequest& request,
                                   const std::stop_token& stop);

}  // namespace efface::job
