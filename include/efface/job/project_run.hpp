// SPDX-License-Identifier: Apache-2.0
// The whole path of `efface project erase`: guard, plan, authorise, announce, destroy, verify,
// certify. Running it again with the same manifest goes on where it was interrupted, and returns
// the same certificate when it had ended well.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/job/context.hpp"
#include "efface/job/plan.hpp"
#include "efface/job/run_result.hpp"
#include "efface/mandate/authorization.hpp"
#include "efface/mandate/manifest.hpp"

namespace efface::job {

constexpr unsigned kWorkersDefault = 6;
constexpr unsigned kWorkersMax = 64;

struct ProjectRequest {
    mandate::Manifest manifest;
    /// Asked once everything is known and nothing was done. Throws Error(authorisation) to refuse.
    std::function<mandate::Authorization(const ProjectPlan& plan)> authorize;
    /// When not empty: refuse (Error(safety)) unless the plan still has this digest.
    std::string expected_plan_digest;
    unsigned workers = kWorkersDefault;
    std::string program;  ///< path of this executable: its digest is in the certificate
};

/// The plan alone: surveys every volume, in parallel; changes nothing.
[[nodiscard]] ProjectPlan make_plan(RunContext& context, const mandate::Manifest& manifest,
                                    unsigned workers);

/// Never throws an Error: what failed is in the result; the rest is in its certificate.
[[nodiscard]] RunResult run_project(RunContext& context, const ProjectRequest& request,
                                    const std::stop_token& stop);

/// Of a project that is refused before it is a run: as that of a target.
[[nodiscard]] bool may_have_changed(const StateDirectory& state, const mandate::Manifest& manifest);

/// Hex; the same manifest gives the same job.
[[nodiscard]] std::string job_id_of(const mandate::Manifest& manifest);

}  // namespace efface::job
