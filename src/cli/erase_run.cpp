// SPDX-License-Identifier: Apache-2.0
#include "erase_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <thread>

#include "efface/method/memory_method.hpp"

#include "console.hpp"
#include "display.hpp"
#include "run_io.hpp"

namespace efface::cli {

namespace {

/// What became of one target: a result, or why there is none.
struct Ending {
    std::optional<job::TargetResult> result;
    std::optional<Error> error;

    [[nodiscard]] int status() const {
        return result ? result->exit_code() : static_cast<int>(error->code());
    }
};

Ending run_one(const Program& program, job::Host& host, const job::TargetRequest& request,
               const job::EventReceiver& receiver, std::stop_token stop) {
    const SystemClock clock;
    SystemRandom random;
    job::Events events(receiver, clock);
    job::RunContext context{program.state(), host, clock, random, events};
    const auto fail = [&](const Error& error) {
        job::emit_failure(events, request.target, error);
        return Ending{std::nullopt, error};
    };
    if (request.target == inventory::kFreeMemoryTarget && stop.stop_requested()) {
        return fail({ErrorCode::interrupted, request.target + ": not begun, as the run was stopped",
                     "give the same command again"});
    }
    try {
        return {job::run_target(context, request, std::move(stop)), std::nullopt};
    } catch (const Error& error) {
        return fail(error);
    } catch (const std::exception& error) {
        return fail({ErrorCode::internal, error.what()});
    }
}

Json document_of(const job::TargetRequest& request, const Ending& ending) {
    if (!ending.result) {
        const auto& error = *ending.error;
        return ObjectWriter()
            .add("target", printable(request.target))
            .add("status", "none")
            .add("exitCode", ending.status())
            .add("changed", job::may_have_changed(error))
            .add("error", error_document(error))
            .take();
    }
    const auto& result = *ending.result;
    return ObjectWriter()
        .add("target", result.name)
        .add("jobId", result.job_id)
        .add("runId", result.run_id)
        .add("status", to_string(result.verdict))
        .add("level", to_string(result.level))
        .add("exitCode", ending.status())
        .add("changed", result.changed)
        .add("reasons", result.reasons)
        .add("exceptions", result.exceptions)
        .add("bundle", result.bundle.string())
        .add("certificateSha256", result.certificate_sha256)
        .take();
}

void tell(const Ending& ending) {
    if (!ending.result) {
        say_error(*ending.error);
        return;
    }
    const auto& result = *ending.result;
    std::string text =
        fmt::format("{}: {}, level {}{}\n", result.name, to_string(result.verdict),
                    to_string(result.level), result.changed ? "" : " (was done before)");
    for (const auto& exception : result.exceptions) {
        text += "  exception: " + exception.text + "\n";
    }
    text += "  certificate: " + result.bundle.string() + "\n";
    if (result.exit_code() == 3) {
        text += "  Data may still be readable: do not release this storage.\n";
    }
    print_ending(text);
}

}  // namespace

void check_reporting(const EraseReporting& reporting) {
    if (reporting.json && reporting.events == "-") {
        throw Error(ErrorCode::usage, "--json and --events - both need standard output",
                    "send the events to a file or a descriptor");
    }
}

int worst_status(int a, int b) noexcept {
    constexpr std::array kFromWorst{3, 1, 7, 6, 2, 75, 8, 4, 5, 0};
    const auto rank = [&](int status) {
        return std::find(kFromWorst.begin(), kFromWorst.end(), status) - kFromWorst.begin();
    };
    return rank(a) <= rank(b) ? a : b;
}

std::vector<std::string> names_of(const std::vector<job::TargetRequest>& requests) {
    std::vector<std::string> names;
    for (const auto& request : requests) {
        names.push_back(request.target);
    }
    return names;
}

int run_targets(const Program& program, std::vector<job::TargetRequest> requests,
                const EraseReporting& reporting, const std::vector<std::string>& documents) {
    check_reporting(reporting);
    const EventFile event_file(reporting.events);
    RunDisplay display;
    std::mutex receiving;
    const job::EventReceiver receiver = [&](const Json& event) {
        const std::lock_guard lock(receiving);
        event_file.write(event);
        display.show(event);
    };
    const SignalWatch signals([&] { display.show_status(); });
    const auto host = job::make_linux_host(executable_path());
    const auto names = names_of(requests);
    job::refuse_own_files(*host, names, event_file.outputs(), documents);
    job::check_distinct(*host, names);
    std::vector<Ending> endings(requests.size());
    // What the others free is swept after them.
    for (const bool sweep : {false, true}) {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < requests.size(); ++i) {
            if ((requests[i].target == inventory::kFreeMemoryTarget) != sweep) {
                continue;
            }
            requests[i].program = executable_path();
            threads.emplace_back([&, i] {
                endings[i] = run_one(program, *host, requests[i], receiver, signals.token());
            });
        }
    }
    display.finish();
    int status = 0;
    Json results = Json::array();
    for (std::size_t i = 0; i < requests.size(); ++i) {
        status = worst_status(status, endings[i].status());
        if (reporting.json) {
            results.push_back(document_of(requests[i], endings[i]));
        } else if (reporting.events != "-") {
            tell(endings[i]);
        }
    }
    if (reporting.json) {
        print_ending_json(ObjectWriter()
                              .add("schema", "efface.erase/1")
                              .add("exitCode", status)
                              .add("targets", std::move(results))
                              .take());
    }
    return status;
}

}  // namespace efface::cli
