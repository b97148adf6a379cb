// SPDX-License-Identifier: Apache-2.0
// The announcement of a run: durable in the log before anything is changed.
#include <algorithm>

#include "certified_run.hpp"
#include "journal/earlier_runs.hpp"

namespace efface::job {

namespace {

std::uint64_t attempts_in(const std::vector<evidence::LoggedRun>& runs) {
    return static_cast<std::uint64_t>(
        std::count_if(runs.begin(), runs.end(),
                      [](const evidence::LoggedRun& run) { return run.end && !run.refused; }));
}

}  // namespace

void CertifiedRun::announce(Json fields) {
    runs_.read(station_.log);  // most of it while others may write, the rest while they cannot
    take_intent(open_log(), std::move(fields));
    enter(Phase::running);
}

void CertifiedRun::take_intent(evidence::Log log, Json fields) {
    auto index = find_entry(log, state_.log_size_before, "run-intent", state_.run_id);
    if (!index) {
        runs_.read(log);
        index = append_intent(log, std::move(fields));
    }
    state_.started_at = to_rfc3339(context_.clock.now());
    state_.intent_index = *index;
    state_.intent_leaf_hash = leaf_of(log, *index);
    state_.checkpoint = log.checkpoint();
}

/// Closes what is open on the same storage, and announces this run.
std::uint64_t CertifiedRun::append_intent(evidence::Log& log, Json fields) {
    for (const auto& run : runs_.runs()) {
        if (run.end) {
            continue;
        }
        try {
            close_abandoned(log, run);
        } catch (const Error& error) {
            if (error.reason() == ReasonCode::busy && state_.attempt == 1) {
                journal_.forget_run();  // nothing is left that could be resumed
            }
            throw;
        }
    }
    runs_.read(log);
    fields["type"] = "run-intent";
    fields["at"] = to_rfc3339(context_.clock.now());
    fields["runId"] = state_.run_id;
    fields["jobId"] = job_id_;
    fields["device"] = runs_.device().digest();
    fields["deviceKeys"] = runs_.device().keys();
    fields["attempt"] = attempts_in(runs_.runs()) + 1;
    return log.append(std::move(fields)).index;
}

/// A run on this storage was announced and never ended: its intent gets an outcome, so that the log
/// tells of it, and its job can't go on under the old run. Error(busy) while that job is at work.
void CertifiedRun::close_abandoned(evidence::Log& log, const evidence::LoggedRun& run) {
    std::optional<Journal> other;
    std::optional<RunState> state;
    std::string reason = "its journal is gone, and another run on the same storage was announced";
    if (run.intent.job_id == job_id_) {
        reason = "its journal was lost, and its job was started again";
    } else if (has_journal(context_.state, run.intent.job_id)) {
        other.emplace(context_.state.jobs(), run.intent.job_id);
        reason = "interrupted, and replaced by another job on the same storage";
        try {
            state = other->load_run();
        } catch (const Error& error) {
            if (error.reason() == ReasonCode::other_journal_version) {
                throw;
            }
            reason = "its journal is damaged, and another run on the same storage was announced";
        }
    }
    (void)log.append(ObjectWriter()
                         .add("type", "run-outcome")
                         .add("at", to_rfc3339(context_.clock.now()))
                         .add("runId", run.intent.run_id)
                         .add("intent", run.intent.index)
                         .add("status", evidence::kLostRun)
                         .add("reason", reason)
                         .take());
    if (state && state->run_id == run.intent.run_id && state->phase != Phase::done) {
        state->verdict = evidence::kLostRun;
        state->phase = Phase::done;
        other->save_run(*state, context_.clock.now());
    }
}

}  // namespace efface::job
