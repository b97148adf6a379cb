// SPDX-License-Identifier: Apache-2.0
#include "efface/job/jobs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "erase/erase_run.hpp"
#include "terminal/console.hpp"
#include "terminal/text.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kIdShown = 12;

struct JobsOptions {
    std::string id;
    EraseReporting reporting;
};

std::string state_of(const job::JobEntry& entry) {
    if (entry.running) {
        return "running";
    }
    if (entry.resumable()) {
        return "interrupted";
    }
    if (entry.reason) {
        return to_string(*entry.reason);
    }
    return entry.verdict.empty() ? entry.phase : entry.verdict;
}

std::string progress_of(const job::JobEntry& entry) {
    if (entry.bytes_total == 0 || entry.phase == "done") {
        return "-";
    }
    return fmt::format("{} %", entry.bytes_done * 100 / entry.bytes_total);
}

int show_jobs(const Program& program, bool json, bool only_open) {
    auto entries = job::list_jobs(program.state());
    if (only_open) {
        std::erase_if(entries, [](const auto& entry) {
            return !entry.running && !entry.resumable() && !entry.reason;
        });
    }
    if (json) {
        Json list = Json::array();
        for (const auto& entry : entries) {
            list.push_back(job::to_json(entry));
        }
        print_json(
            ObjectWriter().add("schema", "efface.jobs/1").add("jobs", std::move(list)).take());
        return 0;
    }
    if (entries.empty()) {
        print(only_open ? "no job is running or waiting to be resumed\n" : "no job has run here\n");
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {
        {"JOB", "STARTED", "STATE", "LEVEL", "DONE", "WHAT"}};
    for (const auto& entry : entries) {
        rows.push_back({entry.id.substr(0, kIdShown), entry.started_at, state_of(entry),
                        entry.level.empty() ? "-" : entry.level, progress_of(entry),
                        entry.kind + " " + entry.subject});
    }
    print(table(rows));
    const bool waiting = std::any_of(entries.begin(), entries.end(),
                                     [](const auto& entry) { return entry.resumable(); });
    if (waiting && only_open) {
        say("efface resume JOB resumes an interrupted one");
    }
    return 0;
}

const job::JobEntry& find_job(const std::vector<job::JobEntry>& entries, const std::string& id) {
    const job::JobEntry* found = nullptr;
    for (const auto& entry : entries) {
        if (!id.empty() && entry.id.starts_with(id)) {
            if (found != nullptr) {
                throw Error(ErrorCode::usage, "several jobs begin with " + printable(id));
            }
            found = &entry;
        }
    }
    if (found == nullptr) {
        throw Error(ErrorCode::usage, ReasonCode::job_unknown, "there is no job " + printable(id),
                    "efface jobs lists them");
    }
    return *found;
}

int resume(const Program& program, const JobsOptions& options) {
    const auto entries = job::list_jobs(program.state());
    const auto& entry = find_job(entries, options.id);
    if (entry.reason == ReasonCode::journal_damaged) {
        throw Error(
            ErrorCode::internal, ReasonCode::journal_damaged,
            "job " + entry.id + ": its journal is damaged",
            "restore the folder of the job, or give the job up: efface jobs forget " + entry.id);
    }
    if (entry.kind != "target") {
        throw Error(ErrorCode::usage, ReasonCode::job_of_a_project,
                    "job " + entry.id + " belongs to project " + entry.subject,
                    "run efface project erase with the same manifest: it resumes where it stopped");
    }
    job::TargetRequest request;
    request.target = entry.subject;
    request.job_id = entry.id;
    request.authorize = [](const job::TargetPlan&) -> mandate::Authorization {
        throw Error(ErrorCode::authorisation, "this job was never confirmed");
    };
    return run_targets(program, {std::move(request)}, options.reporting, {});
}

int forget(const Program& program, const JobsOptions& options) {
    const auto state = program.state();
    const auto id = find_job(job::list_jobs(state), options.id).id;
    const auto forgotten = job::forget_job(state, SystemClock(), id);
    if (options.reporting.json) {
        print_json(ObjectWriter()
                       .add("schema", "efface.forgotten/1")
                       .add("jobId", forgotten.id)
                       .add("subject", forgotten.subject)
                       .add("phase", forgotten.phase)
                       .add("wasOpen", forgotten.was_open)
                       .take());
        return 0;
    }
    print(fmt::format(
        "job {} ({}) was given up{}\n", forgotten.id,
        forgotten.subject.empty() ? "its target is unknown" : one_line(forgotten.subject),
        forgotten.was_open
            ? ": its storage may be partly erased, and the job cannot be resumed any more.\nThe "
              "log says that its run was lost; erase the storage again"
            : "; its certificate, if it had one, is kept"));
    return 0;
}

/// `jobs forget JOB`; returns its options.
std::shared_ptr<JobsOptions> add_forget(Command& jobs, Program& program) {
    auto command =
        jobs.subcommand("forget", "Give up a job that cannot be resumed: removes its folder");
    auto options = std::make_shared<JobsOptions>();
    command.add("job", options->id, "Its id, or the beginning of it (see efface jobs)").required();
    command.flag("-J,--json", options->reporting.json, "Print one JSON document");
    command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] { return forget(program, *options); };
    });
    return options;
}

}  // namespace

void add_jobs(Command& app, Program& program) {
    for (const bool only_open : {false, true}) {
        auto command =
            app.subcommand(only_open ? "status" : "jobs",
                           only_open ? "Show the jobs that run here or wait to be resumed"
                                     : "Show every job that has run here");
        auto json = std::make_shared<bool>(false);
        command.flag("-J,--json", *json, "Print one JSON document");
        const auto forgetting =
            only_open ? std::make_shared<JobsOptions>() : add_forget(command, program);
        command.when_named([&program, json, only_open, forgetting] {
            if (!forgetting->id.empty()) {
                return;
            }
            program.rights = device::Rights::reading;
            program.run = [&program, json, only_open] {
                return show_jobs(program, *json, only_open);
            };
        });
    }
    auto command = app.subcommand("resume", "Resume an interrupted job");
    auto options = std::make_shared<JobsOptions>();
    command.add("job", options->id, "Its id, or the beginning of it (see efface jobs)").required();
    command.add("--events", options->reporting.events, "NDJSON events to -, a file, or fd:N");
    command.flag("-J,--json", options->reporting.json, "Print one JSON document at the end");
    command.when_named([&program, options] {
        program.run = [&program, options] { return resume(program, *options); };
    });
}

}  // namespace efface::cli
