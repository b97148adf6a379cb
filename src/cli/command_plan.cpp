// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "efface/base/file.hpp"
#include "efface/inventory/machine_facts.hpp"
#include "efface/method/memory_method.hpp"

#include "commands.hpp"
#include "console.hpp"
#include "erase_options.hpp"
#include "erase_run.hpp"
#include "plan_text.hpp"
#include "text.hpp"

namespace efface::cli {

namespace {

struct PlanOptions {
    TargetOptions targets;
    bool json = false;
};

int plan_project(job::RunContext& context, const std::string& path, const std::string& text,
                 bool json) {
    if (mandate::is_order(text)) {
        throw Error(ErrorCode::usage, path + " is an order", "efface plan --order " + path);
    }
    const auto manifest = mandate::parse_manifest(text);
    const auto plan = job::make_plan(context, manifest, job::kWorkersDefault);
    if (json) {
        print_json(job::plan_document(manifest, plan));
    } else {
        print(plan_text(manifest, plan));
    }
    const int status = job::status_of(plan.objections());
    if (status == 0) {  // then erase could start now
        mandate::check_dates(manifest.terms, context.clock.now());
    }
    return status;
}

int plan_targets(job::RunContext& context, const TargetOptions& options, bool json) {
    const auto order = options.load_order();
    const auto requests = options.requests(order ? &*order : nullptr);
    job::check_distinct(context.host, names_of(requests));
    if (order) {
        job::refuse_own_files(context.host, names_of(requests), {},
                              {options.order, approvals_path(options.order, {})});
    }
    int status = 0;
    Json documents = Json::array();
    for (const auto& request : requests) {
        const auto plan = job::make_target_plan(context, request);
        status = worst_status(status, job::status_of(plan.objections));
        if (json) {
            auto document = job::plan_document(plan);
            document["digest"] = job::plan_digest(plan);
            documents.push_back(std::move(document));
        } else {
            print(plan_text(plan));
        }
    }
    if (json) {
        print_json(ObjectWriter()
                       .add("schema", "efface.plan/1")
                       .add("targets", std::move(documents))
                       .take());
    }
    if (order && status == 0) {
        mandate::check_dates(order->terms, context.clock.now());
    }
    return status;
}

/// The text of a project manifest, which names its schema or at least its type by its name;
/// everything else is a target. Throws Error(usage) for a NAME.json that is not there.
std::optional<std::string> manifest_text(const std::string& path) {
    const bool named = path.ends_with(".json");
    std::error_code error;
    // A file of the kernel has no size, and reading it may wait for ever.
    const auto size =
        std::filesystem::is_regular_file(path, error) ? std::filesystem::file_size(path, error) : 0;
    const bool readable = !error && size > 0 && size <= mandate::kManifestBytesMax;
    if (!named && !readable) {
        return std::nullopt;
    }
    auto text = read_text_file(path, mandate::kManifestBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, path + ": there is no such file");
    }
    const bool manifest = named || text->find("\"efface.project/") != std::string::npos;
    return manifest ? std::move(text) : std::nullopt;
}

/// Facts of this machine beside any target; a file of this name is planned as ./machine.
constexpr const char* kMachine = "machine";

int show_machine(bool json) {
    const auto facts = inventory::read_machine_facts();
    if (json) {
        print_json(ObjectWriter()
                       .add("schema", "efface.machine/1")
                       .add("facts", inventory::to_json(facts))
                       .take());
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {{"FACT", "STATE", "SEEN", "WHAT CAN BE DONE"}};
    for (const auto& fact : facts) {
        rows.push_back({fact.fact, to_string(fact.state), fact.detail,
                        fact.advice.empty() ? "-" : fact.advice});
    }
    print(table(rows));
    return 0;
}

int show_plan(const Program& program, const PlanOptions& options) {
    const auto host = job::make_linux_host(executable_path());
    SystemClock clock;
    SystemRandom random;
    job::Events events({}, clock);
    job::RunContext context{program.state(), *host, clock, random, events};
    const auto& names = options.targets.targets;
    if (names.size() == 1 && names.front() == kMachine && options.targets.order.empty()) {
        return show_machine(options.json);
    }
    const bool file = names.size() == 1 && !inventory::parse_memory_target(names.front());
    if (file && options.targets.order.empty()) {
        if (const auto text = manifest_text(names.front())) {
            return plan_project(context, names.front(), *text, options.json);
        }
    }
    return plan_targets(context, options.targets, options.json);
}

}  // namespace

void add_plan(Command& app, Program& program) {
    auto command =
        app.subcommand("plan", "Show what would be destroyed, and what not; changes nothing");
    auto options = std::make_shared<PlanOptions>();
    options->targets.add_to(command);
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.when_named([&program, options] {
        program.run = [&program, options] { return show_plan(program, *options); };
    });
}

}  // namespace efface::cli
