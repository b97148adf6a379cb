// SPDX-License-Identifier: Apache-2.0
#include "efface/job/jobs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "commands.hpp"
#include "erase/erase_run.hpp"
#include "terminal/columns.hpp"
#include "terminal/console.hpp"

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

Meaning meaning_of_state(const std::string& state) {
    return state == "sanitized"                           ? Meaning::good
           : state == "running" || state == "interrupted" ? Meaning::caution
           : state.starts_with("not-") || state == "indeterminate" || state == "journal-damaged"
               ? Meaning::bad
               : Meaning::plain;
}

Table table_of(const std::vector<job::JobEntry>& entries) {
    Table table;
    table.columns = {{"JOB", 100},  {"STARTED", 60}, {"STATE", 95},
                     {"LEVEL", 50}, {"DONE", 90},    {"WHAT", 98, true}};
    for (const auto& entry : entries) {
        const auto state = state_of(entry);
        table.rows.push_back({{entry.id.substr(0, kIdShown)},
                              {entry.started_at},
                              {state, meaning_of_state(state)},
                              {entry.level.empty() ? "-" : entry.level},
                              {progress_of(entry)},
                              {entry.kind + " " + entry.subject}});
    }
    return table;
}

std::vector<job::JobEntry> entries_of(const job::StateDirectory& state, bool only_open) {
    auto entries = job::list_jobs(state);
    if (only_open) {
        std::erase_if(entries, [](const auto& entry) {
            return !entry.running && !entry.resumable() && !entry.reason;
        });
    }
    return entries;
}

void print_jobs(const std::vector<job::JobEntry>& entries, bool only_open) {
    if (entries.empty()) {
        print(only_open ? "no job is running or waiting to be resumed\n" : "no job has run here\n");
        return;
    }
    const Screen screen = Screen::of(STDOUT_FILENO);
    print_made_safe(fit(table_of(entries), screen.columns, screen).text);
}

int show_jobs(const Program& program, bool json, bool only_open) {
    const auto entries = entries_of(program.existing_state(), only_open);
    if (json) {
        Json list = Json::array();
        for (const auto& entry : entries) {
            list.push_back(job::to_json(entry));
        }
        print_json(
            ObjectWriter().add("schema", "efface.jobs/1").add("jobs", std::move(list)).take());
        return 0;
    }
    print_jobs(entries, only_open);
    const bool waiting = std::any_of(entries.begin(), entries.end(),
                                     [](const auto& entry) { return entry.resumable(); });
    if (waiting && only_open) {
        say("efface resume JOB resumes an interrupted one");
    }
    return 0;
}

/// Again and again until no job runs any more: on a terminal in place, elsewhere one after another.
int watch_jobs(const Program& program) {
    constexpr std::chrono::seconds kPause{2};
    constexpr const char* kFromTop = "\033[H\033[J";  // ECMA-48: CUP, ED
    const bool in_place = Screen::of(STDOUT_FILENO).terminal;
    const auto state = program.existing_state();
    for (;;) {
        const auto entries = entries_of(state, true);
        if (in_place) {
            print_made_safe(kFromTop);
        }
        print_jobs(entries, true);
        const bool running = std::any_of(entries.begin(), entries.end(),
                                         [](const auto& entry) { return entry.running; });
        if (!running) {
            return 0;
        }
        if (in_place) {
            print("Ctrl-C ends the watching; the jobs go on\n");
        }
        std::this_thread::sleep_for(kPause);
    }
}

const job::JobEntry& find_job(const std::vector<job::JobEntry>& entries, const std::string& id) {
    if (id.empty()) {
        throw Error(ErrorCode::usage, "no job is named: its id is empty", "efface jobs lists them");
    }
    const job::JobEntry* found = nullptr;
    for (const auto& entry : entries) {
        if (entry.id.starts_with(id)) {
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

/// Throws Error for one that cannot be resumed by this command.
void refuse_entry(const job::JobEntry& entry) {
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
}

job::TargetRequest request_of(const job::JobEntry& entry) {
    job::TargetRequest request;
    request.target = entry.subject;
    request.job_id = entry.id;
    request.authorize = [](const job::TargetPlan&) -> mandate::Authorization {
        throw Error(ErrorCode::authorisation, "this job was never confirmed");
    };
    return request;
}

/// With what an earlier process of the job changed, where there is such a job.
void print_refusal_of(const Program& program, const JobsOptions& options, const Error& error) {
    const job::StateDirectory state{program.state_dir};
    try {
        const auto entries = job::list_jobs(state);
        print_refusal(state, {request_of(find_job(entries, options.id))}, error);
    } catch (const Error&) {
        return;  // then the failure of the command is all that can be told
    }
}

int resume(const Program& program, const JobsOptions& options) {
    try {
        const auto entries = job::list_jobs(program.existing_state());
        const auto& entry = find_job(entries, options.id);
        refuse_entry(entry);
        return run_targets(program, {request_of(entry)}, options.reporting, {});
    } catch (const Error& error) {
        if (options.reporting.json && !document_printed()) {
            print_refusal_of(program, options, error);
        }
        throw;
    }
}

int forget(const Program& program, const JobsOptions& options) {
    const auto state = program.existing_state();
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

void add_forget(Command& jobs, Program& program) {
    auto command =
        jobs.subcommand("forget", "Give up a job that cannot be resumed: removes its folder");
    auto options = std::make_shared<JobsOptions>();
    command.add("job", options->id, "Its id, or the beginning of it (see efface jobs)")
        .kind("JOB")
        .required();
    command.flag("-J,--json", options->reporting.json, "Print one JSON document");
    command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] { return forget(program, *options); };
    });
}

void add_jobs_command(Command& app, Program& program) {
    auto command = app.subcommand("jobs", "Show every job that has run here");
    auto json = std::make_shared<bool>(false);
    command.flag("-J,--json", *json, "Print one JSON document");
    add_forget(command, program);
    command.when_named([&program, json, command] {
        if (command.named_subcommand()) {
            return;  // which says itself what to run
        }
        program.rights = device::Rights::reading;
        program.run = [&program, json] { return show_jobs(program, *json, false); };
    });
}

void add_status(Command& app, Program& program) {
    auto command = app.subcommand("status", "Show the jobs that run here or wait to be resumed");
    auto json = std::make_shared<bool>(false);
    auto watch = std::make_shared<bool>(false);
    command.flag("-J,--json", *json, "Print one JSON document");
    command.flag("-w,--watch", *watch, "Show them again every 2 seconds until none runs");
    command.when_named([&program, json, watch] {
        program.rights = device::Rights::reading;
        program.run = [&program, json, watch] {
            if (*watch && *json) {
                throw Error(ErrorCode::usage, "--watch and --json cannot be combined",
                            "efface erase --events tells programs how a run goes on");
            }
            return *watch ? watch_jobs(program) : show_jobs(program, *json, true);
        };
    });
}

}  // namespace

void add_jobs(Command& app, Program& program) {
    add_jobs_command(app, program);
    add_status(app, program);
    auto command = app.subcommand("resume", "Resume an interrupted job");
    auto options = std::make_shared<JobsOptions>();
    command.add("job", options->id, "Its id, or the beginning of it (see efface jobs)")
        .kind("JOB")
        .required();
    command.add("--events", options->reporting.events, "NDJSON events to -, a file, or fd:N")
        .kind("FILE");
    command.flag("-J,--json", options->reporting.json, "Print one JSON document at the end");
    command.when_named([&program, options] {
        program.run = [&program, options] { return resume(program, *options); };
    });
}

}  // namespace efface::cli
