// SPDX-License-Identifier: Apache-2.0
#include "efface/evidence/log.hpp"

#include <fmt/format.h>

#include "efface/answers/verify.hpp"
#include "efface/base/file.hpp"
#include "efface/job/known_log.hpp"

#include "commands.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kVerifierKeyBytesMax = 4096;
constexpr const char* kLogCheckSchema = "efface.log-check/1";

struct LogOptions {
    std::string log;
    std::string log_key;
    bool json = false;
};

std::string verifier_key_of(const Program& program, const LogOptions& options) {
    if (!options.log.empty() && options.log_key.empty()) {
        throw Error(ErrorCode::usage, "the key of a log from elsewhere is needed",
                    "give its published key with --log-key");
    }
    const std::filesystem::path path = options.log_key.empty()
                                           ? program.state().keys() / "log.vkey"
                                           : std::filesystem::path(options.log_key);
    auto key = read_text_file(path, kVerifierKeyBytesMax);
    if (!key) {
        throw Error(ErrorCode::usage, path.string() + ": there is no such log key",
                    options.log_key.empty() ? "efface keys init" : "give it with --log-key");
    }
    auto line = evidence::verifier_key_line(*key);
    if (!line) {
        throw Error(ErrorCode::usage, path.string() + ": has no line \"name+id+key\"",
                    "give the content of log.vkey with --log-key");
    }
    return *std::move(line);
}

using answers::Answer;

Answer answer_of(const evidence::LogAudit& audit) {
    return !audit.readable ? Answer::not_known : audit.problems.empty() ? Answer::yes : Answer::no;
}

Json document_of(const evidence::LogAudit& audit) {
    return ObjectWriter()
        .add("schema", kLogCheckSchema)
        .add("exitCode", static_cast<int>(answer_of(audit)))
        .add("entries", audit.entries)
        .add("unsignedLines", audit.unsigned_lines)
        .add("setAside", audit.set_aside)
        .add("problems", audit.problems)
        .add("openIntents", Json(audit.open_intents))
        .add("lostRuns", Json(audit.lost_runs))
        .take();
}

std::string text_of(const evidence::LogAudit& audit) {
    std::string text = fmt::format("{} entries\n", audit.entries);
    for (const auto& problem : audit.problems) {
        text += "PROBLEM  " + problem + "\n";
    }
    for (const auto index : audit.open_intents) {
        text += fmt::format("open     the run announced in entry {} has no outcome\n", index);
    }
    for (const auto index : audit.lost_runs) {
        text += fmt::format("lost     entry {} closes a run that never ended\n", index);
    }
    if (audit.unsigned_lines != 0) {
        text += fmt::format(
            "unsigned {} after them: not signed yet, or added by someone else; not checked\n",
            audit.unsigned_lines == 1 ? "1 line" : fmt::format("{} lines", audit.unsigned_lines));
    }
    for (const auto& file : audit.set_aside) {
        text += "aside    lines that were never signed are in " + file + "; not checked\n";
    }
    return text + (!audit.readable ? "The log could not be read: nothing is known about it.\n"
                   : audit.problems.empty() ? "The log is intact.\n"
                                            : "The log is NOT intact.\n");
}

int check(const Program& program, const LogOptions& options) {
    const std::filesystem::path folder =
        options.log.empty() ? program.state().log() : std::filesystem::path(options.log);
    const auto key = verifier_key_of(program, options);
    // Before the log, which others write meanwhile.
    const auto known = options.log.empty() ? job::known_log(program.state(), key) : job::KnownLog();
    auto audit = evidence::audit_log(folder, key);
    if (audit.readable && audit.entries < known.size) {
        audit.problems.push_back(job::put_back_text(known, audit.entries));
    }
    if (options.json) {
        print_json(document_of(audit));
    } else {
        print(text_of(audit));
    }
    return static_cast<int>(answer_of(audit));
}

}  // namespace

void add_log(Command& app, Program& program) {
    auto log = app.subcommand("log", "Check the append-only log of runs");
    log.needs_subcommand();
    auto command = log.subcommand("check", "Read it completely: chained, complete, as signed");
    auto options = std::make_shared<LogOptions>();
    command
        .add("--log", options->log,
             "Folder with a log from elsewhere: entries.jsonl and checkpoint are enough")
        .kind("FOLDER");
    command.add("--log-key", options->log_key, "Trusted log key (vkey line)").kind("FILE");
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.when_named([&program, options] {
        program.rights = device::Rights::reading;
        program.run = [&program, options] { return check(program, *options); };
    });
}

}  // namespace efface::cli
