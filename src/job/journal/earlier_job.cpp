// SPDX-License-Identifier: Apache-2.0
#include "earlier_job.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "earlier_runs.hpp"

namespace efface::job {

Error damaged_job(const Work& work, const std::string& id, const Error& error) {
    return Error(error.code(), error.reason(),
                 fmt::format("{}: job {}: {}", work.name(), id, error.what()),
                 "restore the folder of the job, or give the job up: efface jobs forget " + id +
                     " (the log then says that it was lost)");
}

bool is_for_once(const Work& work) {
    return !work.document_sha256().empty() && work.is_done_once();
}

Objection replaced(const Work& work, const std::string& id) {
    return {{ReasonCode::job_ended,
             fmt::format("{}: job {} ended without success, and another job has erased the same "
                         "storage since: it cannot be resumed",
                         work.name(), id)},
            ErrorCode::usage};
}

std::optional<Objection> carried_out(const RunContext& context, const Work& work,
                                     const std::vector<evidence::LoggedRun>& runs) {
    if (!is_for_once(work)) {
        return std::nullopt;
    }
    const auto before = std::find_if(runs.begin(), runs.end(), is_success_of);
    if (before == runs.end()) {
        return std::nullopt;
    }
    return Objection{
        {ReasonCode::order_carried_out,
         fmt::format(
             "{}: this order was carried out at {} by run {}, whose job folder is gone; its "
             "certificate was {}/*-{}",
             work.name(), before->ended_at, before->intent.run_id,
             context.state.certificates().string(), before->intent.run_id)},
        ErrorCode::authorisation};
}

Json to_json(const std::optional<DoneBefore>& done) {
    return done ? ObjectWriter()
                      .add("jobId", done->job_id)
                      .add("completedAt", done->completed_at)
                      .add("bundle", done->bundle)
                      .take()
                : Json();
}

Json to_json(const std::optional<OpenJob>& job) {
    return job ? ObjectWriter()
                     .add("jobId", job->job_id)
                     .add("phase", job->phase)
                     .add("status", job->status)
                     .add("startedAt", job->started_at)
                     .take()
               : Json();
}

namespace {

/// The state of the job, whose work is loaded where this version of the program can read it.
std::optional<RunState> load(EarlierJob& earlier, const std::filesystem::path& folder, Work& work) {
    auto run = read_run_state(folder);
    if (run && run->is_refused_here()) {
        refuse_other_version(folder.filename().string(), run->journal_version);
    }
    if (run && work.identity_in(folder) && run->journal_version == kJournalVersion) {
        work.load(folder, *run);
        earlier.loaded = true;
    }
    return run;
}

/// The run of another job on the same storage since; none where the log cannot be read.
std::optional<evidence::LoggedRun> replacement_in(const std::optional<Station>& station,
                                                  const std::optional<Json>& identity,
                                                  const std::string& id, const RunState& run) {
    if (!identity || !station) {
        return std::nullopt;
    }
    evidence::DeviceRuns runs(*identity, id);
    try {
        runs.read(station->log);
    } catch (const Error&) {
        return std::nullopt;  // of a damaged log: preflight says so
    }
    return replacement(id, run, runs.runs());
}

/// Of a job that ended well.
void add_standing(EarlierJob& earlier, const RunContext& context, Work& work, const RunState& run,
                  const std::string& job_id, const std::optional<Station>& station) {
    auto standing = work.standing();
    earlier.known = standing.state != Standing::State::begins_anew;
    if (standing.state == Standing::State::is_other) {
        const auto identity = work.identity_in(context.state.jobs() / job_id);
        earlier.objections.push_back({changed_by(std::move(standing.reason),
                                                 replacement_in(station, identity, job_id, run))});
    } else if (earlier.known) {
        earlier.done = DoneBefore{job_id, run.completed_at,
                                  (context.state.certificates() / run.bundle).string()};
    }
}

/// Of one that would go on.
void add_open(EarlierJob& earlier, Work& work, const RunState& run, const std::string& job_id) {
    earlier.known = true;
    earlier.open = OpenJob{job_id, to_string(run.phase), run.verdict, run.started_at};
    const bool delivers = run.phase != Phase::announcing && run.phase != Phase::done &&
                          (run.phase != Phase::running || work.verdict());
    if (run.journal_version != kJournalVersion) {
        return;  // its evidence is delivered as it is staged
    }
    if (!delivers) {
        earlier.objections = work.look_again();
        return;
    }
    const auto verdict = work.verdict();
    if (verdict && is_success(*verdict)) {
        auto standing = work.standing();
        if (standing.state == Standing::State::is_other) {
            earlier.objections.push_back({std::move(standing.reason)});
        }
    }
}

}  // namespace

EarlierJob earlier_job(const RunContext& context, Work& work,
                       const std::optional<Station>& station) {
    EarlierJob earlier;
    const auto known = work.known_job();
    if (!known) {
        return earlier;
    }
    const auto folder = context.state.jobs() / *known;
    try {
        std::vector<evidence::LoggedRun> logged;
        try {
            if (station) {
                logged = evidence::runs_of_job(station->log, *known);
            }
        } catch (const Error&) {
            // Of a damaged log: preflight says so.
        }
        const auto run = load(earlier, folder, work);
        if (run) {
            refuse_older_than(logged, *run);
            if (!run->ended_well()) {
                add_open(earlier, work, *run, *known);
                if (is_for_once(work) &&
                    replacement_in(station, work.identity_in(folder), *known, *run)) {
                    earlier.objections = {replaced(work, *known)};
                }
            } else if (run->journal_version == kJournalVersion && work.identity_in(folder)) {
                add_standing(earlier, context, work, *run, *known, station);
            }
        } else if (auto objection = carried_out(context, work, logged)) {
            earlier.known = true;
            earlier.objections = {std::move(*objection)};
        }
    } catch (const Error& error) {
        if (error.reason() == ReasonCode::journal_damaged) {
            throw damaged_job(work, *known, error);
        }
        throw;
    }
    return earlier;
}

}  // namespace efface::job
