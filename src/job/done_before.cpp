// SPDX-License-Identifier: Apache-2.0
#include "done_before.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "earlier_runs.hpp"

namespace efface::job {

Error damaged_job(const Work& work, const std::string& id, const Error& error) {
    return Error(error.code(), error.reason(),
                 fmt::format("{}: job {}: {}", work.name(), id, error.what()),
                 "restore the folder of the job, or give it up: efface jobs forget " + id +
                     " (the log then says that it was lost)");
}

bool is_for_once(const Work& work) {
    return !work.document_sha256().empty() && work.is_done_once();
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

std::optional<DoneBefore> done_before(const RunContext& context, Work& work,
                                      std::vector<Objection>& objections) {
    const auto known = work.known_job();
    if (!known) {
        return std::nullopt;
    }
    const auto folder = context.state.jobs() / *known;
    std::optional<RunState> run;
    try {
        run = read_run_state(folder);
        if (run && run->journal_version == kJournalVersion && work.identity_in(folder)) {
            work.load(folder, *run);
        }
    } catch (const Error& error) {
        if (error.reason() == ReasonCode::journal_damaged) {
            throw damaged_job(work, *known, error);
        }
        throw;
    }
    std::vector<evidence::LoggedRun> logged;
    try {
        logged = read_job(context, *known);
    } catch (const Error&) {
        // A station without keys or with a damaged log: preflight says so.
    }
    if (!run) {
        if (auto objection = carried_out(context, work, logged)) {
            objections = {std::move(*objection)};
        }
        return std::nullopt;
    }
    try {
        refuse_older_than(logged, *run);
    } catch (const Error& error) {
        throw damaged_job(work, *known, error);
    }
    if (!run->ended_well() || run->journal_version != kJournalVersion ||
        !work.identity_in(folder)) {
        return std::nullopt;
    }
    auto standing = work.standing();
    if (standing.state == Standing::State::begins_anew) {
        return std::nullopt;
    }
    objections.clear();
    if (standing.state == Standing::State::is_other) {
        objections.push_back({std::move(standing.reason)});
        return std::nullopt;
    }
    return DoneBefore{*known, run->completed_at,
                      (context.state.certificates() / run->bundle).string()};
}

}  // namespace efface::job
