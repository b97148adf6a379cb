// SPDX-License-Identifier: Apache-2.0
// How a run ended. Every run has one of these: what was refused, interrupted or lost, too.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/error.hpp"
#include "efface/base/json.hpp"
#include "efface/base/reason.hpp"
#include "efface/method/outcome.hpp"

namespace efface::job {

/// What became of one volume of a project.
struct VolumeResult {
    std::string name;
    method::Verdict verdict = method::Verdict::not_sanitized;
    method::Level level = method::Level::none;
    std::vector<Reason> reasons;
};

struct RunResult {
    std::string name;    ///< the target as it was given, or the project's id
    std::string job_id;  ///< empty when the run was refused before it had a job
    std::string run_id;
    /// None: the work has not come to its end, or never began.
    std::optional<method::Verdict> verdict;
    method::Level level = method::Level::none;
    /// A byte of the storage may differ from what stood there before the job that this run began or
    /// went on with. False: none does.
    bool changed = false;
    bool done_before = false;  ///< an earlier run did it; nothing was done now
    std::string completed_at;  ///< when the work came to its end; empty without a verdict
    std::vector<Reason> reasons;
    std::vector<Reason> exceptions;
    std::vector<VolumeResult> volumes;  ///< of a project
    std::filesystem::path bundle;       ///< empty unless it is delivered
    std::string certificate_sha256;
    /// Why the run was refused, interrupted, or its evidence not delivered. Its code is the exit
    /// status: evidence (5) only beside a verdict that is a success, not_sanitized (3) beside one
    /// that is none.
    std::optional<Error> error;

    [[nodiscard]] int exit_code() const noexcept;
};

/// The job that carried out what is asked for, and left what is there now.
struct DoneBefore {
    std::string job_id;
    std::string completed_at;
    std::string bundle;
};
[[nodiscard]] Json to_json(const std::optional<DoneBefore>& done);

/// The job that what is asked for goes on with: interrupted, without its evidence, or ended without
/// success.
struct OpenJob {
    std::string job_id;
    std::string phase;   ///< as efface jobs has it
    std::string status;  ///< empty without a verdict
    std::string started_at;
};
[[nodiscard]] Json to_json(const std::optional<OpenJob>& job);

/// The exit status of a verdict: efface-exit(7).
[[nodiscard]] constexpr int exit_code_of(method::Verdict verdict) noexcept {
    switch (verdict) {
        case method::Verdict::sanitized:
            return 0;
        case method::Verdict::sanitized_with_exceptions:
            return 4;
        case method::Verdict::indeterminate:
        case method::Verdict::not_sanitized:
            return 3;
    }
    return 3;
}

[[nodiscard]] inline bool is_success(method::Verdict verdict) noexcept {
    return rules::is_success(method::to_string(verdict));
}

}  // namespace efface::job
