// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"
#include "erase/erase_options.hpp"
#include "erase/erase_run.hpp"
#include "erase/expected_plan.hpp"
#include "erase/prompt.hpp"
#include "line/help.hpp"
#include "run/run_io.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

struct EraseOptions {
    TargetOptions targets;
    std::string approval;
    std::string plan;
    EraseReporting reporting;
};

mandate::Authorization typed(const job::TargetPlan& plan, const Confirmed& digests,
                             const std::string& target) {
    const auto found = digests.find(target);
    if (found == digests.end() || found->second != job::plan_digest(plan)) {
        throw Error(
            ErrorCode::authorisation, ReasonCode::plan_changed,
            plan.name + ": the plan has changed since it was confirmed: nothing was changed");
    }
    return {"typed-token", operator_name(), {}, {}};
}

int erase_requests(const Program& program, const evidence::KeyStore& keys,
                   const EraseOptions& options, std::vector<job::TargetRequest> requests,
                   const mandate::Order* order) {
    const ExpectedPlan expected(options.plan);
    std::optional<mandate::Authorization> approved;
    if (order != nullptr) {
        approved = approvals_of(keys, options.targets.order, options.approval, order->text);
    } else if (!standard_input_is_terminal()) {
        throw Error(ErrorCode::authorisation, ReasonCode::no_terminal,
                    "there is no terminal to confirm at, and no order",
                    "give an order that two people approved: efface erase --order ORDER.json "
                    "(efface-order(5))");
    }
    for (auto& request : requests) {
        request.expected_plan_digest = expected.digest_of(request.target, requests.size());
    }
    const auto digests =
        approved ? Confirmed() : confirm(program, requests, options.reporting.json);
    for (auto& request : requests) {
        request.authorize = [&, target = request.target](const job::TargetPlan& plan) {
            return approved ? *approved : typed(plan, digests, target);
        };
    }
    std::vector<std::string> documents;
    if (order != nullptr) {
        documents = {options.targets.order,
                     approvals_path(options.targets.order, options.approval)};
    }
    if (expected.is_file()) {
        documents.push_back(options.plan);
    }
    return run_targets(program, std::move(requests), options.reporting, documents);
}

/// What was asked for, as far as its documents can be read.
std::vector<job::TargetRequest> asked_for(const EraseOptions& options,
                                          std::optional<mandate::Order>& order) {
    order = options.targets.load_order();
    return options.targets.requests(order ? &*order : nullptr);
}

/// Of each target, where it is known what the targets are.
void print_refusal_of(const Program& program, const EraseOptions& options, const Error& error) {
    try {
        std::optional<mandate::Order> order;
        print_refusal({program.state_dir}, asked_for(options, order), error);
    } catch (const Error&) {
        return;  // then the failure of the command is all that can be told
    }
}

int erase(const Program& program, const EraseOptions& options) {
    // Before anybody is asked; keys are the first thing that may be missing.
    (void)check_events(options.reporting.events, options.reporting.json);
    try {
        const auto keys = evidence::KeyStore::open(program.state().keys());
        std::optional<mandate::Order> order;
        auto requests = asked_for(options, order);
        return erase_requests(program, keys, options, std::move(requests),
                              order ? &*order : nullptr);
    } catch (const Error& error) {
        if (options.reporting.json && !document_printed()) {
            print_refusal_of(program, options, error);
        }
        throw;
    }
}

}  // namespace

void add_erase(Command& app, Program& program) {
    auto command =
        app.subcommand("erase", "Erase devices, files or memory, verify, and issue a certificate");
    auto options = std::make_shared<EraseOptions>();
    options->targets.add_to(command);
    command.add("--approval", options->approval, "Approvals of the order; default: ORDER.p7s")
        .kind("FILE");
    command
        .add("--plan", options->plan,
             "Refuse if the plan has changed: a file of efface plan --out, or for a single target "
             "its digest")
        .kind("FILE");
    command.add("--events", options->reporting.events, "NDJSON events to -, a file, or fd:N")
        .kind("FILE");
    command.flag("-J,--json", options->reporting.json, "Print one JSON document at the end");
    command.footer(techniques_footer());
    command.when_named([&program, options] {
        program.run = [&program, options] { return erase(program, *options); };
    });
}

}  // namespace efface::cli
