// SPDX-License-Identifier: Apache-2.0
#include "efface/job/jobs.hpp"

#include <algorithm>
#include <tuple>

#include "efface/base/file.hpp"
#include "efface/evidence/keys.hpp"
#include "efface/evidence/log_runs.hpp"
#include "efface/method/overwrite.hpp"

#include "record/target_record.hpp"

namespace efface::job {

namespace {

/// How far an overwrite is, as far as the journal knows.
void add_progress(JobEntry& entry, const TargetState& state) {
    entry.bytes_total = state.plan.bytes_to_transfer;
    if (state.done) {
        entry.bytes_done = entry.bytes_total;
        return;
    }
    if (!state.progress.contains("overwrite")) {
        return;
    }
    const auto overwrite = method::overwrite_state_from_json(state.progress.at("overwrite"));
    entry.bytes_done = overwrite.compared_to;
    for (const auto& pass : overwrite.passes) {
        entry.bytes_done += pass.written_to;
    }
}

void add_target(JobEntry& entry, const std::filesystem::path& folder, const RunState& run) {
    const auto document = read_any_version(folder, kTargetDocument).value_or(Json());
    entry.subject = glance_at(document, entry.id).name;
    if (run.journal_version == kJournalVersion) {
        add_progress(entry, target_state_from_json(document));
    }
}

JobEntry read_entry(const StateDirectory& state, const std::filesystem::path& folder) {
    JobEntry entry;
    entry.id = folder.filename().string();
    try {
        entry.running = !FileLock::try_acquire(folder / "lock").has_value();
    } catch (const Error&) {
        // A state folder that cannot be written is told of all the same; no run goes on there.
    }
    try {
        const auto run = read_run_state(folder);
        if (!run) {
            entry.phase = "announcing";
            return entry;
        }
        entry.kind = run->kind;
        entry.subject = run->subject;
        entry.phase = to_string(run->phase);
        entry.started_at = run->started_at;
        entry.sequence = std::max(run->log_size_before, run->intent_index);
        entry.attempt = run->attempt;
        entry.interruptions = run->interruptions;
        entry.verdict = run->verdict;
        entry.level = run->level;
        if (run->phase == Phase::done && run->verdict != "lost" && run->verdict != kRefusedRun) {
            entry.bundle = (state.certificates() / run->bundle).string();
        }
        if (!run->can_go_on()) {
            entry.reason = ReasonCode::other_journal_version;
        }
        if (run->kind == "target") {
            add_target(entry, folder, *run);
        }
    } catch (const Error& error) {
        entry.phase = "damaged";
        entry.reason = error.reason() == ReasonCode::other_journal_version
                           ? ReasonCode::other_journal_version
                           : ReasonCode::journal_damaged;
    }
    return entry;
}

}  // namespace

Json to_json(const JobEntry& entry) {
    return ObjectWriter()
        .add("id", entry.id)
        .add("kind", entry.kind)
        .add("subject", entry.subject)
        .add("phase", entry.phase)
        .add("running", entry.running)
        .add("resumable", entry.resumable())
        .add("reason", entry.reason ? Json(to_string(*entry.reason)) : Json())
        .add("startedAt", entry.started_at)
        .add("attempt", entry.attempt)
        .add("interruptions", entry.interruptions)
        .add("status", entry.verdict)
        .add("level", entry.level)
        .add("bundle", entry.bundle)
        .add("bytesDone", entry.bytes_done)
        .add("bytesTotal", entry.bytes_total)
        .take();
}

ForgottenJob forget_job(const StateDirectory& state, const Clock& clock, const std::string& id) {
    const auto jobs = list_jobs(state);
    const auto found =
        std::find_if(jobs.begin(), jobs.end(), [&](const auto& job) { return job.id == id; });
    if (found == jobs.end()) {
        throw Error(ErrorCode::usage, ReasonCode::job_unknown,
                    "there is no such job: " + printable(id), "efface jobs lists them");
    }
    const Journal lock(state.jobs(), id);
    const auto keys = evidence::KeyStore::open(state.keys());
    auto log = evidence::Log::open(state.log(), keys.log_signer());
    ForgottenJob forgotten{id, found->subject, found->phase, false};
    for (const auto& run : evidence::runs_of_job(log, id)) {
        if (run.end) {
            continue;
        }
        const auto& intent = run.intent;
        (void)log.append(ObjectWriter()
                             .add("type", "run-outcome")
                             .add("at", std::max(to_rfc3339(clock.now()), intent.at))
                             .add("runId", intent.run_id)
                             .add("intent", intent.index)
                             .add("status", evidence::kLostRun)
                             .add("reason", "its job was given up by a person")
                             .take());
        forgotten.was_open = true;
    }
    std::filesystem::remove_all(state.jobs() / id);
    sync_directory(state.jobs());
    return forgotten;
}

std::vector<JobEntry> list_jobs(const StateDirectory& state) {
    std::vector<JobEntry> entries;
    if (!std::filesystem::is_directory(state.jobs())) {
        return entries;
    }
    for (const auto& folder : std::filesystem::directory_iterator(state.jobs())) {
        if (!folder.is_directory() || !std::filesystem::exists(folder.path() / "lock")) {
            continue;
        }
        auto entry = read_entry(state, folder.path());
        if (!entry.kind.empty() || entry.running || entry.reason) {
            entries.push_back(std::move(entry));  // else: ended before anything was decided
        }
    }
    std::sort(entries.begin(), entries.end(), [](const JobEntry& a, const JobEntry& b) {
        return std::tie(b.started_at, b.sequence, a.id) < std::tie(a.started_at, a.sequence, b.id);
    });
    return entries;
}

}  // namespace efface::job
