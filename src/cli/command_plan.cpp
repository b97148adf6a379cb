// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"
#include "console.hpp"
#include "text.hpp"

namespace efface::cli {

namespace {

struct PlanOptions {
    std::string manifest;
    bool json = false;
};

/// 0 when erase could start now, else the status with which it would refuse.
int status_of(const job::Manifest& manifest, const job::ProjectPlan& plan, WallTime now) {
    int status = 0;
    for (const auto& objection : plan.objections()) {
        if (status == 0 || objection.code == ErrorCode::safety) {
            status = static_cast<int>(objection.code);
        }
    }
    if (status == 0) {
        job::check_dates(manifest, now);
    }
    return status;
}

int show_plan(const Program& program, const PlanOptions& options) {
    const auto manifest = job::load_manifest(options.manifest);
    const auto host = job::make_linux_host(executable_path());
    SystemClock clock;
    SystemRandom random;
    job::Events events({}, clock);
    job::RunContext context{program.state(), *host, clock, random, events};
    const auto plan = job::make_plan(context, manifest, job::kWorkersDefault);
    if (options.json) {
        print_json(job::plan_document(manifest, plan));
    } else {
        print(plan_text(manifest, plan));
    }
    return status_of(manifest, plan, clock.now());
}

}  // namespace

void add_plan(CLI::App& app, Program& program) {
    auto* command =
        app.add_subcommand("plan", "Show what would be destroyed, and what not; changes nothing");
    auto options = std::make_shared<PlanOptions>();
    command->add_option("project", options->manifest, "Project manifest")->required();
    command->add_flag("-J,--json", options->json, "Print one JSON document");
    command->callback([&program, options] {
        program.run = [&program, options] { return show_plan(program, *options); };
    });
}

}  // namespace efface::cli
