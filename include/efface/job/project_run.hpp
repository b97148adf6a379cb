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
#include "efface/mandate/authorization.hpp"
#include "efface/mandate/manifest.hpp"

namespace efface::job {

constexpr unsigned kWorkersDefault = 6;
constexpr unsigned kWorkersMax = 64;

struct RunRequest {
    mandate::Manifest manifest;
    /// Asked once everything is known and nothing was done. Throws Error(authorisation) to refuse.
    std::function<mandate::Authorization(const ProjectPlan& plan)> authorize;
    /// When not empty: refuse (Error(safety)) unless the plan still has this digest.
    std::string expected_plan_digest;
    unsigned workers = kWorkersDefault;
    std::string program;  ///< path of this executable: its digest stands in the certificate
};

struct VolumeResult {
    std::string name;
    method::Verdict verdict = method::Verdict::not_sanitized;
    method::Level level = method::Level::none;
    std::vector<Reason> reasons;
};

struct RunResult {
    std::string job_id;
    std::string run_id;
    method::Verdict verdict = method::Verdict::not_sanitized;
    method::Level level = method::Level::none;
    bool changed = false;  ///< false: it had been done before, this is the same certificate
    std::filesystem::path bundle;
    std::string certificate_sha256;
    std::vector<VolumeResult> volumes;
    [[nodiscard]] int exit_code() const noexcept { return exit_code_of(verdict); }
};

/// The plan alone: surveys every volume, in parallel; changes nothing.
[[nodiscard]] ProjectPlan make_plan(RunContext& context, const mandate::Manifest& manifest,
                                    unsigned workers);

/// Throws Error with the exit status of a refusal, of lost evidence (5) or of an interruption (8);
/// everything about targets is in the result and its certificate.
[[nodiscard]] RunResult run_project(RunContext& context, const RunRequest& request,
                                    std::stop_token stop);

/// Hex; the same manifest gives the same job.
[[nodiscard]] std::string job_id_of(const mandate::Manifest& manifest);

}  // namespace efface::job
