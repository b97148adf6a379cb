// SPDX-License-Identifier: Apache-2.0
#include "erase_run.hpp"

#include <fmt/format.h>

#include "erase_options.hpp"
#include "run/run_io.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

Json document_of(const job::RunResult& result) {
    Json document = run_document(result);
    document["target"] = printable(result.name);
    document["reasons"] = efface::to_json(result.reasons);
    document["exceptions"] = efface::to_json(result.exceptions);
    return document;
}

std::string words_of(const job::RunResult& result) {
    std::string text =
        fmt::format("{}: {}, level {}{}\n", one_line(result.name), to_string(*result.verdict),
                    to_string(result.level),
                    result.done_before ? " (was already done at " + result.completed_at + ")" : "");
    for (const auto& exception : result.exceptions) {
        text += "  exception: " + one_line(exception.text) + "\n";
    }
    text += "  certificate: " + one_line(result.bundle.string()) + "\n";
    if (result.exit_code() == 3) {
        text += "  Data may still be readable: do not release this storage.\n";
    }
    return text;
}

/// Whether one of them may be changed is what the document says of all.
Json whole_document(const job::SessionResult& result) {
    Json targets = Json::array();
    for (const auto& run : result.runs) {
        targets.push_back(document_of(run));
    }
    return ObjectWriter()
        .add("schema", "efface.erase/1")
        .add("exitCode", result.exit_status())
        .add("changed", result.changed())
        .add("eventsLost", result.events_lost)
        .add("targets", std::move(targets))
        .take();
}

}  // namespace

int run_targets(const Program& program, std::vector<job::TargetRequest> requests,
                const EraseReporting& reporting, const std::vector<std::string>& documents) {
    TerminalSession session(program, reporting, {whole_document, words_of});
    session.refuse_own_files(names_of(requests), documents, true);
    for (auto& request : requests) {
        request.program = executable_path();
        session.runs().add(std::move(request));
    }
    return session.carry_out();
}

void print_refusal(const job::StateDirectory& state,
                   const std::vector<job::TargetRequest>& requests, const Error& error) {
    job::SessionResult result;
    for (const auto& request : requests) {
        auto& run = result.runs.emplace_back();
        run.name = request.target;
        run.changed = job::may_have_changed(state, request);
        run.error = error;
    }
    auto document = whole_document(result);
    document["error"] = error_document(error);
    print_ending_json(document);
}

}  // namespace efface::cli
