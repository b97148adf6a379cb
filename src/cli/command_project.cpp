// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdlib>

#include "efface/base/file.hpp"
#include "efface/evidence/keys.hpp"

#include "commands.hpp"
#include "console.hpp"
#include "display.hpp"
#include "expected_plan.hpp"
#include "failure.hpp"
#include "plan_text.hpp"
#include "run_io.hpp"

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
                                       const job::ProjectPlan& plan) {
    show(plan_text(manifest, plan));
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

Json result_document(const job::RunResult& result, std::size_t events_lost) {
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
    document["eventsLost"] = events_lost;
    document["volumes"] = std::move(volumes);
    return document;
}

void print_result(const job::RunResult& result) {
    print_ending(fmt::format(
        "{}: {}, level {}\ncertificate: {}\n{}",
        result.done_before
            ? "was done before, at " + result.completed_at + "; this is its certificate"
            : "done",
        to_string(*result.verdict), to_string(result.level), one_line(result.bundle.string()),
        result.exit_code() == 3 ? "Some keys may still be readable: do not release the storage.\n"
                                : ""));
}

/// One project, its events and what is told of its end.
class ProjectErasure final {
  public:
    ProjectErasure(const Program& program, const ProjectOptions& options)
        : program_(program), options_(options), event_file_(options.events, options.json) {}

    int run() {
        const SignalWatch signals({[this] { display_.show_status(); }, [this] { leave(); }});
        const SystemClock clock;
        job::Events events(
            [this](const Json& event) {
                event_file_.write(event);
                display_.show(event);
            },
            clock);
        job::RunResult result;
        result.name = options_.manifest;
        try {
            result = erase(clock, events, signals.token());
        } catch (const Error& error) {  // before there was a run
            result.error = error;
            job::emit_failure(events, "", error, false);
        }
        return report(result, events.lost());
    }

  private:
    job::RunResult erase(const Clock& clock, job::Events& events, const std::stop_token& stop) {
        const auto host = job::make_linux_host(executable_path());
        SystemRandom random;
        job::RunContext context{program_.state(), *host, clock, random, events};
        const ExpectedPlan expected(options_.plan);
        job::ProjectRequest request;
        request.manifest = mandate::load_manifest(options_.manifest);
        request.expected_plan_digest = expected.digest_of_project();
        request.workers = options_.workers;
        request.program = executable_path();
        request.authorize = [&](const job::ProjectPlan& plan) {
            return authorize(program_, options_, request.manifest, plan);
        };
        std::vector<std::string> documents{options_.manifest,
                                           approvals_path(options_.manifest, options_.approval)};
        if (expected.is_file()) {
            documents.push_back(options_.plan);
        }
        job::refuse_own_files(*host, context.state, mandate::places_of(request.manifest),
                              event_file_.outputs(), documents);
        return job::run_project(context, request, stop);
    }

    /// `missed`: events that no view took.
    int report(const job::RunResult& result, std::size_t missed) {
        display_.finish();
        const std::size_t lost = event_file_.end() + missed;
        if (result.error) {
            say_error(*result.error);
        }
        if (options_.json) {
            print_ending_json(result_document(result, lost));
        } else if (!result.error && !event_file_.takes_standard_output()) {
            print_result(result);
        }
        return ended(result.exit_code(), lost);
    }

    [[nodiscard]] int ended(int status, std::size_t lost) const {
        if (lost != 0 && !options_.json) {
            say(fmt::format("{} events were lost", lost));
        }
        return status;
    }

    [[noreturn]] void leave() {
        job::RunResult result;
        result.name = options_.manifest;
        result.error = left_while_hanging(options_.manifest);
        result.changed = true;  // it may be at work
        const int status = report(result, 0);
        finish_words();
        std::_Exit(status);
    }

    const Program& program_;
    const ProjectOptions& options_;
    EventFile event_file_;
    RunDisplay display_;
};

}  // namespace

void add_project(Command& app, Program& program) {
    auto project = app.subcommand("project", "Work on the storage of a whole project");
    project.needs_subcommand();
    auto command = project.subcommand("erase", "Destroy every LUKS key of a project, and prove it");
    auto options = std::make_shared<ProjectOptions>();
    command.add("project", options->manifest, "Project manifest").required();
    command.add("--approval", options->approval,
                "Approvals; default: PROJECT.p7s beside the manifest");
    command.add(
        "--plan", options->plan,
        "Refuse unless the plan is still this one: a file of efface plan --out, or a digest");
    command.add("--events", options->events, "NDJSON events to -, a file, or fd:N");
    command.add("--workers", options->workers, "Volumes worked on at once")
        .between(1U, job::kWorkersMax)
        .show_default();
    command.flag("-J,--json", options->json, "Print one JSON document at the end");
    command.when_named([&program, options] {
        program.run = [&program, options] { return ProjectErasure(program, *options).run(); };
    });
}

}  // namespace efface::cli
