// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "efface/answers/verify.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/log.hpp"

#include "commands.hpp"
#include "console.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kVerifierKeyBytesMax = 4096;

int check(const Program& program, bool json) {
    const auto state = program.state();
    const auto key = read_text_file(state.keys() / "log.vkey", kVerifierKeyBytesMax);
    if (!key) {
        throw Error(ErrorCode::usage, "there is no log key in " + state.keys().string(),
                    "efface keys init");
    }
    const auto audit = evidence::audit_log(state.log(), *key);
    if (json) {
        print_json(ObjectWriter()
                       .add("schema", "efface.log-check/1")
                       .add("entries", audit.entries)
                       .add("problems", audit.problems)
                       .add("openIntents", Json(audit.open_intents))
                       .add("lostRuns", Json(audit.lost_runs))
                       .take());
    } else {
        std::string text = fmt::format("{} entries\n", audit.entries);
        for (const auto& problem : audit.problems) {
            text += "PROBLEM  " + problem + "\n";
        }
        for (const auto index : audit.open_intents) {
            text += fmt::format("open     the run announced in entry {} has no outcome\n", index);
        }
        for (const auto index : audit.lost_runs) {
            text += fmt::format("lost     entry {} closes a run that was never ended\n", index);
        }
        text += audit.problems.empty() ? "The log is whole.\n" : "The log is NOT whole.\n";
        print(text);
    }
    return static_cast<int>(audit.problems.empty() ? answers::Answer::yes : answers::Answer::no);
}

}  // namespace

void add_log(Command& app, Program& program) {
    auto log = app.subcommand("log", "Look at the append-only log of runs");
    log.needs_subcommand();
    auto command = log.subcommand("check", "Read it all: chained, complete, as signed");
    auto json = std::make_shared<bool>(false);
    command.flag("-J,--json", *json, "Print one JSON document");
    command.when_named(
        [&program, json] { program.run = [&program, json] { return check(program, *json); }; });
}

}  // namespace efface::cli
