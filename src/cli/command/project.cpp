// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "efface/base/file.hpp"
#include "efface/evidence/keys.hpp"

#include "commands.hpp"
#include "erase/expected_plan.hpp"
#include "erase/plan_text.hpp"
#include "erase/prompt.hpp"
#include "line/failure.hpp"
#include "run/run_io.hpp"
#include "run/terminal_session.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

struct ProjectOptions {
    std::string manifest;
    std::string approval;
    std::string plan;
    std::string events;
    unsigned workers = job::kWorkersDefault;
    bool json = false;
};

mandate::Authorization authorize_typed(const mandate::Manifest& manifest,
                                       const job::ProjectPlan& plan, const std::stop_token& stop) {
    show(plan_text(manifest, plan));
    say("to destroy these keys permanently,");
    ask_for_token(fmt::format("type the project id {}: ", one_line(manifest.project_id)),
                  manifest.project_id, "project " + one_line(manifest.project_id), false, stop);
    return {"typed-project-id", operator_name(), {}, {}};
}

/// Of the one project.
Json document_of(const job::SessionResult& session) {
    const auto& result = session.runs.front();
    Json volumes = Json::array();
    for (const auto& volume : result.volumes) {
        volumes.push_back(ObjectWriter()
                              .add("name", volume.name)
                              .add("status", to_string(volume.verdict))
                              .add("level", to_string(volume.level))
                              .add("reasons", volume.reasons)
                              .take());
    }
    Json document = run_document(result);
    document["schema"] = "efface.run/1";
    document["project"] = printable(result.name);
    document["eventsLost"] = session.events_lost;
    document["volumes"] = std::move(volumes);
    return document;
}

std::string words_of(const job::RunResult& result) {
    return fmt::format(
        "project {}: {}, level {}{}\n  certificate: {}\n{}", one_line(result.name),
        to_string(*result.verdict), to_string(result.level),
        result.done_before ? " (was already done at " + result.completed_at + ")" : "",
        one_line(result.bundle.string()),
        result.exit_code() == 3 ? "  Some keys may still be readable: do not release the storage.\n"
                                : "");
}

job::RunResult run_project(const Program& program, const ProjectOptions& options,
                           TerminalSession& session, job::RunContext& context,
                           const std::stop_token& stop) {
    const ExpectedPlan expected(options.plan);
    job::ProjectRequest request;
    request.manifest = mandate::load_manifest(options.manifest);
    request.expected_plan_digest = expected.digest_of_project();
    request.workers = options.workers;
    request.program = executable_path();
    request.authorize = [&](const job::ProjectPlan& plan) {
        const auto keys = evidence::KeyStore::open(program.state().keys());
        const auto approved =
            approvals_of(keys, options.manifest, options.approval, request.manifest.text);
        return approved ? *approved : authorize_typed(request.manifest, plan, stop);
    };
    std::vector<std::string> documents{options.manifest,
                                       approvals_path(options.manifest, options.approval)};
    if (expected.is_file()) {
        documents.push_back(options.plan);
    }
    session.refuse_own_files(mandate::places_of(request.manifest), documents, false);
    return job::run_project(context, request, stop);
}

/// A manifest that cannot be read names no job.
bool began_before(const Program& program, const ProjectOptions& options) {
    try {
        return job::may_have_changed({program.state_dir}, mandate::load_manifest(options.manifest));
    } catch (const Error&) {
        return false;
    }
}

int carry_out(const Program& program, const ProjectOptions& options) {
    TerminalSession session(program, {options.events, options.json}, {document_of, words_of});
    session.runs().add_project(
        options.manifest,
        [&](job::RunContext& context, const std::stop_token& stop) {
            return run_project(program, options, session, context, stop);
        },
        [&] { return began_before(program, options); });
    return session.carry_out();
}

int erase_project(const Program& program, const ProjectOptions& options) {
    try {
        return carry_out(program, options);
    } catch (const Error& error) {
        if (options.json && !document_printed()) {
            print_ending_json(
                failure_document("project erase", error, began_before(program, options)));
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
    command.add("project", options->manifest, "Project manifest").kind("FILE").required();
    command
        .add("--approval", options->approval, "Approvals; default: PROJECT.p7s beside the manifest")
        .kind("FILE");
    command
        .add("--plan", options->plan,
             "Refuse if the plan has changed: a file of efface plan --out, or a digest")
        .kind("FILE");
    command.add("--events", options->events, "NDJSON events to -, a file, or fd:N").kind("FILE");
    command.add("--workers", options->workers, "Number of volumes erased at once")
        .between(1U, job::kWorkersMax)
        .show_default();
    command.flag("-J,--json", options->json, "Print one JSON document at the end");
    command.when_named([&program, options] {
        program.run = [&program, options] { return erase_project(program, *options); };
    });
}

}  // namespace efface::cli
