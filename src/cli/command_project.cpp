// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "efface/base/file.hpp"
#include "efface/evidence/keys.hpp"

#include "commands.hpp"
#include "console.hpp"
#include "display.hpp"
#include "plan_text.hpp"
#include "run_io.hpp"

namespace efface::cli {

namespace {

struct ProjectOptions {
    std::string manifest;
    std::string approval;
    std::string plan_digest;
    std::string events;
    unsigned workers = job::kWorkersDefault;
    bool json = false;
};

mandate::Authorization authorize_typed(const mandate::Manifest& manifest,
                                       const job::ProjectPlan& plan) {
    (void)std::fputs(plan_text(manifest, plan).c_str(), stderr);
    const auto answer = ask(fmt::format(
        "type the project id ({} characters) to destroy these keys: ", manifest.project_id.size()));
    if (answer != manifest.project_id) {
        throw Error(ErrorCode::authorisation, ReasonCode::wrong_token,
                    "that is not the project id: nothing was changed");
    }
    return {"typed-project-id", operator_name(), {}, {}};
}

mandate::Authorization authorize(const Program& program, const ProjectOptions& options,
                                 const mandate::Manifest& manifest, const job::ProjectPlan& plan) {
    const auto approved = approvals_of(program, options.manifest, options.approval, manifest.text);
    return approved ? *approved : authorize_typed(manifest, plan);
}

Json result_document(const job::RunResult& result) {
    Json volumes = Json::array();
    for (const auto& volume : result.volumes) {
        volumes.push_back(ObjectWriter()
                              .add("name", volume.name)
                              .add("status", to_string(volume.verdict))
                              .add("level", to_string(volume.level))
                              .add("reasons", volume.reasons)
                              .take());
    }
    return ObjectWriter()
        .add("schema", "efface.run/1")
        .add("jobId", result.job_id)
        .add("runId", result.run_id)
        .add("status", to_string(result.verdict))
        .add("level", to_string(result.level))
        .add("exitCode", result.exit_code())
        .add("changed", result.changed)
        .add("bundle", result.bundle.string())
        .add("certificateSha256", result.certificate_sha256)
        .add("volumes", std::move(volumes))
        .take();
}

void print_result(const job::RunResult& result) {
    print_ending(fmt::format(
        "{}: {}, level {}\ncertificate: {}\n{}",
        result.changed ? "done" : "was done before, this is its certificate",
        to_string(result.verdict), to_string(result.level), result.bundle.string(),
        result.exit_code() == 3 ? "Some keys may still be readable: do not release the storage.\n"
                                : ""));
}

int erase_project(const Program& program, const ProjectOptions& options) {
    if (options.json && options.events == "-") {
        throw Error(ErrorCode::usage, "--json and --events - both need standard output",
                    "send the events to a file or a descriptor");
    }
    const EventFile event_file(options.events);
    RunDisplay display;
    const SystemClock clock;
    job::Events events(
        [&](const Json& event) {
            event_file.write(event);
            display.show(event);
        },
        clock);
    const SignalWatch signals([&] { display.show_status(); });
    const auto host = job::make_linux_host(executable_path());
    SystemRandom random;
    job::RunContext context{program.state(), *host, clock, random, events};
    try {
        job::RunRequest request;
        request.manifest = mandate::load_manifest(options.manifest);
        request.expected_plan_digest = options.plan_digest;
        request.workers = options.workers;
        request.program = executable_path();
        request.authorize = [&](const job::ProjectPlan& plan) {
            return authorize(program, options, request.manifest, plan);
        };
        job::refuse_own_files(
            *host, mandate::places_of(request.manifest), event_file.outputs(),
            {options.manifest, approvals_path(options.manifest, options.approval)});
        const auto result = job::run_project(context, request, signals.token());
        display.finish();
        if (options.json) {
            print_ending_json(result_document(result));
        } else if (options.events != "-") {
            print_result(result);
        }
        return result.exit_code();
    } catch (const Error& error) {
        display.finish();
        job::emit_failure(events, "", error);
        if (options.json) {
            print_ending_json(ObjectWriter()
                                  .add("schema", "efface.run/1")
                                  .add("status", display.last_result())
                                  .add("exitCode", static_cast<int>(error.code()))
                                  .add("changed", job::may_have_changed(error))
                                  .add("error", error_document(error))
                                  .take());
        }
        throw;
    }
}

}  // namespace

void add_project(Command& app, Program& program) {
    auto project = app.subcommand("project", "Work on the storage of a whole project");
    project.needs_subcommand();
    auto command = project.subcommand("erase", "Destroy every LUKS key of a project, and prove it");
    auto options = std::make_shared<ProjectOptions>();
    command.add("project", options->manifest, "Project manifest").required();
    command.add("--approval", options->approval,
                "Approvals; default: PROJECT.p7s beside the manifest");
    command.add("--plan", options->plan_digest,
                "Refuse unless the plan still has this digest (see efface plan)");
    command.add("--events", options->events, "NDJSON events to -, a file, or fd:N");
    command.add("--workers", options->workers, "Volumes worked on at once")
        .between(1U, job::kWorkersMax)
        .show_default();
    command.flag("-J,--json", options->json, "Print one JSON document at the end");
    command.when_named([&program, options] {
        program.run = [&program, options] { return erase_project(program, *options); };
    });
}

}  // namespace efface::cli
