// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "commands.hpp"
#include "erase/erase_options.hpp"
#include "erase/erase_run.hpp"
#include "erase/expected_plan.hpp"
#include "erase/plan_text.hpp"
#include "erase/run_io.hpp"
#include "line/help.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

/// A serial number may be typed or scanned by its end, when that is long enough to tell disks
/// apart.
constexpr std::size_t kTokenEndMin = 6;

struct EraseOptions {
    TargetOptions targets;
    std::string approval;
    std::string plan;
    EraseReporting reporting;
};

bool confirms(const std::string& answer, const std::string& token) {
    return answer == token || (answer.size() >= kTokenEndMin && token.ends_with(answer));
}

std::string question_for(const job::TargetPlan& plan) {
    const bool serial = plan.identity.value("serial", "") == plan.confirm_token;
    return fmt::format("type {}{} to erase {} permanently: ", serial ? "the serial number " : "",
                       one_line(plan.confirm_token), one_line(plan.name));
}

/// Asks for each target in turn, before anything starts. The answers hold for exactly the plans
/// that were shown.
std::map<std::string, std::string> confirm(const Program& program,
                                           const std::vector<job::TargetRequest>& requests) {
    const auto host = job::make_linux_host(executable_path());
    const SystemClock clock;
    SystemRandom random;
    job::Events events({}, clock);
    job::RunContext context{program.state(), *host, clock, random, events};
    std::map<std::string, std::string> digests;
    for (const auto& request : requests) {
        const auto plan = job::make_target_plan(context, request);
        show(plan_text(plan));
        if (!plan.objections.empty()) {
            continue;  // the run itself refuses and says why
        }
        const auto answer = ask(question_for(plan));
        if (!confirms(answer, plan.confirm_token)) {
            throw Error(ErrorCode::authorisation, ReasonCode::wrong_token,
                        plan.name + ": what was typed does not name it: nothing was changed");
        }
        digests[request.target] = job::plan_digest(plan);
    }
    return digests;
}

mandate::Authorization typed(const job::TargetPlan& plan,
                             const std::map<std::string, std::string>& digests,
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
        approved ? std::map<std::string, std::string>() : confirm(program, requests);
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

int erase(const Program& program, const EraseOptions& options) {
    // Before anybody is asked; keys are the first thing that may be missing.
    (void)check_events(options.reporting.events, options.reporting.json);
    const auto keys = evidence::KeyStore::open(program.state().keys());
    const auto order = options.targets.load_order();
    const auto* loaded = order ? &*order : nullptr;
    const auto requests = options.targets.requests(loaded);
    try {
        return erase_requests(program, keys, options, requests, loaded);
    } catch (const Error& error) {
        if (options.reporting.json && !document_printed()) {
            print_refusal(requests, error);
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
    command.add("--approval", options->approval, "Approvals of the order; default: ORDER.p7s");
    command.add("--plan", options->plan,
                "Refuse if the plan has changed: a file of efface plan --out, or for a single "
                "target its digest");
    command.add("--events", options->reporting.events, "NDJSON events to -, a file, or fd:N");
    command.flag("-J,--json", options->reporting.json, "Print one JSON document at the end");
    command.footer(techniques_footer());
    command.when_named([&program, options] {
        program.run = [&program, options] { return erase(program, *options); };
    });
}

}  // namespace efface::cli
