// SPDX-License-Identifier: Apache-2.0
#include "failure.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "terminal/console.hpp"

namespace efface::cli {

namespace {

struct AnswerForm {
    std::string_view command;
    const char* schema;
};
constexpr std::array kAnswerForms{
    AnswerForm{"erase", "efface.erase/1"},
    AnswerForm{"resume", "efface.erase/1"},
    AnswerForm{"project erase", "efface.run/1"},
    AnswerForm{"plan", "efface.plan/1"},
    AnswerForm{"list", "efface.list/1"},
    AnswerForm{"status", "efface.jobs/1"},
    AnswerForm{"jobs", "efface.jobs/1"},
    AnswerForm{"jobs forget", "efface.forgotten/1"},
    AnswerForm{"certificates", "efface.certificates/1"},
    AnswerForm{"verify", "efface.verification/1"},
    AnswerForm{"log check", "efface.log-check/1"},
    AnswerForm{"accept", "efface.accept/1"},
};
/// Of a command without a document of its own, and of none.
constexpr const char* kAnyCommand = "efface.error/1";

/// What the kernel forbids a user who is not root is no failure of the program; and where something
/// is missing that only root may see, that is said first.
Error as_this_user(const Error& error) {
    if (::geteuid() == 0) {
        return error;
    }
    const std::string_view what = error.what();
    const bool forbidden = what.find("(EACCES)") != std::string_view::npos ||
                           what.find("(EPERM)") != std::string_view::npos;
    if (!forbidden && error.reason() != ReasonCode::no_keys &&
        error.reason() != ReasonCode::no_capability) {
        return error;
    }
    // A folder that may not be read is "wrong use" to whoever tried to read it.
    const bool refused =
        error.code() == ErrorCode::internal || (forbidden && error.code() == ErrorCode::usage);
    return {refused ? ErrorCode::authorisation : error.code(),
            refused ? ReasonCode::no_capability : error.reason(), error.what(),
            "run efface as root: sudo efface ..."};
}

}  // namespace

bool asks_for_json(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--") {
            return false;
        }
        const bool flags = word.size() > 1 && word[0] == '-' && word[1] != '-';
        if (word == "--json" || word.starts_with("--json=") ||
            (flags && word.find('J') != std::string_view::npos)) {
            return true;
        }
    }
    return false;
}

Json failure_document(const std::string& command, const Error& error, bool changed) {
    const auto* form =
        std::find_if(kAnswerForms.begin(), kAnswerForms.end(),
                     [&](const AnswerForm& known) { return known.command == command; });
    ObjectWriter document;
    document.add("schema", form == kAnswerForms.end() ? kAnyCommand : form->schema);
    if (command == "project erase") {
        document.add("status", "none");
    }
    if (command == "verify") {
        document.add("verified", false);
    }
    return document.add("exitCode", static_cast<int>(error.code()))
        .add("changed", changed)
        .add("error", error_document(error))
        .take();
}

int fail_with(const std::string& command, bool json, const Error& error) {
    const auto told = as_this_user(error);
    say_error(told);
    if (json && !document_printed()) {
        print_ending_json(failure_document(command, told, false));
    }
    return static_cast<int>(told.code());
}

}  // namespace efface::cli
