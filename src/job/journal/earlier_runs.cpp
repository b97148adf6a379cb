// SPDX-License-Identifier: Apache-2.0
#include "earlier_runs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/job/run_result.hpp"

namespace efface::job {

namespace {

/// As job ids are made. Others name no folder of ours.
bool is_job_id(const std::string& id) {
    constexpr std::size_t kHexDigits = 32;
    return id.size() == kHexDigits && id.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::optional<std::uint64_t> find_entry(const evidence::Log& log, std::uint64_t from,
                                        const char* type, const std::string& run_id) {
    for (std::uint64_t index = from; index < log.size(); ++index) {
        const Json entry = parse_json(log.entry(index), "log entry");
        if (entry.value("type", "") == type && entry.value("runId", "") == run_id) {
            return index;
        }
    }
    return std::nullopt;
}

std::string leaf_of(const evidence::Log& log, std::uint64_t index) {
    return to_hex(evidence::leaf_hash(as_bytes(log.entry(index))));
}

bool has_journal(const StateDirectory& state, const std::string& job_id) {
    return is_job_id(job_id) && std::filesystem::exists(state.jobs() / job_id / "run.json");
}

bool is_success_of(const evidence::LoggedRun& run) {
    const auto verdict = method::verdict_from_string(run.status);
    return run.end && !run.refused && verdict && is_success(*verdict);
}

std::optional<evidence::LoggedRun> replacement(const std::string& job_id, const RunState& state,
                                               const std::vector<evidence::LoggedRun>& runs) {
    const auto last = std::find_if(runs.rbegin(), runs.rend(), [&](const auto& run) {
        return run.intent.job_id != job_id && run.intent.index >= state.log_size_before &&
               is_success_of(run);
    });
    return last == runs.rend() ? std::nullopt : std::optional(*last);
}

Reason changed_by(Reason seen, const std::optional<evidence::LoggedRun>& by) {
    if (seen.code == ReasonCode::written_since && by) {
        seen.text = fmt::format("job {} erased it again at {}", printable(by->intent.job_id),
                                printable(by->ended_at));
    }
    return seen;
}

namespace {

/// Whether the journal with this state can have been written with this run in the log.
bool knows(const RunState& state, const evidence::LoggedRun& run) {
    if (run.intent.run_id != state.run_id) {
        return run.intent.index < state.log_size_before && !is_success_of(run);
    }
    const bool outcome = run.end && !run.refused && run.status != evidence::kLostRun;
    return !outcome || (state.phase >= Phase::logging && run.status == state.verdict);
}

}  // namespace

void refuse_older_than(const std::vector<evidence::LoggedRun>& runs, const RunState& state) {
    if (state.ended_well()) {
        return;
    }
    const auto newer =
        std::find_if(runs.begin(), runs.end(), [&](const auto& run) { return !knows(state, run); });
    if (newer == runs.end()) {
        return;
    }
    throw Error(
        ErrorCode::internal, ReasonCode::journal_damaged,
        fmt::format("the journal is older than the log, which has run {} of this job: {}, at {}",
                    newer->intent.run_id,
                    !newer->end      ? "announced"
                    : newer->refused ? kRefusedRun
                                     : newer->status,
                    newer->end ? newer->ended_at : newer->intent.at));
}

WallTime last_entry_at(const evidence::Log& log) {
    if (log.size() == 0) {
        return {};
    }
    const Json last = parse_json(log.entry(log.size() - 1), "log entry");
    return from_rfc3339(last.value("at", "")).value_or(WallTime());
}

std::optional<std::string> open_job_of(const RunContext& context,
                                       const evidence::DeviceRuns& runs) {
    std::optional<std::string> job;
    for (const auto& run : runs.runs()) {
        if (!run.end && has_journal(context.state, run.intent.job_id)) {
            job = run.intent.job_id;
        }
    }
    return job;
}

}  // namespace efface::job
