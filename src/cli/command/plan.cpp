// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <optional>

#include "efface/base/file.hpp"
#include "efface/inventory/machine_facts.hpp"
#include "efface/inventory/memory_name.hpp"
#include "efface/job/places.hpp"
#include "efface/job/session.hpp"
#include "efface/job/session_cache.hpp"

#include "commands.hpp"
#include "erase/erase_options.hpp"
#include "erase/plan_text.hpp"
#include "line/help.hpp"
#include "run/run_io.hpp"
#include "terminal/console.hpp"
#include "terminal/text.hpp"

namespace efface::cli {

namespace {

struct PlanOptions {
    TargetOptions targets;
    std::string out;
    bool json = false;
};

/// Shown, or written where --out says, or both. Whoever erases by it later compares the digests.
void give_plan(const PlanOptions& options, const Json& document, const std::string& text) {
    constexpr unsigned kMode = 0644;
    if (!options.out.empty()) {
        write_file_durably(options.out, json_text(document) + "\n", kMode);
    }
    if (options.json) {
        print_json(document);
    } else {
        print(text);
    }
}

/// What is in the way of a run that its plan does not tell.
std::optional<Error> not_in_force(const mandate::Terms& terms, const Clock& clock) {
    try {
        mandate::check_dates(terms, clock.now());
        return std::nullopt;
    } catch (const Error& error) {
        return error;
    }
}

/// The end of a plan: exitCode, changed and, where there is one, error. Returns the exit status.
int end_plan(Json& document, std::string& text, int status, const std::optional<Error>& error) {
    if (error) {
        status = job::worst_status(status, static_cast<int>(error->code()));
        document["error"] = error_document(*error);
        text += "REFUSED: " + one_line(error->what()) + "\n";
    }
    document["exitCode"] = status;
    document["changed"] = false;
    return status;
}

int plan_project(job::RunContext& context, const PlanOptions& options, const std::string& path,
                 const std::string& text) {
    if (mandate::is_order(text)) {
        throw Error(ErrorCode::usage, path + " is an order", "efface plan --order " + path);
    }
    const auto manifest = mandate::load_manifest(path);
    if (!options.out.empty()) {
        job::Places(context.host, mandate::places_of(manifest))
            .refuse_own_files(context.state, {options.out}, {path});
    }
    const auto plan = job::make_plan(context, manifest, job::kWorkersDefault);
    auto document = job::plan_document(manifest, plan);
    auto words = plan_text(manifest, plan);
    const auto refused = plan.objections();
    const auto error =
        refused.empty() ? not_in_force(manifest.terms, context.clock) : std::optional<Error>();
    const int status = end_plan(document, words, job::status_of(refused), error);
    give_plan(options, document, words);
    return status;
}

/// One target of a plan; what can't be planned at all is told in its place.
struct PlannedTarget {
    Json document;
    std::string text;
    int status = 0;
};

PlannedTarget plan_one(job::RunContext& context, const job::TargetRequest& request,
                       Confirmation confirmation) {
    PlannedTarget planned;
    try {
        const auto plan = job::make_target_plan(context, request);
        planned.status = job::status_of(plan.objections);
        planned.document = job::plan_document(plan);
        planned.document["digest"] = job::plan_digest(plan);
        planned.text = plan_text(plan, confirmation, Screen::of(STDOUT_FILENO).columns);
    } catch (const Error& error) {
        planned.status = static_cast<int>(error.code());
        planned.document = ObjectWriter()
                               .add("target", printable(request.target))
                               .add("error", error_document(error))
                               .take();
        planned.text = refused_text(request.target, error);
        say_error(error);
    }
    planned.document["exitCode"] = planned.status;
    return planned;
}

int plan_targets(job::RunContext& context, const PlanOptions& options) {
    const auto order = options.targets.load_order();
    const auto requests = options.targets.requests(order ? &*order : nullptr);
    const auto names = names_of(requests);
    const job::Places places(context.host, names);
    places.check_distinct();
    std::vector<std::string> documents;
    if (order) {
        documents = {options.targets.order, approvals_path(options.targets.order, {})};
    }
    std::vector<std::string> outputs;
    if (!options.out.empty()) {
        outputs.push_back(options.out);
    }
    if (order || !outputs.empty()) {
        places.refuse_own_files(context.state, outputs, documents);
    }
    std::error_code error_code;
    const auto confirmation =
        order && std::filesystem::exists(approvals_path(options.targets.order, {}), error_code)
            ? Confirmation::none
            : Confirmation::possible;
    int status = 0;
    std::string text;
    Json planned = Json::array();
    for (const auto& request : requests) {
        auto one = plan_one(context, request, confirmation);
        status = job::worst_status(status, one.status);
        planned.push_back(std::move(one.document));
        text += one.text;
    }
    auto document =
        ObjectWriter().add("schema", "efface.plan/1").add("targets", std::move(planned)).take();
    const auto error =
        order && status == 0 ? not_in_force(order->terms, context.clock) : std::optional<Error>();
    status = end_plan(document, text, status, error);
    give_plan(options, document, text);
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
        throw Error(ErrorCode::usage, path + ": there is no such file", "check the path");
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
    job::SessionCache cache;
    job::RunContext context{program.state(),   *host, clock, random, events,
                            job::wait_or_stop, &cache};
    const auto& names = options.targets.targets;
    if (names.size() == 1 && names.front() == kMachine && options.targets.order.empty()) {
        if (!options.out.empty()) {
            throw Error(ErrorCode::usage,
                        "--out cannot be used with machine: its facts are not a plan");
        }
        return show_machine(options.json);
    }
    const bool file = names.size() == 1 && !inventory::parse_memory_target(names.front());
    if (file && options.targets.order.empty()) {
        if (const auto text = manifest_text(names.front())) {
            return plan_project(context, options, names.front(), *text);
        }
    }
    return plan_targets(context, options);
}

}  // namespace

void add_plan(Command& app, Program& program) {
    auto command =
        app.subcommand("plan", "Show what would be destroyed, and what not; changes nothing");
    auto options = std::make_shared<PlanOptions>();
    options->targets.add_to(command);
    command
        .add("--out", options->out,
             "Write the plan to this file as well: for efface erase --plan FILE")
        .kind("FILE");
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.footer(techniques_footer());
    command.when_named([&program, options] {
        program.rights = device::Rights::planning;
        program.run = [&program, options] { return show_plan(program, *options); };
    });
}

}  // namespace efface::cli
