// SPDX-License-Identifier: Apache-2.0
#include "certified_run.hpp"

#include <algorithm>
#include <utility>

#include "efface/base/digest.hpp"

#include "journal/earlier_runs.hpp"
#include "record/certificate_parts.hpp"

namespace efface::job {

CertifiedRun::CertifiedRun(RunContext& context, const Station& station, std::string job_id,
                           Journal journal, evidence::DeviceRuns runs)
    : context_(context),
      station_(station),
      job_id_(std::move(job_id)),
      keys_(station.keys),
      identity_sha256_(runs.device().digest()),
      journal_(std::move(journal)),
      runs_(std::move(runs)) {
    if (auto before = journal_.load_run()) {
        state_ = *std::move(before);
        take_end_from_log();
    }
}

/// The journal must not be older than the log. And the log may have been told of the refusal, or by
/// another job that this run is lost, when the process was killed before the journal said so.
void CertifiedRun::take_end_from_log() {
    if (state_.ended_well()) {
        return;
    }
    const bool ended = state_.phase == Phase::done;
    std::optional<evidence::Log> read;
    try {
        read.emplace(read_log());
        runs_.read(*read);
    } catch (const Error&) {
        if (state_.phase > Phase::running && !ended) {
            return;  // it has its verdict: that the evidence cannot be delivered is said there
        }
        throw;
    }
    const auto& log = *read;
    if (state_.journal_version == kJournalVersion && state_.phase <= Phase::logging) {
        check_announcement(log);
    }
    refuse_older_than(runs_.runs_of_job(), state_);
    if (ended) {
        return;
    }
    for (const auto& run : runs_.runs()) {
        if (run.intent.run_id == state_.run_id && run.end &&
            (run.refused || run.status == evidence::kLostRun)) {
            state_.verdict = run.refused ? kRefusedRun : evidence::kLostRun;
            enter(Phase::done);
        }
    }
}

std::optional<evidence::LoggedRun> CertifiedRun::replacement() const {
    auto runs = runs_;  // of a job that ended well the log was not read yet
    try {
        runs.read(read_log());
    } catch (const Error&) {
        // That it is damaged is said where it is written to.
    }
    return job::replacement(job_id_, state_, runs.runs());
}

/// Entry, leaf and checkpoint, as the record will name them.
bool CertifiedRun::is_announced_at(const evidence::Log& log, std::uint64_t index) const {
    const auto text = evidence::open_note(state_.checkpoint, keys_.log_verifier_key());
    const auto checkpoint = text ? evidence::parse_checkpoint(*text) : std::nullopt;
    return index == state_.intent_index && leaf_of(log, index) == state_.intent_leaf_hash &&
           checkpoint && checkpoint->size > index && checkpoint->size <= log.size();
}

/// What the journal says of the log must be there: a record that points elsewhere proves
/// nothing.
void CertifiedRun::check_announcement(const evidence::Log& log) const {
    const auto& runs = runs_.runs();
    const auto found = std::find_if(runs.begin(), runs.end(), [&](const auto& run) {
        return run.intent.run_id == state_.run_id;
    });
    const bool announced = state_.phase > Phase::announcing;
    if (found == runs.end()
            ? announced
            : found->intent.index < state_.log_size_before || found->intent.job_id != job_id_ ||
                  (announced && !is_announced_at(log, found->intent.index))) {
        throw Error(ErrorCode::internal, ReasonCode::journal_damaged,
                    "run.json: the log has no announcement where the journal says");
    }
}

bool CertifiedRun::of_other_version() const {
    if (state_.is_refused_here()) {
        refuse_other_version(job_id_, state_.journal_version);
    }
    return state_.journal_version != kJournalVersion;
}

/// Many targets that end together write one after the other.
constexpr unsigned kLogWaitMs = 180'000;

evidence::Log CertifiedRun::read_log() const {
    return evidence::Log::open_read_only(context_.state.log(), keys_.log_verifier_key());
}

evidence::Log CertifiedRun::open_log() {
    auto log = evidence::Log::open(context_.state.log(), keys_.log_signer(), kLogWaitMs);
    if (auto file = log.set_aside()) {
        set_aside_.push_back(*std::move(file));
    }
    return log;
}

/// The log is not held here: who receives events may take his time.
void CertifiedRun::enter(Phase phase) {
    state_.phase = phase;
    journal_.save_run(state_, context_.clock.now());
    for (const auto& file : std::exchange(set_aside_, {})) {
        context_.events.emit(
            "log-set-aside",
            ObjectWriter().add("file", printable((context_.state.log() / file).string())).take());
    }
}

void CertifiedRun::begin(const char* kind, const std::string& subject,
                         const mandate::Authorization& authorization) {
    state_.kind = kind;
    state_.subject = subject;
    state_.authorization = authorization_json(authorization);
    state_.approvals_der = to_base64(authorization.approvals_der);
    begin_attempt(1);
}

void CertifiedRun::work_begins() {
    if (!state_.work_began) {
        state_.work_began = true;
        journal_.save_run(state_, context_.clock.now());
    }
}

void CertifiedRun::work_ended() {
    state_.completed_at = to_rfc3339(context_.clock.now());
    enter(Phase::staging);
}

void CertifiedRun::begin_attempt(std::uint64_t attempt) {
    state_.identity_sha256 = identity_sha256_;
    state_.attempt = attempt;
    state_.run_id = make_uuid_v7(context_.clock, context_.random);
    state_.started_at = to_rfc3339(context_.clock.now());
    state_.interruptions = 0;
    state_.verdict.clear();
    state_.level.clear();
    state_.completed_at.clear();
    state_.bundle = state_.subject + "-" + state_.run_id;
    // What was read under the lock of the job may be more than preflight saw.
    state_.log_size_before = std::max(station_.log.size(), runs_.entries_read());
    enter(Phase::announcing);
}

void CertifiedRun::note_interruption() {
    ++state_.interruptions;
    enter(Phase::running);
    context_.events.emit("resumed", ObjectWriter().add("run_id", state_.run_id).take());
}

bool CertifiedRun::closed() const {
    return state_.phase == Phase::done &&
           (state_.verdict == kRefusedRun || state_.verdict == evidence::kLostRun);
}

bool CertifiedRun::refused() const {
    return state_.phase == Phase::done && state_.verdict == kRefusedRun;
}

void CertifiedRun::refuse(const Error& error) {
    (void)open_log().append(ObjectWriter()
                                .add("type", "run-refused")
                                .add("at", to_rfc3339(context_.clock.now()))
                                .add("runId", state_.run_id)
                                .add("intent", state_.intent_index)
                                .add("reason", to_string(error.reason()))
                                .take());
    state_.verdict = kRefusedRun;
    enter(Phase::done);
}

}  // namespace efface::job
